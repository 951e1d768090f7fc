"""Gzip made large again, a small piece at a time: whoever counts can stop before a bomb has gone off."""

import zlib
from collections.abc import Iterator
from typing import Any, Final

PIECE: Final = 64 * 1024
"""Most bytes of a piece."""


class Gunzip:
    """Inflates gzip, of several members, too."""

    def __init__(self) -> None:
        self._member: Any = None  # zlib's type has no public name
        self._begun = False

    @property
    def complete(self) -> bool:
        """Return True where what was fed ends where a member ends; nothing at all is no gzip."""
        return self._begun and self._member is None

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what this makes, in pieces of at most 64 KiB. Raises zlib.error for what is no gzip."""
        self._begun = self._begun or bool(piece)
        full = False  # then more may be to come of what went in already
        while piece or full:
            if self._member is None:
                self._member = zlib.decompressobj(wbits=31)
            part = self._member.decompress(piece, PIECE)
            if part:
                yield part
            piece = self._member.unconsumed_tail
            full = len(part) == PIECE
            if self._member.eof:
                piece, self._member, full = self._member.unused_data, None, False
