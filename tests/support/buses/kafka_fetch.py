"""Fetch a real Kafka by Maven, once a machine: `python -m tests.support.buses.kafka_fetch`.

A first run archives the classes of its jars (AppCDS), which makes every later start a second and a half shorter.
"""

import sys
from pathlib import Path

from tests.support import maven

VERSION = "4.4.0"
_FOLDER = f"kafka-{VERSION}"
_ARTIFACTS = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.5",  # without a binding the broker says nothing
)


def missing() -> str:
    """Return what keeps it from being fetched and run here, empty where nothing does."""
    return maven.missing(_FOLDER)


def fetched() -> Path:
    """Return the folder with the jars. Raises subprocess.CalledProcessError where Maven could not fetch them."""
    return maven.fetched(_FOLDER, _ARTIFACTS, inside="lib")


if __name__ == "__main__":
    print(missing() or fetched())  # noqa: T201 - a command line
    sys.exit(bool(missing()))
