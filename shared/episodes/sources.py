"""How often a problem occurred: the sum over its Event objects of the greatest count that each has reported.

What the object's own state says is no further occurrence: it counts where it says more than all Events together, as
where the cluster sent none.

Bounded: beyond SOFT sources the oldest are only kept as a sum. A source that is not known and not newer than the newest
one given up may be one of those, so it adds nothing: repetition never raises the count. Sources of the last minute are
not given up before HARD, so that reordering within that time does not change the count either.
"""

from dataclasses import dataclass, field

STATE = ""
"""The source that stands for the object's own state: a condition in its status."""
SOFT = 100
HARD = 300
_ENOUGH = 200
_YOUNG = 60.0


@dataclass(slots=True)
class Sources:
    """Counts by source. `known` maps a source's short key to its greatest count and the time of its last report."""

    known: dict[str, tuple[int, float]] = field(default_factory=dict)
    given_up: int = 0
    horizon: float = 0.0
    state: int = 0  # what STATE has reported
    total: int = field(init=False)  # how often it occurred
    _events: int = field(init=False)

    def __post_init__(self) -> None:
        self._events = self.given_up + sum([count for count, _ in self.known.values()])
        self.total = max(self._events, self.state)

    def copy(self) -> "Sources":
        """Return a copy that can change on its own."""
        copied = Sources({}, self.given_up, self.horizon, self.state)
        copied.known, copied.total, copied._events = dict(self.known), self.total, self._events
        return copied

    def add(self, source: str, count: int, time: float) -> None:
        """Take in one report of a source; the same or an older one changes nothing."""
        if source == STATE:
            self.state = max(self.state, count)
            self.total = max(self.total, self.state)
            return
        found = self.known.get(source)
        if found is None:
            if self.given_up and time <= self.horizon:
                return
            self.known[source] = (count, time)
            self._events += count
            if len(self.known) > HARD:
                self.bound()
        else:
            self.known[source] = (max(found[0], count), max(found[1], time))
            self._events += max(0, count - found[0])
        self.total = max(self._events, self.state)

    def bound(self) -> bool:
        """Give up the oldest sources beyond the bounds; return True where any went."""
        before = len(self.known)
        if before <= SOFT:
            return False
        crowded = before > HARD  # then the young go too, many at once: sorting has its price
        times = [time for _, time in self.known.values()]
        young = max(times) - _YOUNG
        if not crowded and min(times) >= young:
            return False
        for key, (count, time) in sorted(self.known.items(), key=lambda item: (item[1][1], item[0])):
            size = len(self.known)
            if size <= SOFT or (time >= young and (not crowded or size <= _ENOUGH)):
                break
            del self.known[key]
            self.given_up += count
            self.horizon = max(self.horizon, time)
        return len(self.known) < before
