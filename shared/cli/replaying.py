"""Run a replay: the bus opened, the destination opened, progress shown and kept, ended cleanly by a signal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from shared.archive.catalogue import topics as archived_topics
from shared.archive.place import open_place
from shared.archive.reader import ArchiveReader
from shared.bus.letters import marks, next_attempt
from shared.bus.protocol import Bus, BusUnavailableError
from shared.cli.buses import opened as opened_bus
from shared.cli.signals import ended_by_signals
from shared.cli.stored import DATA
from shared.events.codec import NotAnEvent
from shared.local.broker.filters import Test
from shared.runtime.letters import Again
from shared.runtime.replay import Replay, Tally
from shared.runtime.replay_apart import GONE, TIMES, Worker, begun, handed
from shared.runtime.replay_source import Checkpoint, CheckpointError, Span, of_group, of_span
from shared.runtime.replay_target import at_once, opened

DEAD_LETTERS: Final = "dead-letters"
"""The source that is the dead letters of the bus that the settings mean."""
ARCHIVE: Final = "archive"
"""The source that is an archive, in a folder or in S3; it has no groups."""

_TICK = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asked for; `group` is empty where a span is read, `at` where no archive is.

    `data` is the folder of `tidings up`, whose bus it is where no setting leads to one.
    """

    source: str
    target: str
    topics: tuple[str, ...]
    span: Span
    group: str
    checkpoint: Path | None
    passes: Test
    rate: float
    at: str = ""
    data: Path = DATA


class Unable(Exception):  # noqa: N818 - it is what the command says, not what went wrong inside
    """It cannot be done; `problems` say why."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


async def counted_dry(wanted: Wanted, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return how many events each topic has for it; a group's are counted before the filter, which looks at each.

    Raises Unable, SettingsError.
    """
    async with _source(wanted, environ) as (source, topics):
        return [{"topic": topic, "events": await _waiting(source, topic, wanted)} for topic in topics]


async def run(wanted: Wanted, environ: Mapping[str, str], show: Callable[[str], None]) -> Tally:
    """Hand everything over and return what became of it; a signal ends it early, with what is in flight done.

    Raises Unable, SettingsError.
    """
    with begun(wanted.target, environ) as worker:  # it gets ready while the bus is opened
        return await _run(wanted, environ, show, worker)


async def _run(wanted: Wanted, environ: Mapping[str, str], show: Callable[[str], None], worker: Worker | None) -> Tally:
    stop = asyncio.Event()
    checkpoint = _checkpoint(wanted)
    gone = ""

    def lost() -> None:
        nonlocal gone
        gone = GONE.reason
        stop.set()

    opening = opened(wanted.target, environ) if worker is None else handed(worker, stop, lost)
    async with _source(wanted, environ) as (source, topics), opening as target:
        again = (
            Again(source, wanted.target)
            if wanted.source == DEAD_LETTERS and not isinstance(source, ArchiveReader)
            else None
        )
        hand = target if again is None else lambda letter: target(next_attempt(letter))
        most = at_once(wanted.target) * (1 if worker is None else TIMES)
        replay = Replay(hand, passes=wanted.passes, at_once=most, stop=stop, rate=wanted.rate)
        tally = replay.tally
        # The first one's is told where it is read.
        expected = {topic: await _waiting(source, topic, wanted) for topic in topics[1:]} if wanted.group else {}
        with interruptible(stop, tally):
            _save(checkpoint)  # before anything is sent that could not be remembered
            ticking = asyncio.create_task(_tick(checkpoint, lambda: show(_progress(tally, sum(expected.values())))))
            try:
                for topic in topics:
                    if stop.is_set():
                        break
                    if wanted.group and not isinstance(source, ArchiveReader):
                        expect = partial(expected.__setitem__, topic)
                        items = of_group(source, topic, wanted.group, at_once=most, stop=stop, expect=expect)
                    else:
                        items = of_span(source, topic, wanted.span, checkpoint, stop)
                    await replay.run(items if again is None else again.items(items, await marks(source, topic)))
            except BusUnavailableError as error:
                tally.why = str(error)
            finally:
                ticking.cancel()
                _save(checkpoint)
    if again is not None and again.unmarked:
        tally.why = tally.why or f"{again.unmarked} were handed over, and are still listed: the bus took no mark"
    tally.why = tally.why or gone  # also where no event was on its way
    return tally


@asynccontextmanager
async def _source(
    wanted: Wanted, environ: Mapping[str, str]
) -> AsyncIterator[tuple[Bus | ArchiveReader, tuple[str, ...]]]:
    """Give the bus or archive and the topics to read, which it has."""
    source: Bus | ArchiveReader
    if wanted.source == ARCHIVE:
        source = ArchiveReader(open_place(wanted.at, environ))
    else:
        source = opened_bus("" if wanted.source == DEAD_LETTERS else wanted.source, wanted.data, environ)[1]
    try:
        there = tuple([topic for topic in wanted.topics if await source.describe(topic) is not None])
        missing = [topic for topic in wanted.topics if topic not in there]
        if isinstance(source, ArchiveReader):
            if not there and not await archived_topics(open_place(wanted.at, environ)):
                raise Unable(f"there is no archive at {wanted.at}: tidings archive export makes one")
            if not there:  # it has none of a topic that had no events
                raise Unable(f"there is nothing of {', '.join(missing)} in the archive at {wanted.at}")
        elif missing:
            raise Unable(*(f"there is no topic {topic}: tidings bus apply makes those of Tidings" for topic in missing))
        yield source, there
    except BusUnavailableError as error:
        raise Unable(str(error)) from error
    finally:
        await source.close()


async def _waiting(source: Bus | ArchiveReader, topic: str, wanted: Wanted) -> int:
    if wanted.group and not isinstance(source, ArchiveReader):
        return await source.behind(topic, wanted.group)
    items = of_span(source, topic, wanted.span, _checkpoint(wanted), asyncio.Event())
    found = 0
    async for item in items:
        found += not isinstance(item.record.event, NotAnEvent) and wanted.passes(item.record.event)
        await item.done(None)
    return found


def _checkpoint(wanted: Wanted) -> Checkpoint:
    try:
        return Checkpoint(wanted.checkpoint, wanted.source, wanted.target)
    except CheckpointError as error:
        raise Unable(f"--checkpoint: {error}") from error


def _save(checkpoint: Checkpoint) -> None:
    try:
        checkpoint.save()
    except OSError as error:
        raise Unable(f"--checkpoint: {error.filename} cannot be written: {error.strerror}") from error


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
def interruptible(stop: asyncio.Event, tally: Tally) -> Iterator[None]:
    """Have SIGINT and SIGTERM end a run early."""

    def end() -> None:
        tally.why = tally.why or "it was interrupted"
        stop.set()

    with ended_by_signals(end):
        yield
