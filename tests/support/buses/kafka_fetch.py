"""Fetch a real Kafka by Maven, once a machine: `python -m tests.support.buses.kafka_fetch`.

The jars lie in the user's cache folder. A first run archives their classes (AppCDS), which makes every later start a
second and a half shorter.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "4.4.0"
_LOGGING = "2.25.5"  # without a binding the broker says nothing
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_PART = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def folder() -> Path:
    """Return the folder of what was fetched, or will be."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tidings" / f"kafka-{VERSION}"


def missing() -> str:
    """Return what keeps it from being fetched and run here, empty where nothing does."""
    absent = [program for program in ("java", *(() if folder().exists() else ("mvn",))) if not shutil.which(program)]
    return f"{' and '.join(absent)} cannot be found" if absent else ""


def fetched() -> Path:
    """Return the folder with the jars, fetched where they are not yet there.

    Raises:
        subprocess.CalledProcessError: Maven could not fetch them; its own words are in the error's output.
    """
    target = folder()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        (Path(work) / "pom.xml").write_text(_pom(), encoding="utf-8")
        command = ["mvn", "-q", "-B", "-ntp", _PLUGIN, "-DincludeScope=runtime", "-DoutputDirectory=made/lib"]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        (Path(work) / "made").rename(target)
    return target


def _pom() -> str:
    parts = [
        _PART.format("org.apache.kafka", "kafka_2.13", VERSION),
        _PART.format("org.apache.logging.log4j", "log4j-slf4j-impl", _LOGGING),
    ]
    head = "<modelVersion>4.0.0</modelVersion><groupId>tidings</groupId><artifactId>servers</artifactId>"
    dependencies = f"<dependencies>{''.join(parts)}</dependencies>"
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">{head}<version>1</version>{dependencies}</project>'


if __name__ == "__main__":
    print(missing() or fetched())  # noqa: T201 - a command line
    sys.exit(bool(missing()))
