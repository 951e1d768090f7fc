"""Fetch a real OpenSearch, once a machine: `python -m tests.support.opensearch.fetch`.

Maven artifacts only. They lie in the user's cache folder, outside of the checkout. The distribution for integration
tests has no security, so no login and no TLS; ingest pipelines come from two modules that are put beside it.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.support import maven

VERSION = "2.19.6"
ZIP = f"opensearch-{VERSION}.zip"
MODULES = {
    "lang-painless": (
        "org.opensearch.painless.PainlessPlugin",
        ("lang-painless", "opensearch-scripting", "antlr", "asm"),
    ),
    "ingest-common": (
        "org.opensearch.ingest.common.IngestCommonPlugin",
        ("ingest-common", "opensearch-dissect", "opensearch-grok", "jcodings", "joni"),
    ),
}
"""Each module's class, and what its jars begin with."""
_ARTIFACTS = (
    f"org.opensearch.distribution.integ-test-zip:opensearch:{VERSION}:zip",
    *(f"org.opensearch.plugin:{name}:{VERSION}" for name in (*MODULES, "opensearch-scripting-painless-spi")),
    *(f"org.opensearch:opensearch-{name}:{VERSION}" for name in ("dissect", "grok")),
    "org.antlr:antlr4-runtime:4.13.1",
    *(f"org.ow2.asm:{name}:9.7" for name in ("asm", "asm-util", "asm-commons", "asm-tree", "asm-analysis")),
    "org.jruby.jcodings:jcodings:1.0.61",
    "org.jruby.joni:joni:2.2.1",
)
_JAVAS = range(11, 24)  # later ones have no security manager
_FOLDER = f"opensearch-{VERSION}"


def missing() -> str:
    """Return what keeps it from being fetched and run here, empty where nothing does."""
    absent = maven.missing(_FOLDER)
    if absent:
        return absent
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S607
    found = re.search(r'version "(\d+)', told)
    return "" if found and int(found[1]) in _JAVAS else f"OpenSearch {VERSION} needs Java 11 to 23, here is another"


def fetched() -> Path:
    """Return the folder with exactly these artifacts, and nothing that they depend on.

    Raises:
        subprocess.CalledProcessError: Maven could not fetch them; its own words are in the error's output.
    """
    return maven.fetched(_FOLDER, _ARTIFACTS, alone=True)


if __name__ == "__main__":
    print(missing() or fetched())  # noqa: T201 - a command line
    sys.exit(bool(missing()))
