"""Packs compiled to one file: what a cold start loads instead of YAML (speed.md, cold start).

The file holds plain tuples in the interpreter's own `marshal` form, which reads in a millisecond or two. It is as
trusted as the code beside it: the build hook makes it into the wheel, and a checkout makes it for itself, git-ignored.
A fingerprint of the packs and of the code that read them tells a stale file from a fresh one.
"""

import hashlib
import marshal
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from shared.rules.ruleset import Rule

FORMAT = 1
FILE = "_compiled.bin"
_MARSHAL_VERSION = 4  # every Python since 3.4 reads it
_COMPILERS = ("compiled", "fields", "matchers", "model", "pack", "parsing", "regex", "ruleset", "specificity")


def fingerprint(folder: Path) -> str:
    """Return a digest of the pack files and of the modules that turn them into rules. Raises OSError."""
    found = hashlib.sha256(str(FORMAT).encode())
    here = Path(__file__).parent
    sources = [here / f"{name}.py" for name in _COMPILERS]
    packs = sorted(file for file in folder.glob("*.yaml") if not file.stem.endswith("_test"))
    for file in (*sources, *packs):
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def dump(rules: Iterable[Rule], mark: str) -> bytes:
    """Return the compiled form of rules whose packs have this fingerprint."""
    return marshal.dumps((FORMAT, mark, [tuple(rule) for rule in rules]), _MARSHAL_VERSION)


def load(file: Path, mark: str) -> list[Rule] | None:
    """Return the rules of a compiled file; None where there is none, or where it is not of this fingerprint."""
    try:
        form, found, rows = marshal.loads(file.read_bytes())  # noqa: S302 - our own file, as trusted as this module
    except (OSError, ValueError, EOFError, TypeError):
        return None
    if (form, found) != (FORMAT, mark):
        return None
    return [Rule(*row) for row in rows]


def write(file: Path, data: bytes) -> bool:
    """Put the file in place at once, whole; False where the folder cannot be written (an image, a foreign checkout)."""
    try:
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except OSError:
        return False
    return True
