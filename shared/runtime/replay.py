"""Hand events that a bus kept to one destination again: bounded, paced, each ended only once its outcome is known."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.bus.protocol import Record
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.outcome import InProgress, Outcome, Rejected, Retry, label

Hand = Callable[[CloudEvent], Awaitable[Outcome]]
"""Hands one event to a destination; raises nothing but cancellation."""

PASSED_OVER: Final = "passed_over"
NOT_NOW: Final = "not_now"
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try of an event; after the last one the destination is taken to be down."""

BYTES: Final = 8 * 1024 * 1024
"""Of events on their way at a time, as the bus has them; in memory they take several times as much."""

_ADVICE: Final = "mend the credentials (tidings doctor says which)"
_LONGEST = 30.0
_SHOWN = 1000


class Item(NamedTuple):
    """One event on its way, which must have one of two ends: `done`, or `back`, which leaves it to the next run.

    `done` is told how it ended, Rejected too, for that is for good; None where it was not for them.
    """

    record: Record
    done: Callable[[Outcome | None], Awaitable[None]]
    back: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that the destination will never take: where it lies, and why."""

    topic: str
    partition: int
    offset: int
    event: str
    stage: str
    reason: str


@dataclass(slots=True)
class Tally:
    """What became of the events so far; of the refusals, the first thousand are kept."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    why: str = ""
    """Why the destination took nothing any more, empty while it does."""

    @property
    def good(self) -> bool:
        """Return True where nothing was refused and nothing is left."""
        return not self.outcomes["rejected"] and not self.outcomes[NOT_NOW]


class _Room:
    """What may be on its way: so many events, of `BYTES` in all; one that is larger than that goes alone."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._bytes = 0
        self._left = asyncio.Event()

    async def enter(self, size: int) -> None:
        """Wait for its turn; one waits at a time."""
        while not self._free or (self._bytes and self._bytes + size > BYTES):
            self._left.clear()
            await self._left.wait()
        self._free -= 1
        self._bytes += size

    def leave(self, size: int) -> None:
        self._free += 1
        self._bytes -= size
        self._left.set()


class Replay:
    """One run. `rate` is events a second, 0 as many as go; `stop` ends it early, and is set where it ends itself."""

    def __init__(  # noqa: PLR0913 - each is one bound or one part
        self,
        hand: Hand,
        *,
        passes: Callable[[CloudEvent], bool],
        at_once: int,
        stop: asyncio.Event,
        rate: float = 0.0,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self.tally = Tally()
        self._hand = hand
        self._passes = passes
        self._room = _Room(at_once)
        self._stop = stop
        self._gap = 1.0 / rate if rate else 0.0
        self._due = 0.0
        self._pauses = pauses

    async def run(self, items: AsyncGenerator[Item, None]) -> None:
        """Take all items; return once each that was taken has ended. Raises what the items raise, after that."""
        broken: Exception | None = None
        async with asyncio.TaskGroup() as tasks, contextlib.aclosing(items) as source:
            try:
                async for item in source:
                    await self._take(item, tasks)
            except Exception as error:  # noqa: BLE001 - raised below, once what is in flight has ended
                broken = error
                self._stop.set()
        if broken is not None:
            raise broken

    async def _take(self, item: Item, tasks: asyncio.TaskGroup) -> None:
        event = item.record.event
        if isinstance(event, NotAnEvent):
            await self._concluded(item, Rejected("decode", event.reason))
        elif not self._passes(event):
            self.tally.outcomes[PASSED_OVER] += 1
            await item.done(None)
        else:
            await self._turn()
            await self._room.enter(len(item.record.body))
            tasks.create_task(self._deliver(item, event))

    async def _turn(self) -> None:
        """Wait until the rate allows another one."""
        if not self._gap:
            return
        now = asyncio.get_running_loop().time()
        self._due = max(now, self._due + self._gap)
        if self._due > now:
            await self._pause(self._due - now)

    async def _deliver(self, item: Item, event: CloudEvent) -> None:
        try:
            await self._concluded(item, await self._outcome(event))
        finally:
            self._room.leave(len(item.record.body))

    async def _outcome(self, event: CloudEvent) -> Outcome:
        for pause in self._pauses:
            outcome = await self._hand(event)
            if not isinstance(outcome, Retry | InProgress) or _refused(outcome):
                return outcome
            asked = outcome.after if isinstance(outcome, Retry) else None
            await self._pause(max(pause, min(asked or 0.0, _LONGEST)))
            if self._stop.is_set():
                return outcome
        return await self._hand(event)

    async def _concluded(self, item: Item, outcome: Outcome) -> None:
        record = item.record
        if isinstance(outcome, Retry | InProgress):
            self.tally.outcomes[NOT_NOW] += 1
            why = outcome.reason if isinstance(outcome, Retry) else "in progress"
            self.tally.why = self.tally.why or (f"{why}: {_ADVICE}" if _refused(outcome) else why)
            self._stop.set()  # what follows would wait in vain just as long; the next run begins with it
            await item.back()
            return
        self.tally.outcomes[label(outcome)] += 1
        if isinstance(outcome, Rejected) and len(self.tally.refusals) < _SHOWN:
            name = record.event.id if isinstance(record.event, CloudEvent) else ""
            place = (record.topic, record.partition, record.offset)
            self.tally.refusals.append(Refusal(*place, name, outcome.stage, outcome.reason))
        await item.done(outcome)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _refused(outcome: Outcome) -> bool:
    """Return whether it is the credentials that are refused, which no waiting mends."""
    return isinstance(outcome, Retry) and outcome.refused
