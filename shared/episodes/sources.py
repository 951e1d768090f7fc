"""How often a problem occurred: the sum over its Event objects of the greatest count that each has reported.

Bounded: beyond SOFT sources the oldest are only kept as a sum. A source that is not known and not newer than the newest
one given up may be one of those, so it adds nothing: repetition never raises the count. Sources of the last minute are
not given up before HARD, so that reordering within that time does not change the count either.
"""

from dataclasses import dataclass, field

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
    total: int = field(init=False)  # how often it occurred

    def __post_init__(self) -> None:
        self.total = self.given_up + sum([count for count, _ in self.known.values()])

    def copy(self) -> "Sources":
        """Return a copy that can change on its own."""
        copied = Sources({}, self.given_up, self.horizon)
        copied.known, copied.total = dict(self.known), self.total
        return copied

    def add(self, source: str, count: int, time: float) -> None:
        """Take in one report of a source; the same or an older one changes nothing."""
        found = self.known.get(source)
        if found is None:
            if self.given_up and time <= self.horizon:
                return
            self.known[source] = (count, time)
            self.total += count
            if len(self.known) > HARD:
                self.bound()
        else:
            self.known[source] = (max(found[0], count), max(found[1], time))
            self.total += max(0, count - found[0])

    def bound(self) -> None:
        """Give up the oldest sources beyond the bounds."""
        if len(self.known) <= SOFT:
            return
        crowded = len(self.known) > HARD  # then the young go too, many at once: sorting has its price
        newest = max(time for _, time in self.known.values())
        for key, (count, time) in sorted(self.known.items(), key=lambda item: (item[1][1], item[0])):
            size = len(self.known)
            if size <= SOFT or (time >= newest - _YOUNG and (not crowded or size <= _ENOUGH)):
                return
            del self.known[key]
            self.given_up += count
            self.horizon = max(self.horizon, time)
