"""What a run says of its size: one line of the table, and what came nearest to its bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from tests.bench.measure import number, percentile
from tests.bench.scaling.hub import WARM, Seen
from tests.bench.scaling.plan import FUNCTIONS, Plan
from tests.bench.scaling.traffic import STORM_LASTS
from tests.bench.scaling.trigger import IN_FLIGHT

_BUSY: Final = 0.8
_HOUR: Final = 3600.0
BEFORE: Final = 60
"""Seconds before the storm from which on it is said how many wait."""
HEADINGS: Final = (
    "clusters on one Broker",
    "that lose a node at once",
    "events/s: calm, worst second",
    "most pods",
    "most that waits",
    "worked off, after the storm's end",
    "event to Splunk, calm: p50, p99",
    "event to Splunk, in the storm: p99",
    "ticket, calm: p50, p99",
    "ticket, in the storm: p99",
    "calls of ServiceNow an hour, requests in them",
    "calls an hour that it allows",
    "nearest to its bound in the storm",
)


@dataclass(frozen=True, slots=True)
class Summary:
    """One size. Seconds are seconds, `drained` those after the storm's end (None: not within the run).

    `pods` are the most of each function in the storm; `calls` of ServiceNow an hour, with so many `requests`, before
    it; `bounds` how much of its bound each resource took in the storm's minute; `lags` what was not done with, second
    by second from a minute before the storm on.
    """

    name: str
    clusters: int
    storms: int
    rate: float
    peak: float
    pods: Mapping[str, int]
    most: int
    drained: float | None
    siem: Sequence[float]
    siem_storm: float
    ticket: Sequence[float]
    ticket_storm: float | None
    calls: float
    requests: float
    limit: int
    bounds: Mapping[str, float]
    lags: Sequence[int]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return what `as_json` was."""
        return cls(**data)

    @property
    def nearest(self) -> tuple[str, float]:
        """Return what came nearest to its bound in the storm, and how near; of equals a core rather than places."""
        return max(self.bounds.items(), key=lambda item: (round(item[1], 2), not item[0].startswith("places")))

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells as HEADINGS names them."""
        nearest, share = self.nearest
        ticket_storm = "-" if self.ticket_storm is None else _seconds(self.ticket_storm)
        return (
            self.name,
            f"{self.storms}",
            f"{number(self.rate)}, {self.peak:.0f}",
            " ".join(f"{self.pods[name]}" for name in FUNCTIONS),
            f"{self.most:,}",
            "not within ten minutes" if self.drained is None else f"{self.drained:.0f} s",
            ", ".join(map(_seconds, self.siem)),
            _seconds(self.siem_storm),
            ", ".join(map(_seconds, self.ticket)) or "-",
            ticket_storm,
            f"{_hundreds(self.calls)}, {_hundreds(self.requests)}",
            f"{self.limit:,}" if self.limit else "-",
            f"{nearest}, {share:.0%}",
        )


def summary(name: str, plan: Plan, seen: Seen) -> Summary:
    """Return what a run says."""
    begin, end = int(seen.storm), int(seen.storm + STORM_LASTS)
    lags = [sum(second.lag.values()) for second in seen.seconds]
    before = max(lags[int(WARM) : begin])
    drained = next((float(at - end) for at in range(end, len(lags)) if lags[at] <= before), None)
    storm = seen.seconds[begin : end + int(drained or 0) + 1]
    calls, requests = (
        (later - sooner) / (begin - WARM) * _HOUR
        for sooner, later in zip(seen.calls[int(WARM)], seen.calls[begin], strict=True)
    )
    siem, siem_storm = _parted(seen.siem, seen.storm)
    ticket, ticket_storm = _parted(seen.tickets, seen.storm)
    return Summary(
        name,
        plan.clusters,
        plan.storms,
        sum(seen.sent[int(WARM) : begin]) / (begin - WARM),
        max(seen.sent),
        {one: max(second.pods[one] for second in storm) for one in FUNCTIONS},
        max(lags[begin:]),
        drained,
        [percentile(siem, 50), percentile(siem, 99)],
        percentile(siem_storm, 99),
        [percentile(ticket, 50), percentile(ticket, 99)] if ticket else [],
        percentile(ticket_storm, 99) if ticket_storm else None,
        calls,
        requests,
        plan.systems.requests,
        _bounds(plan, seen, begin, end),
        lags[begin - BEFORE :],
    )


def _parted(waits: Sequence[tuple[float, float]], storm: float) -> tuple[list[float], list[float]]:
    """Return the waits of what was sent before the storm, and in it."""
    calm = [wait for sent, wait in waits if WARM <= sent < storm]
    return calm, [wait for sent, wait in waits if storm <= sent < storm + STORM_LASTS]


def _bounds(plan: Plan, seen: Seen, begin: int, end: int) -> dict[str, float]:
    """Return how much of what there is at most each thing took in the storm's minute.

    A Trigger's places count only where its function had cores and calls to spare: else they are full because of those.
    """
    seconds, most = end - begin, {name: plan.most(name) for name in FUNCTIONS}
    used = {
        name: (seen.seconds[end].used[name] - seen.seconds[begin].used[name]) / seconds / most[name]
        for name in FUNCTIONS
    }
    found = {f"cores of {name}" if most[name] > 1 else f"the core of {name}": share for name, share in used.items()}
    if plan.systems.requests:
        calls = seen.calls[end][0] - seen.calls[begin][0]
        found["calls of ServiceNow"] = calls / seconds * _HOUR / plan.systems.requests
    for name in FUNCTIONS:
        room = plan.partitions if name in plan.ordered else IN_FLIGHT * min(plan.consumers, plan.partitions)
        flying = sum(second.flying[name] for second in seen.seconds[begin:end]) / seconds / room
        limit = found.get("calls of ServiceNow", 0.0) if name == "servicenow-incident" else 0.0
        if max(used[name], limit) < _BUSY:
            found[f"places of Trigger {name}"] = min(1.0, flying)
    return found


def _hundreds(value: float) -> str:
    return f"{round(value, -2):,.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
