"""Where one message ends and the next begins, told by one framing alone: what keeps to the other comes out garbled."""

from typing import Final, Literal

Framing = Literal["newline", "octet"]

_DIGITS: Final = 7
_LONGEST: Final = 1_000_000


class FramingError(Exception):
    """No length stands where one must: nobody can say where the next message begins."""


class Splitter:
    """Cuts a stream of bytes into payloads; one longer than `most` is cut into several, as QRadar does it."""

    def __init__(self, framing: Framing, most: int) -> None:
        self._take = self._line if framing == "newline" else self._counted
        self._most = most
        self._held = b""

    def fed(self, data: bytes) -> list[bytes]:
        """Return the payloads that are whole now. Raises FramingError."""
        self._held += data
        found: list[bytes] = []
        while (one := self._take()) is not None:
            found += [one[begin : begin + self._most] for begin in range(0, len(one), self._most)]
        return found

    def _line(self) -> bytes | None:
        line, end, rest = self._held.partition(b"\n")
        if not end and len(line) <= self._most:
            return None
        if not end:
            line, rest = line[: self._most], line[self._most :]
        self._held = rest
        return line.rstrip(b"\r")

    def _counted(self) -> bytes | None:
        length, space, rest = self._held.partition(b" ")
        if not length.isdigit() if space else (len(length) > _DIGITS or (length and not length.isdigit())):
            raise FramingError
        if space and int(length) > _LONGEST:
            raise FramingError
        if not space or len(rest) < int(length):
            return None
        self._held = rest[int(length) :]
        return rest[: int(length)]
