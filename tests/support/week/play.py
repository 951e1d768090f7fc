"""Plays a simulated time through the real functions in process, and collects the tickets that they would make.

`changes`, the classifier and the correlator as `knative/triggers` connects them, on a store whose clock is the
simulated one; a tick comes each ten seconds. No HTTP, no broker: each event is handled before the next one comes, or
some of those between two ticks at once. With several stores there are as many correlators, and each event goes to any.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.changes import handler as changes
from functions.classifier import handler as classifier
from functions.correlator import handler as correlator
from shared.events.cloudevent import APISERVER_PREFIX, CHANGE_PREFIX, PROBLEM_PREFIX, TICK, CloudEvent
from shared.events.model import path_of
from shared.events.outcome import Rejected, Retry
from shared.runtime.function import Call, Function
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics
from tests.support.week.judge import Told
from tests.support.week.truth import HOUR
from tests.support.week.world import Sent

TICK_SECONDS = 10.0
_AFTERWARDS = HOUR
"""Seconds for which ticks go on after the last event."""


class NotHandledError(RuntimeError):
    """A function refused what the cluster sent, or never took it."""


@dataclass(slots=True)
class _Ticket:
    last: Mapping[str, Any]
    spans: list[list[float | None]] = field(default_factory=list)


@dataclass(slots=True)
class Player:
    """The functions, what they told, and the simulated time (seconds since 1970).

    `stores` are the correlators', one each, none for one in memory; so many events are handled `at_once`. `heard` is
    told of each event that a Trigger hands to a function, by the function's name, and of each snapshot as `tickets`.
    """

    now: float
    environ: Mapping[str, str] = field(default_factory=dict)
    stores: Sequence[Store] = ()
    at_once: int = 1
    heard: Callable[[str, CloudEvent], object] = lambda _name, _event: None
    handled: int = 0
    classified: int = 0
    _published: list[CloudEvent] = field(default_factory=list)
    _again: list[CloudEvent] = field(default_factory=list)
    _revisions: dict[str, int] = field(default_factory=dict)
    _tickets: dict[str, _Ticket] = field(default_factory=dict)
    _rolled: dict[str, str] = field(default_factory=dict)
    _of_objects: Function = field(init=False)
    _of_all: Function = field(init=False)
    _correlators: Sequence[Function] = field(init=False)
    _draw: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 -- who gets it is no secret

    def __post_init__(self) -> None:
        metrics = Metrics()
        stores = self.stores or (MemoryStore(lambda: self.now),)
        self._of_objects = changes.new(self.environ, metrics, store=stores[0], publisher=self)
        self._of_all = classifier.new(self.environ, metrics)
        self._correlators = [correlator.new(self.environ, metrics, store=store, publisher=self) for store in stores]

    async def publish(self, event: CloudEvent) -> bool:
        """Take what a function publishes, as the broker does."""
        self._published.append(event)
        return True

    async def play(self, sent: Iterable[Sent]) -> list[Told]:
        """Play all of it; return the tickets. Raises NotHandledError."""
        functions = (self._of_objects, self._of_all, *self._correlators)
        for function in functions:
            await function.start()
        due = self.now + TICK_SECONDS
        flying: list[Sent] = []
        for at, event in sent:
            if due <= at or len(flying) == self.at_once:
                await self._take_all(flying)
                flying = []
            while due <= at:
                await self._tick(due)
                due += TICK_SECONDS
            flying.append((at, event))
        await self._take_all(flying)
        for _ in range(int(_AFTERWARDS / TICK_SECONDS)):
            await self._tick(due)
            due += TICK_SECONDS
        for function in functions:
            await function.stop()
        if self._again:
            raise NotHandledError(f"{len(self._again)} events were never taken")
        return list(self.tickets())

    async def _tick(self, at: float) -> None:
        self.now = at
        waiting, self._again = self._again, []
        for event in waiting:
            await self._correlate(event)
        tick = CloudEvent(f"tick-{at:.0f}", "tick", TICK, time=datetime.fromtimestamp(at, UTC))
        for function in (self._of_objects, self._draw.choice(self._correlators)):
            await function.handle(tick, self._call())
        await self._settle()

    async def _take_all(self, flying: Sequence[Sent]) -> None:
        await asyncio.gather(*(self._take(at, event) for at, event in flying))

    async def _take(self, at: float, event: CloudEvent) -> None:
        """Hand an event to whom its Trigger would."""
        self.now = max(self.now, at)
        self.handled += 1
        about_object = event.type.startswith(APISERVER_PREFIX) and event.extensions["kind"] != "Event"
        if about_object:
            reply = await self._ask(self._of_objects, event)
            if reply is not None:
                await self._classify(reply)
        else:
            await self._classify(event)
        await self._settle()

    async def _settle(self) -> None:
        """Hand on what was published meanwhile."""
        while self._published:
            event = self._published.pop(0)
            if event.type.startswith((PROBLEM_PREFIX, CHANGE_PREFIX)):
                self._tell(event)
            else:
                await self._classify(event)

    async def _classify(self, event: CloudEvent) -> None:
        reply = await self._ask(self._of_all, event)
        if reply is not None:
            self.classified += 1
            await self._correlate(reply)

    async def _correlate(self, event: CloudEvent) -> None:
        reply = await self._ask(self._draw.choice(self._correlators), event)
        if reply is not None:
            self._tell(reply)

    async def _ask(self, function: Function, event: CloudEvent) -> CloudEvent | None:
        self.heard(function.name, event)
        result = await function.handle(event, self._call())
        if isinstance(result.outcome, Rejected):
            raise NotHandledError(f"{function.name} refused {event.type} {event.subject}: {result.outcome.reason}")
        if isinstance(result.outcome, Retry):
            if function not in self._correlators:
                raise NotHandledError(f"{function.name} could not take {event.type}")
            self._again.append(event)  # the broker sends it again
        return result.reply

    def _call(self) -> Call:
        return Call(asyncio.get_running_loop().time() + 60)

    def _tell(self, event: CloudEvent) -> None:
        """Do as a ticket function does: newer snapshots count, and an open one that deserves a ticket makes it."""
        snapshot = event.data
        key = snapshot["id"]
        if event.type.startswith(CHANGE_PREFIX):
            self._rolled[key] = _path(snapshot["object"])
            return
        self.heard("tickets", event)
        if snapshot["revision"] <= self._revisions.get(key, 0):
            return
        self._revisions[key] = snapshot["revision"]
        is_open = snapshot["state"] == "open"
        ticket = self._tickets.get(key)
        if ticket is None:
            if not (snapshot["ticket"] and is_open):
                return
            ticket = self._tickets[key] = _Ticket(snapshot, [[self.now, None]])
        ticket.last = snapshot
        last = ticket.spans[-1]
        if is_open and last[1] is not None:
            ticket.spans.append([self.now, None])
        elif not is_open and last[1] is None:
            last[1] = self.now

    def tickets(self) -> Iterator[Told]:
        """Yield the tickets as they are now."""
        for key, ticket in self._tickets.items():
            last = ticket.last
            paths = [_path(last["object"]), _path(last["owner"]) if last["owner"] else ""]
            yield Told(
                id=key,
                things=tuple(path for path in paths if path),
                text=f"{last['condition']} {last['part']} {last['summary']} {last['reason']}".lower(),
                severity=last["severity"],
                count=last["count"],
                spans=tuple((float(begin or 0), end) for begin, end in ticket.spans),
                cause=(last["cause"] or {}).get("id", ""),
                suspects=tuple(self._rolled[one["id"]] for one in last["suspects"]),
            )


def _path(thing: Mapping[str, str]) -> str:
    return path_of(thing["kind"], thing["namespace"], thing["name"])
