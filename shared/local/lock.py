"""A lock on a file that lives exactly as long as the process that holds it."""

import fcntl
import os
from pathlib import Path


class InUseError(Exception):
    """Another process holds the lock."""


def take(path: Path) -> int:
    """Lock the file, made where it is not there; return its handle. Raises InUseError, OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise InUseError(str(path)) from None
    return handle


def give_back(handle: int | None) -> None:
    """Unlock the file; nothing for None."""
    if handle is not None:
        os.close(handle)
