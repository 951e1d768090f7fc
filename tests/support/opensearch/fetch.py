"""Fetch a real OpenSearch, once a machine: `python -m tests.support.opensearch.fetch`.

Maven artifacts only. They lie in the user's cache folder, outside of the checkout. The distribution for integration
tests has no security, so no login and no TLS; ingest pipelines come from two modules that are put beside it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

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
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def folder() -> Path:
    """Return the folder of what was fetched, or will be."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tidings" / f"opensearch-{VERSION}"


def missing() -> str:
    """Return what keeps it from being fetched and run here, empty where nothing does."""
    absent = [program for program in ("java", *(() if folder().exists() else ("mvn",))) if not shutil.which(program)]
    if absent:
        return f"{' and '.join(absent)} cannot be found"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S607
    found = re.search(r'version "(\d+)', told)
    return "" if found and int(found[1]) in _JAVAS else f"OpenSearch {VERSION} needs Java 11 to 23, here is another"


def fetched() -> Path:
    """Return the folder with the distribution and the jars, fetched where they are not yet there.

    Raises:
        subprocess.CalledProcessError: Maven could not fetch them; its own words are in the error's output.
    """
    target = folder()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        (Path(work) / "pom.xml").write_text(_pom(), encoding="utf-8")
        command = ["mvn", "-q", "-B", "-ntp", _PLUGIN, "-DincludeScope=runtime", "-DoutputDirectory=made"]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        (Path(work) / "made").rename(target)
    return target


def _pom() -> str:
    """Return a project of exactly these artifacts, and of nothing that they depend on."""
    parts = []
    for artifact in _ARTIFACTS:
        group, name, version, kind = (*artifact.split(":"), "jar")[:4]
        given = {"groupId": group, "artifactId": name, "version": version, "type": kind}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in given.items())
        everything = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        parts.append(f"<dependency>{inner}<exclusions>{everything}</exclusions></dependency>")
    head = "<modelVersion>4.0.0</modelVersion><groupId>tidings</groupId><artifactId>servers</artifactId>"
    dependencies = f"<dependencies>{''.join(parts)}</dependencies>"
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">{head}<version>1</version>{dependencies}</project>'


if __name__ == "__main__":
    print(missing() or fetched())  # noqa: T201 - a command line
    sys.exit(bool(missing()))
