"""Cuts what comes in pieces into whole lines."""


class LineCutter:
    """Holds a line until it is whole; how long one may become is whoever feeds it to say, by `pending`."""

    def __init__(self) -> None:
        self.pending = 0
        """Bytes of the line that has begun."""
        self._begun: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that are whole by now, without their ends."""
        first, *others = piece.split(b"\n")
        self._begun.append(first)
        self.pending += len(first)
        if not others:
            return []
        *rest, begun = others
        whole = [b"".join(self._begun), *rest]
        self._begun, self.pending = [begun], len(begun)
        return whole
