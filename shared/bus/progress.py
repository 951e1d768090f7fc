"""How far a group is in one partition, however out of order its deliveries end. Pure."""

from collections.abc import Iterable


class Progress:
    """Everything below `next` was given to a consumer; of that, `open` is what has not ended yet.

    What is committed is `low`: after a crash everything from there on is given again.
    """

    __slots__ = ("next", "open")

    def __init__(self, next_offset: int, opened: Iterable[int] = ()) -> None:
        self.next = next_offset
        self.open: set[int] = set(opened)

    def begin(self, offset: int) -> None:
        """Note that this one was given to a consumer; offsets grow, and may have gaps."""
        self.open.add(offset)
        self.next = max(self.next, offset + 1)

    def end(self, offset: int) -> bool:
        """Note that this one has ended; False where it is not, or no longer, to be ended."""
        if offset not in self.open:
            return False
        self.open.remove(offset)
        return True

    def low(self) -> int:
        """Return the lowest offset that is still needed."""
        return min(self.open, default=self.next)
