"""The clock of a simulated cluster, what its API server stores, and the source that sends every change of it.

Processes are generators that yield how many seconds they wait. What the source sends arrives a little later, a few of a
hundred up to a minute late and so out of order; a source that restarts sends all again that there is, under new ids.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

from shared.events import attributes
from shared.events.cloudevent import OBSERVED, CloudEvent
from shared.events.model import observed_data
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from tests.support.week.truth import Truth
from tests.support.week.wire import CLUSTER, SENT, Body, sent

Process = Iterator[float]

EVENT_LIFE = 3600.0
"""Seconds after its last write for which the API server keeps an Event (--event-ttl, reference/inputs.md §1.9)."""
LATENESS = 60.0
_LATE = 0.03
_SWEEP = 20.0


class Sent(NamedTuple):
    """What arrives at the broker, and when (seconds since 1970)."""

    at: float
    event: CloudEvent


class World:
    """A cluster's time and its API server."""

    def __init__(self, seed: int, start: float) -> None:
        self.now = start
        self.chance = random.Random(seed)  # noqa: S311 -- a simulation
        self.truth = Truth()
        self._waiting: list[tuple[float, int, Process]] = []
        self._arriving: list[tuple[float, int, CloudEvent]] = []
        self._order = count()
        self._sends = count(1)
        self._uids = count(1)
        self._version = 48_210_000
        self._live: dict[str, Body] = {}  # objects by uid
        self._events: dict[str, tuple[float, Body]] = {}  # Events by uid, with the time of their last write
        self._forgets: deque[tuple[float, str]] = deque()
        self.spawn(self._forget())

    def spawn(self, process: Process, after: float = 0.0) -> None:
        """Begin a process so many seconds from now."""
        heapq.heappush(self._waiting, (self.now + after, next(self._order), process))

    def run(self, until: float) -> Iterator[Sent]:
        """Yield what arrives up to a time, in the order of its arrival."""
        while self._waiting and self._waiting[0][0] < until:
            at, _, process = heapq.heappop(self._waiting)
            yield from self._arrived(at)
            self.now = at
            wait = next(process, None)
            if wait is not None:
                heapq.heappush(self._waiting, (at + wait, next(self._order), process))
        yield from self._arrived(until + LATENESS)

    def _arrived(self, until: float) -> Iterator[Sent]:
        while self._arriving and self._arriving[0][0] <= until:
            at, _, event = heapq.heappop(self._arriving)
            yield Sent(at, event)

    # --- what is stored, and sent ---

    def uid(self) -> str:
        """Return a new uid."""
        return f"{next(self._uids):08x}-c1a5-4000-8000-0000000000aa"

    def version(self) -> str:
        """Return the resourceVersion of the next write."""
        self._version += 1
        return str(self._version)

    def write_event(self, body: Body, operation: str) -> None:
        """Store an Event, which is forgotten an hour after its last write."""
        uid = body["metadata"]["uid"]
        self._events[uid] = (self.now, body)
        self._forgets.append((self.now + EVENT_LIFE, uid))
        self._send(body, operation)

    def knows_event(self, uid: str) -> bool:
        """Return whether the API server still has an Event."""
        return uid in self._events

    def write(self, body: Body) -> None:
        """Store an object as it is now."""
        uid = body["metadata"]["uid"]
        operation = "update" if uid in self._live else "add"
        self._live[uid] = body
        if body["kind"] in SENT:
            self._send(body, operation)

    def delete(self, uid: str) -> None:
        """Delete an object: its last state is sent once more, at a version of its own."""
        body = self._live.pop(uid, None)
        if body is not None and body["kind"] in SENT:
            meta = {**body["metadata"], "resourceVersion": self.version()}
            self._send({**body, "metadata": meta}, "delete")

    def observe(self, record: Body) -> None:
        """Have intake take a record of another producer (an audit record): what it hands to the broker arrives."""
        moment = datetime.fromtimestamp(self.now + 1.0, UTC)
        found = decode_payload(record, Context(CLUSTER, moment))
        for seen in found if isinstance(found, list) else ():
            extensions = {"cluster": CLUSTER, "dialect": seen.dialect, "action": attributes.clean(seen.action)}
            data = observed_data(seen)
            event = CloudEvent(
                f"{seen.identity}.observed", "tidings/intake", OBSERVED, time=moment, extensions=extensions, data=data
            )
            self._arrive(event, self.now + 1.0)

    def post(self, kind: str, source: str, data: Any) -> None:
        """Have another producer post an event of its own to the broker."""
        number = next(self._sends)
        moment = datetime.fromtimestamp(self.now, UTC)
        event = CloudEvent(f"{number:08x}-0fa1-4000-8000-0000000000bb", source, kind, time=moment, data=data)
        self._arrive(event.with_extensions(cluster=CLUSTER), self.now + 0.2)

    def restart_source(self) -> None:
        """Begin the source anew: it lists what there is and sends it all as added."""
        for _, body in list(self._events.values()):
            self._send(body, "add", self.chance.random() * 5)
        for body in list(self._live.values()):
            if body["kind"] in SENT:
                self._send(body, "add", self.chance.random() * 5)

    def _send(self, body: Body, operation: str, after: float = 0.0) -> None:
        at = self.now + after + 0.04 + self.chance.random() * 0.36
        self._arrive(sent(next(self._sends), body, operation, at), at)

    def _arrive(self, event: CloudEvent, at: float) -> None:
        if self.chance.random() < _LATE:
            at += self.chance.random() * (LATENESS - 1)
        heapq.heappush(self._arriving, (at, next(self._order), event))

    def _forget(self) -> Process:
        """Delete Events that nobody wrote for an hour, as the API server does."""
        while True:
            yield _SWEEP
            while self._forgets and self._forgets[0][0] <= self.now:
                _, uid = self._forgets.popleft()
                written, body = self._events.get(uid, (self.now, {}))
                if body and written + EVENT_LIFE <= self.now:
                    del self._events[uid]
                    self._send(body, "delete")
