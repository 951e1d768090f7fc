"""The events that are kept in memory: the newest, and what consumers read lately. Bounded in number and bytes."""

from bisect import bisect_right, insort
from collections import OrderedDict

from shared.local.broker.database import Page
from shared.local.broker.records import Stored, head_of

_MAX_EVENTS = 2048
_MAX_BYTES = 2 * 1024 * 1024  # as stored: decoded, an event takes some four times as much memory


class Window:
    """Runs of consecutive events; the run that was not used for longest goes first."""

    def __init__(self, max_events: int = _MAX_EVENTS, max_bytes: int = _MAX_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._runs: OrderedDict[int, list[Stored]] = OrderedDict()
        self._firsts: list[int] = []
        self.events = 0
        self.bytes = 0

    def add(self, run: list[Stored]) -> None:
        """Keep a run; one that begins at the same offset is replaced."""
        if not run:
            return
        first = run[0].offset
        if first in self._runs:
            self._drop(first)
        self._runs[first] = run
        insort(self._firsts, first)
        self.events += len(run)
        self.bytes += sum(stored.size for stored in run)
        while len(self._runs) > 1 and (self.events > self._max_events or self.bytes > self._max_bytes):
            self._drop(next(iter(self._runs)))

    def read(self, offset: int) -> list[Stored]:
        """Return the kept events from `offset` to the end of its run, none where it is not kept."""
        place = bisect_right(self._firsts, offset)
        if not place:
            return []
        first = self._firsts[place - 1]
        run = self._runs[first]
        if offset - first >= len(run):
            return []
        self._runs.move_to_end(first)
        return run if offset == first else run[offset - first :]

    def _drop(self, first: int) -> None:
        run = self._runs.pop(first)
        self._firsts.remove(first)
        self.events -= len(run)
        self.bytes -= sum(stored.size for stored in run)


def run_of(pages: list[Page], offset: int) -> list[Stored]:
    """Return the events from `offset` on up to the first gap: a run without one is what the window can keep."""
    run: list[Stored] = []
    for page in pages:
        if run and page.first != run[-1].offset + 1:
            break
        run += [stored for stored in unpack(page) if stored.offset >= offset]
    return run


def unpack(page: Page) -> list[Stored]:
    """Return exactly the events that the page was given, also where lines of it are damaged or missing."""
    lines = page.body.split(b"\n")[: page.count]
    lines += [b""] * (page.count - len(lines))
    return [_stored(page.first + place, line, page.at) for place, line in enumerate(lines)]


def _stored(offset: int, line: bytes, at: float) -> Stored:
    head, data = head_of(line)
    return Stored(offset, head, at, len(line), data)
