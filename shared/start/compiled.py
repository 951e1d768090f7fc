"""What is shipped as YAML, compiled to one file: what a cold start loads instead.

The file holds plain tuples and dictionaries in the interpreter's own `marshal` form, which reads in a millisecond or
two. It is as trusted as the code beside it: the build hook makes it into the wheel, and a checkout makes it for itself,
git-ignored. In a checkout a fingerprint of the YAML and of the code that reads it tells a stale file from a fresh one.
What is installed does not change, and a start from there reads nothing but the compiled file.
"""

import hashlib
import marshal
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

INSTALLED: Final = ""
"""In place of a fingerprint: the file lies in a wheel beside the very YAML and code that it was made of."""
_MARSHAL_VERSION = 4  # every Python since 3.4 reads it


def fingerprint(form: int, files: Iterable[Path]) -> str:
    """Return a digest of files, and of the number of the form that they are compiled to. Raises OSError."""
    found = hashlib.sha256(str(form).encode())
    for file in files:
        content = file.read_bytes()
        found.update(f"{file.name} {len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()


def dump(content: Any, mark: str) -> bytes:
    """Return the file's bytes, the same for the same content. Raises ValueError for what marshal does not know.

    marshal marks what more than one name refers to and which texts are interned, and so writes equal content in other
    bytes from one process to the next. Here each value is one object, all are referred to, and no text is interned but
    the shortest, which cannot be otherwise: interning thousands of them takes a third of the time of loading.
    """
    kept: dict[Any, Any] = {}
    whole = (_one(mark, kept), _one(content, kept))
    return marshal.dumps(whole, _MARSHAL_VERSION)


def _one(value: Any, kept: dict[Any, Any]) -> Any:
    """Return the one object of a value; `kept` has all of them."""
    if isinstance(value, dict):
        made = {_one(key, kept): _one(inner, kept) for key, inner in value.items()}
        return kept.setdefault(id(made), made)
    if isinstance(value, list):
        several = [_one(inner, kept) for inner in value]
        return kept.setdefault(id(several), several)
    if isinstance(value, tuple):
        parts = tuple(_one(inner, kept) for inner in value)
        # By the identity of its parts: (1,) and (True,) are equal, and not the same.
        return kept.setdefault(tuple(map(id, parts)), parts)
    return kept.setdefault((type(value), repr(value)), _text(value) if type(value) is str else value)


def _text(value: str) -> str:
    return value.encode().decode() if len(value) > 1 else sys.intern(value)


def load(file: Path, mark: Callable[[], str]) -> Any:
    """Return the content of a compiled file; None where there is none, or where it is stale.

    `mark` makes the fingerprint that a fresh one has; it is not asked where the file is installed. Raises OSError where
    that does.
    """
    try:
        found, content = marshal.loads(file.read_bytes())  # noqa: S302 - our own file, as trusted as this module
    except (OSError, ValueError, EOFError, TypeError):
        return None
    return content if found == INSTALLED or found == mark() else None


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
