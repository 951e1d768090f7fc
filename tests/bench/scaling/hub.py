"""One Broker with its functions, fed by so many clusters: runs a plan and says what was seen."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import NamedTuple
from zlib import crc32

from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Destination
from tests.bench.scaling.figures import Figures
from tests.bench.scaling.plan import FUNCTIONS, HOP, Plan
from tests.bench.scaling.record import Record
from tests.bench.scaling.service import Service
from tests.bench.scaling.traffic import STORM_LASTS, Part, Piece, Told, Traffic
from tests.bench.scaling.trigger import Trigger

WARM = 90.0
"""Seconds before anything counts: first pods start, averages fill."""
DRAWN = 300.0
"""Seconds from the storm's begin on that are always seen."""
_LONGEST = 600.0
_QUIET = 70  # seconds after which what was quiet has seen a full minute, too
_TICK = 10.0
_MINUTE = 60.0
_APART = 10.0  # seconds by which clusters act on a full minute (assumed)


class Sent(NamedTuple):
    """What a cluster sends: when, which one, and whether it is of a storm."""

    at: float
    cluster: int
    piece: Piece
    storm: bool


@dataclass(slots=True)
class Second:
    """One second's end: what is not done with, ready pods, seconds of cores used, by function; records in flight."""

    lag: dict[str, int]
    pods: dict[str, int]
    used: dict[str, float]
    flying: dict[str, int]


@dataclass(slots=True)
class Seen:
    """What was seen. The storm begins at `storm` and lasts a minute; `seconds` are all of them, from 0 on.

    `sent` is what came in each second, and `calls` how many calls and requests ServiceNow had at its end. `siem` and
    `tickets` are pairs of when an event was sent and how long it took: of `tickets` what took effect, and the seconds
    beyond those for which policy and ticks hold it back.
    """

    storm: float
    seconds: list[Second] = field(default_factory=list)
    siem: list[tuple[float, float]] = field(default_factory=list)
    tickets: list[tuple[float, float]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    calls: list[tuple[float, int]] = field(default_factory=list)
    starts: int = 0
    dead: int = 0


class Hub:
    """The Broker: its topic, the Triggers, and what each function's answer puts back into the topic."""

    def __init__(self, plan: Plan, figures: Figures, traffic: Traffic, calm: float) -> None:
        self.seen = Seen(WARM + calm)
        self.clock = Clock()
        self._plan = plan
        self._traffic = traffic
        self._draw = random.Random(plan.seed)  # noqa: S311 -- a simulation
        foreign = {
            "siem-forwarder": Destination(self.clock, plan.systems.siem),
            "servicenow-incident": Destination(self.clock, plan.systems.tickets),
        }
        self._tickets = foreign["servicenow-incident"]
        done = {
            "changes": self._observed,
            "classifier": self._classified,
            "correlator": self._correlated,
            "siem-forwarder": self._recorded,
            "servicenow-incident": self._told,
        }
        self.triggers = {
            name: Trigger(
                self.clock,
                Service(self.clock, name, plan.work(name, figures), plan.scale(name, figures), foreign.get(name)),
                plan.spec(name),
                done[name],
                partitions=plan.partitions,
                consumers=plan.consumers,
            )
            for name in FUNCTIONS
        }

    def run(self) -> Seen:
        """Run until the storm has been worked off: five minutes from its begin on at least, ten at most."""
        self._next(self._arrivals())
        seen, clock = self.seen, self.clock
        before, quiet = 0, 0
        while clock.now < seen.storm + DRAWN or (quiet < _QUIET and clock.now <= seen.storm + _LONGEST):
            seen.sent.append(0)
            clock.run(clock.now + 1.0)
            self._note()
            lag = sum(seen.seconds[-1].lag.values())
            if WARM <= clock.now <= seen.storm:
                before = max(before, lag)
            quiet = quiet + 1 if clock.now > seen.storm + STORM_LASTS and lag <= before else 0
        seen.starts = sum(trigger.service.starts for trigger in self.triggers.values())
        seen.dead = sum(trigger.dead for trigger in self.triggers.values())
        return seen

    def _note(self) -> None:
        triggers = self.triggers
        self.seen.seconds.append(
            Second(
                {name: one.lag for name, one in triggers.items()},
                {name: one.service.pods for name, one in triggers.items()},
                {name: one.service.used for name, one in triggers.items()},
                {name: one.flying for name, one in triggers.items()},
            )
        )
        self.seen.calls.append((self._tickets.calls, self._tickets.items))

    # --- what comes ---

    def _arrivals(self) -> Iterator[Sent]:
        """Yield what all clusters send, by time.

        Each lives the same day from another minute on, so that what cron jobs do at full minutes comes from everywhere
        at about the same time, some seconds apart. The storms are those of the first clusters.
        """
        ends = self.seen.storm + _LONGEST + _MINUTE
        minutes = int((self._traffic.seconds - ends) / _MINUTE)
        if minutes < 1:
            raise ValueError(f"there are no {ends:.0f} s of traffic")
        sent = [
            one
            for cluster in range(self._plan.clusters)
            for one in _from(self._traffic.day, cluster, self._draw.randrange(minutes) * _MINUTE, self._apart(), ends)
        ]
        sent.sort(key=lambda one: one.at)
        storms = [
            [Sent(self.seen.storm + piece.at, cluster, piece, storm=True) for piece in self._traffic.storm]
            for cluster in range(self._plan.storms)
        ]
        return merge(sent, *storms, key=lambda one: one.at)

    def _apart(self) -> float:
        return self._draw.random() * _APART

    def _next(self, arrivals: Iterator[Sent]) -> None:
        sent = next(arrivals, None)
        if sent is not None:
            self.clock.at(sent.at, self._arrived, sent, arrivals)

    def _arrived(self, sent: Sent, arrivals: Iterator[Sent]) -> None:
        self.seen.sent[-1] += 1
        if sent.piece.object:
            self._put("changes", self._unkeyed(sent, sent.piece))
        else:
            for part in sent.piece.parts:
                self._put("classifier", self._unkeyed(sent, part))
        self._next(arrivals)

    def _unkeyed(self, sent: Sent, about: Piece | Part) -> Record:
        """Return a record as a source makes it: without a key, so in any partition."""
        return Record(sent.at, self._draw.randrange(self._plan.partitions), (sent, about), storm=sent.storm)

    def _put(self, name: str, record: Record) -> None:
        self.clock.after(HOP, self.triggers[name].offer, record)

    # --- what functions answer ---

    def _observed(self, record: Record) -> None:
        sent, piece = record.about
        for part in piece.parts:
            self._put("classifier", self._unkeyed(sent, part))

    def _classified(self, record: Record) -> None:
        sent, part = record.about
        if part.classified:  # the reply has its scope's key, and so the partition of all that is of that scope
            partition = crc32(f"{sent.cluster}/{part.key}".encode()) % self._plan.partitions
            reply = Record(record.sent, partition, record.about, storm=record.storm)
            self._put("correlator", reply)
            self._put("siem-forwarder", reply)

    def _correlated(self, record: Record) -> None:
        _, part = record.about
        for told in part.told:
            due = record.sent + told.held
            if told.held and due < self.clock.now:  # it is told by a tick, and that one has passed
                due = (self.clock.now // _TICK + 1) * _TICK
            self.clock.at(max(due, self.clock.now), self._tell, record, told)

    def _tell(self, record: Record, told: Told) -> None:
        told_record = Record(record.sent + told.held, record.partition, None, calls=told.calls)
        self._put("servicenow-incident", told_record)

    def _recorded(self, record: Record) -> None:
        self.seen.siem.append((record.sent, self.clock.now - record.sent))

    def _told(self, record: Record) -> None:
        if record.calls:
            self.seen.tickets.append((record.sent, self.clock.now - record.sent))


def _from(day: Sequence[Piece], cluster: int, minute: float, late: float, seconds: float) -> Iterator[Sent]:
    for piece in day:
        if minute <= piece.at < minute + seconds:
            yield Sent(piece.at - minute + late, cluster, piece, storm=False)
