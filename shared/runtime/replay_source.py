"""Where a replay takes events from: what a group of a bus has not had yet, or all of a span of time."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from shared.bus.coming import Coming
from shared.bus.progress import Progress
from shared.bus.protocol import Bus, BusUnavailableError, Delivery, Readable, Record, Start
from shared.events.outcome import Outcome
from shared.runtime.replay import Item

_LOOK_SECONDS: Final = 1.0
_PATIENCE: Final = 90.0  # above what each bus gives a consumer that was killed


async def of_group(  # noqa: PLR0913 - each is one bound or one part
    bus: Bus, topic: str, group: str, *, at_once: int, stop: asyncio.Event, expect: Callable[[int], None]
) -> AsyncGenerator[Item, None]:
    """Iterate what the group has not ended so far, and no more: what comes meanwhile is the next run's.

    Raises BusUnavailableError, also where some of it stays in the hands of another consumer.
    """
    left = await bus.behind(topic, group)
    expect(left)
    if not left and bus.abilities.early:
        return
    async with bus.consume(topic, group, in_flight=at_once) as deliveries:  # makes the group where it is not there
        coming = Coming(deliveries, stop)
        counts = _Counts()
        try:
            quiet = 0.0
            while counts.taken < left and not stop.is_set():
                delivery = await coming.take(_LOOK_SECONDS)
                if delivery is not None:
                    quiet = 0.0
                    yield counts.item(delivery)
                elif not counts.out and not stop.is_set():
                    quiet += _LOOK_SECONDS
                    if await _none_left(bus, topic, group, quiet):
                        break
            await counts.all_ended()
        except BusUnavailableError:
            stop.set()
            await counts.all_ended()  # while the consumer is still there, which their ends are told to
            raise
        finally:
            await coming.close()


async def _none_left(bus: Bus, topic: str, group: str, quiet: float) -> bool:
    left = await bus.behind(topic, group)
    if left and quiet >= _PATIENCE:
        raise BusUnavailableError(f"{topic}: {left} events are in the hands of another consumer of {group}")
    return not left


class _Counts:
    """Deliveries that were taken, and those of them that have not ended."""

    def __init__(self) -> None:
        self.taken = 0
        self.out = 0
        self._changed = asyncio.Event()

    def item(self, delivery: Delivery) -> Item:
        self.taken += 1
        self.out += 1

        async def done(_outcome: Outcome | None) -> None:
            await delivery.ack()  # where it was no longer ours it comes again: at least once
            self._ended()

        async def back() -> None:
            await delivery.again()
            self._ended()

        return Item(delivery.record, done, back)

    async def all_ended(self) -> None:
        while self.out:
            self._changed.clear()
            await self._changed.wait()

    def _ended(self) -> None:
        self.out -= 1
        self._changed.set()


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, by when the bus was given an event: from `since` on, and before `until`."""

    since: datetime | None = None
    until: datetime | None = None


class CheckpointError(Exception):
    """A checkpoint's file that cannot be used; the text says why."""


class Checkpoint:
    """How far each partition of each topic is; kept in a file, where there is one, for another run to go on."""

    def __init__(self, path: Path | None = None, source: str = "", target: str = "") -> None:
        """Read it, where it is there. Raises CheckpointError."""
        self._path = path
        self._between = {"source": source, "target": target}
        self._after = {} if path is None else _kept(path, self._between)
        self._places: dict[tuple[str, int], Progress] = {}
        self._held: set[tuple[str, int]] = set()
        self._saved = ""

    def after(self, topic: str) -> Mapping[int, int]:
        """Return for each partition the place behind which reading begins."""
        return self._after.get(topic, {})

    def begin(self, record: Record) -> None:
        """Note that this one is on its way."""
        place = (record.topic, record.partition)
        self._places.setdefault(place, Progress(record.offset)).begin(record.offset)

    def end(self, record: Record) -> None:
        """Note that it has ended for good."""
        self._places[record.topic, record.partition].end(record.offset)

    def hold(self, record: Record) -> None:
        """Note that this one is for a later run: its partition gets no further, whatever else of it ends."""
        place = (record.topic, record.partition)
        if place not in self._held:
            self._held.add(place)
            self.begin(record)

    def save(self) -> None:
        """Write the file, where there is one, whole or not at all. Raises OSError."""
        for (topic, partition), progress in self._places.items():
            self._after.setdefault(topic, {})[partition] = progress.low() - 1
        if self._path is None:
            return
        text = json.dumps({**self._between, "after": self._after}, indent=2, sort_keys=True)
        if text != self._saved:
            beside = self._path.with_name(self._path.name + ".new")
            beside.write_text(text + "\n", encoding="utf-8")
            beside.replace(self._path)
            self._saved = text


def _kept(path: Path, between: Mapping[str, str]) -> dict[str, dict[int, int]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        kept = {
            str(topic): {int(partition): int(offset) for partition, offset in places.items()}
            for topic, places in found["after"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} is no checkpoint of a replay") from error
    found.setdefault("target", between["target"])  # an earlier release did not say it
    for what, meant in between.items():
        if found.get(what) != meant:
            raise CheckpointError(f"{path} is a checkpoint of another {what}: {found.get(what)}")
    return kept


async def of_span(
    bus: Readable, topic: str, span: Span, checkpoint: Checkpoint, stop: asyncio.Event
) -> AsyncGenerator[Item, None]:
    """Iterate what was published in the span, behind the checkpoint, up to what is the end now.

    Raises BusUnavailableError.
    """
    async with aclosing(bus.read(topic, Start(since=span.since, after=checkpoint.after(topic)))) as records:
        async for record in records:
            if stop.is_set():
                return
            if span.since is not None and record.at < span.since.astimezone(UTC):
                continue  # a checkpoint began before it
            if span.until is not None and record.at >= span.until.astimezone(UTC):
                checkpoint.hold(record)
                continue
            checkpoint.begin(record)
            yield _of(record, checkpoint)


def _of(record: Record, checkpoint: Checkpoint) -> Item:
    async def done(_outcome: Outcome | None) -> None:
        checkpoint.end(record)

    async def back() -> None:
        """Leave it open: the checkpoint stays before it."""

    return Item(record, done, back)
