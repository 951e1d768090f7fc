"""Send dead letters of a bus again: each a new attempt of the same event, and marked once it was taken."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from shared.bus.letters import BusLetter, Deed, Place, leave_mark, next_attempt, waiting
from shared.bus.protocol import Bus, BusUnavailableError
from shared.events.cloudevent import CloudEvent
from shared.events.letter import LetterMark
from shared.events.outcome import InProgress, Outcome, Rejected, Retry
from shared.runtime.edge import Edge, EdgeSettings
from shared.runtime.registry import FUNCTIONS, load
from shared.runtime.replay import Hand, Item
from shared.runtime.replay_target import BROKER, Topics, at_once, destinations, opened
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics

BUS: Final = "bus"
"""The event's own topic, whose groups then get it again: for a way without a broker."""
SUBSCRIBER: Final = "subscriber"
"""The destination that each letter names, by its function in this process and its settings."""

_NO_DESTINATION: Final = Rejected("letter", "it names no destination of Tidings: send it to the broker or the bus")


def targets() -> tuple[str, ...]:
    """Return whom letters can be sent to again."""
    return (BROKER, BUS, SUBSCRIBER, *destinations())


class Again:
    """One run over the letters of a bus; `to` is what the marks say of whom they were handed to."""

    def __init__(self, bus: Bus, to: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.unmarked = 0
        """Letters that were taken, and that the bus would not mark: they are listed, and would be sent once more."""
        self._bus = bus
        self._deed = Deed("retried", to=to)
        self._clock = clock

    async def items(
        self, items: AsyncGenerator[Item, None], done: Mapping[Place, LetterMark]
    ) -> AsyncGenerator[Item, None]:
        """Iterate those that are letters which nobody is done with; each that is then taken gets its mark."""
        async with aclosing(items) as source:
            async for item in source:
                letter = waiting(item.record, done)
                if letter is None:
                    await item.done(None)
                else:
                    yield self._marked(item, letter)

    def _marked(self, item: Item, letter: BusLetter) -> Item:
        async def done(outcome: Outcome | None) -> None:
            if outcome is not None and not isinstance(outcome, Rejected | Retry | InProgress):
                try:
                    await leave_mark(self._bus, letter, self._deed, self._clock())
                except BusUnavailableError:
                    self.unmarked += 1
            await item.done(outcome)

        return Item(item.record, done, item.back)


@asynccontextmanager
async def handing(to: str, environ: Mapping[str, str], bus: Bus) -> AsyncIterator[Hand]:
    """Give what hands a letter over as a new attempt of its event, and close it. Raises SettingsError."""
    async with AsyncExitStack() as stack:
        if to == SUBSCRIBER:
            yield _Subscribers(environ, bus, stack).hand
            return
        if to == BUS:
            target: Hand = Topics(bus).hand
        else:
            target = await stack.enter_async_context(opened(to, environ))
        yield lambda letter: target(next_attempt(letter))


def subscriber_of(named: str) -> str | None:
    """Return the destination's function that a letter names: by its own name, or by the host of its service."""
    try:
        host = urlsplit(named).hostname or "" if "//" in named else named
    except ValueError:  # who may write the topic may write anything
        return None
    name = host.partition(".")[0].replace("-", "_")
    function = FUNCTIONS.get(name)
    return name if function is not None and function.destination is not None else None


class _Subscribers:
    """The functions that letters name, each started when the first of its letters comes."""

    def __init__(self, environ: Mapping[str, str], bus: Bus, stack: AsyncExitStack) -> None:
        self._environ = environ
        self._topics = Topics(bus)
        self._stack = stack
        self._starting = asyncio.Lock()
        self._edges: dict[str, Edge | Rejected] = {}
        self._broker: Hand | None = None

    async def hand(self, letter: CloudEvent) -> Outcome:
        """Call the function that could not be told, and pass on its reply as the broker would."""
        name = subscriber_of(letter.extensions.get("knativeerrordest", ""))
        if name is None:
            return _NO_DESTINATION
        async with self._starting:
            edge = self._edges.get(name) or await self._started(name)
        if isinstance(edge, Rejected):
            return edge
        result = await edge.dispatch(next_attempt(letter))
        if result.reply is not None:
            told = await self._replied(result.reply)
            if isinstance(told, Retry | InProgress):
                return told  # it took effect; it is asked again, knows that, and replies once more
        return result.outcome

    async def _started(self, name: str) -> Edge | Rejected:
        metrics = Metrics()
        try:
            function = load(name, self._environ, metrics)
            await function.start()
        except SettingsError as error:
            self._edges[name] = Rejected("letter", f"{name} is not configured here: {error.problems[0]}")
        else:
            self._stack.push_async_callback(function.stop)
            self._edges[name] = Edge(function, metrics, EdgeSettings(in_flight=at_once(SUBSCRIBER)))
        return self._edges[name]

    async def _replied(self, reply: CloudEvent) -> Outcome:
        if not self._environ.get("K_SINK"):
            return await self._topics.hand(reply)
        if self._broker is None:
            self._broker = await self._stack.enter_async_context(opened(BROKER, self._environ))
        return await self._broker(reply)
