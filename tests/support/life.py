"""Plays what happens in a cluster to one correlator, with a tick every ten seconds, and keeps what a ticket system has.

Seconds count from START. Nothing here waits: time is what the observations and ticks say.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from functions.correlator.handler import new
from shared.episodes.bonds import Rules
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.episode import Episode
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef
from shared.events.outcome import Done, Duplicate, Ignored
from shared.runtime.function import Call, Function
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics
from tests.support.correlator import START, Sink, problem, recovery

EVERY = 10.0


@dataclass
class Ticket:
    """One ticket: when it was opened, when it was closed (None: open), and the newest snapshot it was told.

    `spans` are all times at which it was open, of the last one to None while it is; `closing` is what closed it last.
    """

    opened: float
    episode: Episode
    closed: float | None = None
    closings: int = 0
    spans: list[tuple[float, float | None]] = field(default_factory=list)
    closing: Episode | None = None


@dataclass
class Life:
    """One correlator's life. `tickets` is what a ticket system would have, by episode id."""

    rules: Rules
    store: Store = field(default_factory=MemoryStore)
    now: float = 0.0
    tickets: dict[str, Ticket] = field(default_factory=dict)
    told: list[Episode] = field(default_factory=list)
    _revisions: dict[str, int] = field(default_factory=dict)
    _ticked: float = 0.0

    def __post_init__(self) -> None:
        self.sink = Sink()
        self.function: Function = new({}, Metrics(), store=self.store, publisher=self.sink, rules=self.rules)

    async def see(self, *seen: Classified) -> None:
        """Let observations come now."""
        for one in seen:
            data = one.model_dump(mode="json")
            event = CloudEvent(
                one.observation.identity, "tidings/classifier", "dev.tidings.infrastructure.v1", data=data
            )
            result = await self.function.handle(event, self._call())
            assert isinstance(result.outcome, Done | Duplicate | Ignored), result.outcome
            self._tell([result.reply] if result.reply is not None else [])

    async def until(self, second: float) -> None:
        """Let time pass, with a tick every ten seconds."""
        while self._ticked + EVERY <= second:
            await self.tick(self._ticked + EVERY)
        self.now = second

    async def tick(self, second: float) -> None:
        """Let time pass without a tick, but for one at the end."""
        self._ticked = self.now = second
        event = CloudEvent("t", "tick", TICK, time=START + timedelta(seconds=second))
        assert (await self.function.handle(event, self._call())).outcome == Done()
        self._tell([])

    def rewind(self, second: float) -> None:
        """Let the clock go back: it was wrong."""
        self._ticked = self.now = second

    async def at(self, second: float, *seen: Classified) -> None:
        """Let time pass, and observations come then."""
        await self.until(second)
        await self.see(*seen)

    def open(self) -> list[Ticket]:
        """Return the tickets that are open."""
        return [ticket for ticket in self.tickets.values() if ticket.closed is None]

    @staticmethod
    def _call() -> Call:
        return Call(asyncio.get_running_loop().time() + 30)

    def _tell(self, replies: Iterable[CloudEvent]) -> None:
        events, self.sink.events = [*replies, *self.sink.events], []
        for event in events:
            episode = Episode.model_validate(event.data)
            self.told.append(episode)
            if episode.revision > self._revisions.get(episode.id, 0):
                self._revisions[episode.id] = episode.revision
                self._ticket(episode)

    def _ticket(self, episode: Episode) -> None:
        ticket = self.tickets.get(episode.id)
        if ticket is None:
            if episode.ticket and episode.state == "open":
                self.tickets[episode.id] = Ticket(self.now, episode, spans=[(self.now, None)])
            return
        ticket.episode = episode
        if episode.state == "open":
            if ticket.closed is not None:
                ticket.spans.append((self.now, None))
            ticket.closed = None
        elif ticket.closed is None:
            ticket.closed = self.now
            ticket.closings += 1
            ticket.closing = episode
            ticket.spans[-1] = (ticket.spans[-1][0], self.now)


def pod(number: int, namespace: str = "shop") -> ObjectRef:
    """Return one of many pods."""
    return ObjectRef(kind="Pod", namespace=namespace, name=f"web-{number}")


def trouble(at: float, thing: ObjectRef, condition: str, **changes: Any) -> Classified:
    """Return a problem of an object, `at` seconds after START."""
    uid = f"{thing.path}{condition}"
    return problem(
        at,
        condition,
        object=thing,
        identity=event_identity("c", uid, changes.get("count", 1)),
        source_uid=uid,
        problem_key=problem_key("c", thing, condition),
        **{"count": 1, "summary": f"{thing.path} {condition}", **changes},
    )


def fine(at: float, thing: ObjectRef, *ends: str, **changes: Any) -> Classified:
    """Return an observation that ends an object's problems, `at` seconds after START."""
    return recovery(
        at, *(ends or ("*",)), object=thing, identity=event_identity("c", thing.path, int(at) + 1), **changes
    )
