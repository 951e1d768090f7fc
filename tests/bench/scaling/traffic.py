"""What one cluster sends, and what the real functions make of it: a simulated working day and a storm, played.

Nothing of this is assumed: `changes`, the classifier and the correlator run in process (tests/support/week/play.py),
and what each of them was handed is noted, event by event. The simulator then has each cluster send it again.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, takewhile
from multiprocessing import get_context

from shared.events.cloudevent import CloudEvent
from tests.support.week import storms
from tests.support.week.play import Player
from tests.support.week.raging import STILL_DOWN
from tests.support.week.truth import HOUR
from tests.support.week.week import week
from tests.support.week.world import Sent

CREATES, CHANGES = 3, 2
"""Requests of a new incident, and of one that changes (docs/destinations/servicenow.md)."""
STORM_AFTER, STORM_LASTS = 300.0, 60.0
_SEED, _DAYS = 1, 1.0
_FIRST, _LAST = 1 * HOUR, 6 * HOUR
_STORM_ENDS = 120.0
_SAMPLE = 2_000


@dataclass(slots=True)
class Told:
    """A snapshot for the ticket functions: how long after its event policy and ticks let it out, and its requests.

    `calls` 0: it takes no effect, for it has no ticket.
    """

    held: float
    calls: int


@dataclass(slots=True)
class Part:
    """One event that went to the classifier; `classified`: on to correlator and SIEM, with this `partitionkey`."""

    classified: bool = False
    key: str = ""
    told: list[Told] = field(default_factory=list)


@dataclass(slots=True)
class Piece:
    """What a cluster sent at `at`: about an `object` or an Event, and what became of it."""

    at: float
    object: bool
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Some hours of one cluster, `seconds` long, and one storm; times count from the beginning of each.

    `samples` are events that functions were handed, to be sent to the real ones: `changes`, and `correlator` of the
    storm.
    """

    day: list[Piece]
    seconds: float
    storm: list[Piece]
    samples: dict[str, list[CloudEvent]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Return events a second of one cluster."""
        return len(self.day) / self.seconds

    @property
    def tickets(self) -> float:
        """Return new tickets a day of one cluster."""
        return sum(one.calls == CREATES for one in told(self.day)) * 24 * HOUR / self.seconds


class _Notes:
    """Notes what the functions are handed, by what the cluster sent."""

    def __init__(self, player: Player, begin: float, sampled: str) -> None:
        self._player = player
        self._begin = begin
        self._sampled = sampled
        self.sample: list[CloudEvent] = []
        self._handled = 0
        self.pieces: list[Piece] = []
        self._last = (0.0, Part())
        self._causes: dict[str, tuple[float, Part]] = {}  # by problem key: what was not told yet
        self._revisions: dict[str, int] = {}
        self._with_ticket: set[str] = set()
        player.heard = self._heard

    def _heard(self, name: str, event: CloudEvent) -> None:
        if self._player.handled > self._handled:
            self._handled = self._player.handled
            self.pieces.append(Piece(self._player.now, name == "changes"))
        now = self._player.now
        if name == self._sampled and now >= self._begin and len(self.sample) < _SAMPLE:
            self.sample.append(event)
        if name == "classifier":
            self._last = (now, Part())
            self.pieces[-1].parts.append(self._last[1])
        elif name == "correlator":
            part = self._last[1]
            part.classified, part.key = True, str(event.extensions["partitionkey"])
            self._causes.setdefault(str(event.extensions["problemkey"]), self._last)
        elif name == "tickets":
            at, part = self._causes.pop(event.data["problem_key"], self._last)
            part.told.append(Told(now - at, self._calls(event.data)))

    def _calls(self, snapshot: dict[str, object]) -> int:
        """Return how many requests a ticket function makes of a snapshot."""
        key, revision = str(snapshot["id"]), int(str(snapshot["revision"]))
        if revision <= self._revisions.get(key, 0):
            return 0
        self._revisions[key] = revision
        if key in self._with_ticket:
            return CHANGES
        if snapshot["ticket"] and snapshot["state"] == "open":
            self._with_ticket.add(key)
            return CREATES
        return 0


def told(pieces: Iterable[Piece]) -> Iterator[Told]:
    """Yield all snapshots."""
    return (one for piece in pieces for part in piece.parts for one in part.told)


def played() -> Traffic:
    """Play five hours of a working day, and the loss of one node as if it were over just now; takes seconds."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        day, storm = processes.submit(_day), processes.submit(_storm, time.time() - STORM_AFTER - 2 * STORM_LASTS)
        pieces, objects = day.result()
        raging, classified = storm.result()
    return Traffic(pieces, _LAST - _FIRST, raging, {"changes": objects, "correlator": classified})


def _day() -> tuple[list[Piece], list[CloudEvent]]:
    """Return five hours, and some of the objects in them."""
    made = week(_SEED, _DAYS)
    sent = takewhile(lambda one: one.at < made.start + _LAST, made.sent)
    return noted(made.start, sent, made.start + _FIRST, "changes")


def _storm(start: float) -> tuple[list[Piece], list[CloudEvent]]:
    """Return the loss of a node of a cluster that is there since `start`, and some of what was classified."""
    storm = storms.new_storm(_SEED, start)
    node, pods = storms.crowded(storm)
    lost = start + STORM_AFTER
    sent = chain(
        storm.stands(),
        storm.act(storms.node_lost(storm, node, pods), lost),
        storm.act(storms.node_back(storm, node, pods, STILL_DOWN), lost + _STORM_ENDS),
    )
    return noted(start, sent, lost, "correlator")


def noted(start: float, sent: Iterable[Sent], begin: float, sampled: str) -> tuple[list[Piece], list[CloudEvent]]:
    """Play from `start` on; return what came from `begin` on, and some events that a function was handed meanwhile."""
    player = Player(start)
    notes = _Notes(player, begin, sampled)
    asyncio.run(player.play(sent))
    pieces = [piece for piece in notes.pieces if piece.at >= begin]
    for piece in pieces:
        piece.at -= begin
    return pieces, notes.sample
