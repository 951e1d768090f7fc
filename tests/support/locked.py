"""What is locked, and what is installed."""

import email
import re
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.servers import ROOT


def locked(name: str) -> dict[str, str]:
    """Return the versions of a locked file that are for this machine."""
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.removesuffix("\\").strip()) for line in lines if line[:1].isalnum()]
    return {plain(one.name): str(one.specifier)[2:] for one in found if not one.marker or one.marker.evaluate()}


def installed(packages: Path) -> dict[str, str]:
    """Return the version of each distribution of a folder of packages."""
    metadata = (email.message_from_bytes(file.read_bytes()) for file in packages.glob("*.dist-info/METADATA"))
    return {plain(one["Name"]): one["Version"] for one in metadata}


def plain(name: str) -> str:
    """Return a distribution's name in the one form of the index."""
    return re.sub(r"[-_.]+", "-", name).lower()
