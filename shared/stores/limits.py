"""The limits that every store keeps: what a key may look like and how large a value may be."""

import re

MAX_VALUE = 1024 * 1024
_KEY = re.compile(r"[a-z0-9._-]{1,512}")


def check(key: str, value: bytes = b"") -> None:
    """Raise ValueError for a key or a value that no store takes: an error of the program, not of the data."""
    if not _KEY.fullmatch(key):
        raise ValueError("a key has 1 to 512 of the characters a-z 0-9 . _ -")
    if len(value) > MAX_VALUE:
        raise ValueError("a value has at most 1 MiB")
