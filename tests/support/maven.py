"""Real servers by Maven, fetched once a machine into the user's cache folder, outside of the checkout."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_ALONE = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"


def folder(name: str) -> Path:
    """Return the folder of what was fetched under a name, or will be."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tidings" / name


def missing(name: str) -> str:
    """Return which programs it cannot be fetched and run without here, empty where all are there."""
    wanted = ("java", *(() if folder(name).exists() else ("mvn",)))
    absent = [program for program in wanted if not shutil.which(program)]
    return f"{' and '.join(absent)} cannot be found" if absent else ""


def fetched(name: str, artifacts: Iterable[str], *, inside: str = "", alone: bool = False) -> Path:
    """Return the folder with the artifacts (`group:name:version[:type]`), fetched where they are not yet there.

    They are put `inside` a folder of it. What they depend on comes too, unless they are to be `alone`.

    Raises:
        subprocess.CalledProcessError: Maven could not fetch them; its own words are in the error's output.
    """
    target = folder(name)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        (Path(work) / "pom.xml").write_text(_pom(artifacts, alone=alone), encoding="utf-8")
        into = f"-DoutputDirectory={Path('made') / inside}"
        command = ["mvn", "-q", "-B", "-ntp", _PLUGIN, "-DincludeScope=runtime", into]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        (Path(work) / "made").rename(target)
    return target


def _pom(artifacts: Iterable[str], *, alone: bool) -> str:
    parts = []
    for artifact in artifacts:
        group, name, version, kind = (*artifact.split(":"), "jar")[:4]
        given = {"groupId": group, "artifactId": name, "version": version, "type": kind}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in given.items())
        parts.append(f"<dependency>{inner}{_ALONE if alone else ''}</dependency>")
    head = "<modelVersion>4.0.0</modelVersion><groupId>tidings</groupId><artifactId>servers</artifactId>"
    dependencies = f"<dependencies>{''.join(parts)}</dependencies>"
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">{head}<version>1</version>{dependencies}</project>'
