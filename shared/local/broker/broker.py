"""The embedded broker as its host sees it: publish, look on, dead letters, start and stop."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from shared.events.cloudevent import CloudEvent
from shared.events.codec import refusal_of
from shared.events.identity import digest
from shared.local.broker.caller import Caller
from shared.local.broker.clock import Clock, SystemClock
from shared.local.broker.consumer import Consumer, Means
from shared.local.broker.cursor import WHOLE, Cursor, restore, resumed
from shared.local.broker.database import Database
from shared.local.broker.letters import Letters
from shared.local.broker.log import Log
from shared.local.broker.records import PARTITIONS, Stored, TriggerStatus
from shared.local.broker.topology import Tick, Topology, Trigger
from shared.local.broker.unrouted import Unrouted
from shared.runtime.handover import Acceptance
from shared.telemetry.metrics import Metrics

_LOG = logging.getLogger("tidings.broker")
IN_FLIGHT = 50
"""Requests that one Trigger may have in flight, as an unordered consumer of the Kafka Broker has."""
_LOOK = 0.002


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Bounds. `keep`: events kept for looking at; `forget_after`: seconds that a removed Trigger's place is kept."""

    in_flight: int = IN_FLIGHT
    keep: int = 10_000
    forget_after: float = 86_400.0
    maintain_every: float = 2.0
    retry_letters_every: float = 1.0
    clock: Clock = field(default_factory=SystemClock)


class Broker:
    """One broker over one file. Use: `await start()`, `publish`, `await stop()`; one event loop owns it."""

    def __init__(
        self,
        topology: Topology,
        callers: Mapping[str, Caller],
        path: Path,
        metrics: Metrics,
        settings: BrokerSettings | None = None,
    ) -> None:
        """`callers` by the name of the Knative Service; a Trigger whose Service has none is in `unserved`."""
        self._topology = topology
        self._callers = callers
        self._path = path
        self._metrics = metrics
        self._settings = settings or BrokerSettings()
        self._clock = self._settings.clock
        self._log: Log | None = None
        self._accepting = False
        self._consumers: dict[str, list[Consumer]] = {}
        self._statuses: dict[str, TriggerStatus] = {}
        self._away: list[tuple[Cursor, float]] = []  # of Triggers that are gone, and when each was seen last
        self._unrouted = Unrouted((one for one in topology.triggers if one.subscriber in callers), metrics)
        self._writer: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.unserved = tuple(item.name for item in topology.triggers if item.subscriber not in callers)

    async def start(self) -> None:
        """Open the file and go on where it was. Raises InUseError, OSError, sqlite3.Error, and then it is closed."""
        with contextlib.ExitStack() as opened:
            database = Database(self._path)
            opened.callback(database.close)
            self._log = log = Log(database, self._clock, self._settings.keep)
            opened.pop_all()
        self._writer = asyncio.create_task(log.run())
        try:
            await self._begin(log)
        except BaseException:
            await self.stop(grace=0.0)
            raise

    async def _begin(self, log: Log) -> None:
        await self._restore(log)
        for consumers in self._consumers.values():
            self._tasks += [asyncio.create_task(consumer.run()) for consumer in consumers]
            self._tasks.append(asyncio.create_task(self._redeliver(consumers)))
        self._tasks.append(asyncio.create_task(self._maintain(log)))
        self._tasks += [asyncio.create_task(self._tick(tick)) for tick in self._topology.ticks]
        self._accepting = True

    async def stop(self, grace: float = 5.0) -> None:
        """Accept nothing more, give what is in flight so many seconds, keep everything else for the next start."""
        log, self._accepting = self._log, False
        if log is None:
            return
        try:
            await self._finish(log, grace)
        finally:
            if self._writer is not None:
                self._writer.cancel()
            self._log = None
            self._tasks.clear()
            log.close()

    async def _finish(self, log: Log, grace: float) -> None:
        """Let everything end; how a part of the broker ended that failed is for `failed` to say."""
        for consumer in self._all():
            consumer.pause()
        await _until(lambda: not any(consumer.active for consumer in self._all()), grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        log.mark_in_use(consumer.cursor for consumer in self._all())
        log.stop_accepting()
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    async def failed(self) -> None:
        """Return never, but raise what ended a part of the broker: a mistake of ours, for the host to die of."""
        done, _ = await asyncio.wait(
            [*self._tasks, *([self._writer] if self._writer is not None else [])], return_when=asyncio.FIRST_EXCEPTION
        )
        for task in done:
            task.result()

    async def publish(self, event: CloudEvent) -> bool:
        """Return True once the event is durable; False where it cannot be taken now, or ever.

        For events made in this process: nobody has decoded them yet, and one that cannot be read again would be lost.
        """
        refusal = refusal_of(event)
        if refusal is not None:
            _LOG.error("an event of ours is none", extra={"type": event.type, "why": refusal.reason})
            return False
        return await self.publish_all((event,))

    async def publish_all(self, events: Sequence[CloudEvent]) -> bool:
        """Add events that a decoder gave, all or none, in this order; True once they are durable."""
        return await self._publish(events) == "accepted"

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        """Add events from outside as `publish_all` does, before deliveries, and say why where they are not taken."""
        if self._log is not None:
            self._log.pace.posted()
        acceptance = await self._publish(events)
        if acceptance == "accepted":
            self._unrouted.look(events)
        return acceptance

    async def _publish(self, events: Sequence[CloudEvent]) -> Acceptance:
        return await self._log.publish(events) if self._accepting and self._log is not None else "full"

    async def events(self, limit: int = 100, before: int | None = None) -> list[Stored]:
        """Return up to `limit` events with offsets below `before`, the newest first; none while they cannot be read."""
        try:
            return await self._open().latest(limit, before)
        except sqlite3.Error as error:  # who looks on shall not end what works
            _LOG.warning("the broker's events cannot be read", extra={"error": type(error).__name__})
            return []

    @property
    def letters(self) -> Letters:
        """Return the dead letters."""
        return Letters(self._open())

    async def retry_letters(self, ids: Sequence[int]) -> int:
        """Send dead letters again, each to its own Trigger only; return how many of these ids exist."""
        return await self.letters.mark(ids, wanted=True)

    def status(self) -> list[TriggerStatus]:
        """Return what became of every Trigger's events, and set the gauge of what waits."""
        for name, consumers in self._consumers.items():
            status = self._statuses[name]
            status.waiting = max(consumer.waiting() for consumer in consumers)
            status.in_flight = sum(consumer.busy for consumer in consumers)
            self._metrics.gauge("tidings_broker_waiting", status.waiting, trigger=name)
        return [replace(status) for status in self._statuses.values()]

    def waiting(self, but: Collection[str] = ()) -> int:
        """Return the most that any Trigger has before it; 0 where everything has ended. Those of `but` do not count."""
        return max((status.waiting for status in self.status() if status.trigger not in but), default=0)

    async def idle(self, within: float, but: Collection[str] = ()) -> bool:
        """Wait until nothing waits; False where that took longer than `within` seconds. Those of `but` may go on."""
        deadline = asyncio.get_running_loop().time() + within
        while self.waiting(but):
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await self._open().flush()  # an ending that waits for company to be written is an ending
            await asyncio.sleep(_LOOK)
        return True

    def _open(self) -> Log:
        if self._log is None:
            raise RuntimeError("the broker is not started")
        return self._log

    def _all(self) -> Iterator[Consumer]:
        return (consumer for consumers in self._consumers.values() for consumer in consumers)

    async def _restore(self, log: Log) -> None:
        stored = await log.query(lambda database: database.cursors())
        now = self._clock.now()
        known: dict[str, list[Cursor]] = {}
        last = {name: seen for name, _, _, seen in stored}
        gone: list[tuple[str, int]] = []
        served = {item.name for item in self._topology.triggers if item.subscriber in self._callers}
        for name, lane, state, seen in stored:
            if name not in served and now - seen > self._settings.forget_after:
                gone.append((name, lane))
            else:
                known.setdefault(name, []).append(restore(name, lane, state))
        means = Means(log, self._clock, self._metrics, self._settings.in_flight)
        for trigger in self._topology.triggers:
            if trigger.name in served:
                before = known.pop(trigger.name, [])
                cursors = resumed(trigger.name, range(PARTITIONS) if trigger.ordered else (WHOLE,), before, log.next)
                gone += [(trigger.name, old.lane) for old in before if all(new.lane != old.lane for new in cursors)]
                self._serve(trigger, cursors, means)
        for cursor in (cursor for cursors in known.values() for cursor in cursors):
            log.follow(cursor)  # its events are kept for the while in which the Trigger may come back
            self._away.append((cursor, last[cursor.trigger]))
        await log.flush()
        if gone:
            await log.change(lambda database: database.forget(gone))

    def _serve(self, trigger: Trigger, cursors: list[Cursor], means: Means) -> None:
        status = self._statuses[trigger.name] = TriggerStatus(trigger.name, trigger.subscriber)
        caller = self._callers[trigger.subscriber]
        self._consumers[trigger.name] = [Consumer(trigger, cursor, status, caller, means) for cursor in cursors]
        for cursor in cursors:
            means.log.follow(cursor)
        means.log.mark_in_use(cursors)  # from now on the Trigger is known

    async def _redeliver(self, consumers: list[Consumer]) -> None:
        while True:
            try:
                await self._redeliver_wanted(consumers[0], self.letters)
            except sqlite3.Error as error:
                _LOG.warning("dead letters cannot be read", extra={"error": type(error).__name__})
            await self._clock.sleep(self._settings.retry_letters_every)

    async def _redeliver_wanted(self, consumer: Consumer, letters: Letters) -> None:
        after = 0
        while wanted := await letters.wanted(consumer.cursor.trigger, after=after, limit=self._settings.in_flight):
            unreadable = [letter.id for letter in wanted if not letter.readable]
            if unreadable:
                _LOG.error("dead letters cannot be decoded, so not sent again", extra={"letters": unreadable})
                await letters.mark(unreadable, wanted=False)
            await asyncio.gather(*(consumer.redeliver(letter) for letter in wanted if letter.readable))
            after = wanted[-1].id

    async def _maintain(self, log: Log) -> None:
        marked = self._clock.now()
        while True:
            await self._clock.sleep(self._settings.maintain_every)
            await self._let_go(log)
            await log.maintain()
            if self._clock.now() - marked > self._settings.forget_after / 8:
                marked = self._clock.now()
                log.mark_in_use(consumer.cursor for consumer in self._all())
            self.status()

    async def _let_go(self, log: Log) -> None:
        """Stop keeping events for Triggers that did not come back: a process that runs for long has few starts."""
        now = self._clock.now()
        for cursor, seen in [one for one in self._away if now - one[1] > self._settings.forget_after]:
            try:
                await log.forget(cursor)
            except sqlite3.Error as error:
                _LOG.warning("a Trigger that is gone is still kept", extra={"error": type(error).__name__})
                return
            self._away.remove((cursor, seen))

    async def _tick(self, tick: Tick) -> None:
        while True:
            now = self._clock.now()
            await self._clock.sleep(tick.every - now % tick.every)
            at = datetime.fromtimestamp(self._clock.now(), UTC)
            await self.publish(tick.event._replace(id=digest(tick.name, at.isoformat()), time=at))


async def _until(condition: Callable[[], bool], within: float) -> bool:
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(0.01)
    return True
