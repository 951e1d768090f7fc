"""How far one consumer is: compact however out of order its events end. Pure.

Everything below `next` has been looked at; of that, `open` is what has not ended yet. So a destination that is down for
hours costs at most as many numbers as there may be requests in flight.
"""

from collections.abc import Iterable, Sequence

import orjson

WHOLE = -1
"""The lane of an unordered Trigger."""


class Cursor:
    """The progress of one Trigger (or of one partition of an ordered Trigger) through the log."""

    __slots__ = ("changed", "lane", "next", "open", "trigger")

    def __init__(self, trigger: str, lane: int, next_offset: int, opened: Iterable[int] = ()) -> None:
        self.trigger = trigger
        self.lane = lane
        self.next = next_offset
        self.open: set[int] = set(opened)
        self.changed = False

    def skip(self, offset: int) -> None:
        """Note that the event at `offset` is none of this consumer's."""
        self.next = offset + 1
        self.changed = True

    def begin(self, offset: int) -> None:
        """Note that the event at `offset` is on its way."""
        self.open.add(offset)
        self.next = offset + 1
        self.changed = True

    def end(self, offsets: Iterable[int]) -> None:
        """Note that these have ended, once that is durable."""
        self.open.difference_update(offsets)

    def low(self) -> int:
        """Return the lowest offset that is still needed."""
        return min(self.open, default=self.next)

    def snapshot(self, ending: Iterable[int] = ()) -> str:
        """Return the state to store, as if `ending` had ended."""
        return orjson.dumps([self.next, *sorted(self.open.difference(ending))]).decode()


def restore(trigger: str, lane: int, state: str) -> Cursor:
    """Return the cursor that `snapshot` wrote; what was on its way is delivered again."""
    next_offset, *opened = orjson.loads(state)
    return Cursor(trigger, lane, next_offset, opened)


def resumed(trigger: str, lanes: Sequence[int], before: list[Cursor], latest: int) -> list[Cursor]:
    """Return where a Trigger goes on: where it was, or at the latest event if its name was never seen.

    One that became ordered (or is no more) begins at the lowest event that had not ended: repeats, but no gap.
    """
    if sorted(cursor.lane for cursor in before) == list(lanes):
        return before
    start = min((cursor.low() for cursor in before), default=latest)
    return [Cursor(trigger, lane, start) for lane in lanes]
