"""Run a replay: the bus opened, the destination opened, progress shown and kept, ended cleanly by a signal."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.bus.protocol import Bus, BusUnavailableError
from shared.bus.registry import chosen, open_bus
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.outcome import Outcome
from shared.local.broker.filters import Test
from shared.runtime.replay import Hand, Replay, Tally
from shared.runtime.replay_source import Checkpoint, CheckpointError, Span, of_group, of_span
from shared.runtime.replay_target import at_once, opened

DEAD_LETTERS: Final = "dead-letters"
"""The source that is the dead letters of the bus that the settings mean."""

_TICK = 1.0
_ADDED = "knativeerror"
"""What the extensions begin with by which a broker says of a dead letter why it is one."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for; `group` is empty where a span is read."""

    source: str
    target: str
    topics: tuple[str, ...]
    span: Span
    group: str
    checkpoint: Path | None
    passes: Test
    rate: float


class Unable(Exception):  # noqa: N818 - it is what the command says, not what went wrong inside
    """It cannot be done; `problems` say why."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


async def counted_dry(wanted: Wanted, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how many events each topic has for it; a group's are counted before the filter, which looks at each.

    Raises Unable, SettingsError.
    """
    async with _bus(wanted, environ) as bus:
        return [{"topic": topic, "events": await _waiting(bus, topic, wanted)} for topic in wanted.topics]


async def run(wanted: Wanted, environ: Mapping[str, str], show: Callable[[str], None]) -> Tally:
    """Hand everything over and return what became of it; a signal ends it early, with what is in flight done.

    Raises Unable, SettingsError.
    """
    stop = asyncio.Event()
    checkpoint = _checkpoint(wanted)
    async with _bus(wanted, environ) as bus, opened(wanted.target, environ) as target:
        hand = _as_they_were(target) if wanted.source == DEAD_LETTERS else target
        most = at_once(wanted.target)
        replay = Replay(hand, passes=wanted.passes, at_once=most, stop=stop, rate=wanted.rate)
        tally = replay.tally
        expected = 0

        def expect(more: int) -> None:
            nonlocal expected
            expected += more

        with _signals(stop, tally):
            ticking = asyncio.create_task(_tick(checkpoint, lambda: show(_progress(tally, expected))))
            try:
                for topic in wanted.topics:
                    if stop.is_set():
                        break
                    if wanted.group:
                        items = of_group(bus, topic, wanted.group, at_once=most, stop=stop, expect=expect)
                    else:
                        items = of_span(bus, topic, wanted.span, checkpoint, stop)
                    await replay.run(items)
            except BusUnavailableError as error:
                tally.why = str(error)
            finally:
                ticking.cancel()
                _save(checkpoint)
    return tally


@asynccontextmanager
async def _bus(wanted: Wanted, environ: Mapping[str, str]) -> AsyncIterator[Bus]:
    """Give the bus, which has the topics."""
    bus = open_bus(chosen(environ) if wanted.source == DEAD_LETTERS else wanted.source, environ)
    try:
        missing = [topic for topic in wanted.topics if await bus.describe(topic) is None]
        if missing:
            raise Unable(*(f"there is no topic {topic}: tidings bus apply makes those of Tidings" for topic in missing))
        yield bus
    except BusUnavailableError as error:
        raise Unable(str(error)) from error
    finally:
        await bus.close()


async def _waiting(bus: Bus, topic: str, wanted: Wanted) -> int:
    if wanted.group:
        return await bus.behind(topic, wanted.group)
    items = of_span(bus, topic, wanted.span, _checkpoint(wanted), asyncio.Event())
    found = 0
    async for item in items:
        found += not isinstance(item.record.event, NotAnEvent) and wanted.passes(item.record.event)
        await item.done()
    return found


def _checkpoint(wanted: Wanted) -> Checkpoint:
    try:
        return Checkpoint(wanted.checkpoint, wanted.source)
    except CheckpointError as error:
        raise Unable(f"--checkpoint: {error}") from error


def _save(checkpoint: Checkpoint) -> None:
    try:
        checkpoint.save()
    except OSError as error:
        raise Unable(f"--checkpoint: {error.filename}: {error.strerror}") from error


def _as_they_were(target: Hand) -> Hand:
    """Return what hands dead letters over without what made them such: the same events, with the same identity."""

    async def hand(event: CloudEvent) -> Outcome:
        kept = {name: text for name, text in event.extensions.items() if not name.startswith(_ADDED)}
        return await target(event._replace(extensions=kept))

    return hand


async def _tick(checkpoint: Checkpoint, show: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(_TICK)
        show()
        with contextlib.suppress(OSError):  # the last one says it
            checkpoint.save()


def _progress(tally: Tally, expected: int) -> str:
    done = sum(tally.outcomes.values())
    rest = f" of {expected:,}" if expected else ""
    return f"{done:,}{rest} events, {tally.outcomes['rejected']:,} rejected"


@contextlib.contextmanager
def _signals(stop: asyncio.Event, tally: Tally) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def end() -> None:
        tally.why = tally.why or "it was interrupted"
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
