"""One Trigger at work: read the log, select, call the subscriber, try again, give up. Bounded at every step."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from shared.events.cloudevent import CloudEvent
from shared.local.broker.answer import Ended, Failed, judge
from shared.local.broker.caller import Caller
from shared.local.broker.clock import Clock
from shared.local.broker.cursor import Cursor
from shared.local.broker.filters import compiled
from shared.local.broker.log import Log
from shared.local.broker.records import UNREADABLE, Letter, Stored, TriggerStatus
from shared.local.broker.topology import Trigger
from shared.local.broker.work import Work
from shared.telemetry.metrics import Metrics
from shared.waiting.deadline import within

_LOG = logging.getLogger("tidings.broker")
_STORE_PAUSE = 1.0
_LONG = 1.0


@dataclass(frozen=True, slots=True)
class Means:
    """What all consumers of a broker share; `in_flight` bounds the requests of each unordered one."""

    log: Log
    clock: Clock
    metrics: Metrics
    in_flight: int


class Consumer:
    """Delivers one Trigger's events, or (ordered) those of one partition of it, one after the other."""

    def __init__(self, trigger: Trigger, cursor: Cursor, status: TriggerStatus, caller: Caller, means: Means) -> None:
        """`cursor.lane` is the partition of an ordered Trigger, -1 for all of an unordered one."""
        self.cursor = cursor
        self._trigger = trigger
        self._passes = compiled(trigger.selection.effective())
        self._status = status
        self._caller = caller
        self._seconds = trigger.delivery.timeout
        self._log = means.log
        self._clock = means.clock
        self._metrics = means.metrics
        self._slots = asyncio.Semaphore(1 if trigger.ordered else means.in_flight)
        self._count_delivered = means.metrics.counter("tidings_broker_delivered_total", trigger=trigger.name)
        self._busy = 0
        self._resting = 0
        self._paused = False

    async def run(self) -> None:
        """Deliver until cancelled; what is in flight then is delivered again after the next start."""
        async with asyncio.TaskGroup() as tasks:
            for offset in sorted(self.cursor.open):
                stored = await self._log.read_one(offset)
                if stored is None:  # dropped before the ending was written: it had ended
                    self._log.end_soon(self.cursor, offset)
                    continue
                if not stored.readable:
                    self._unreadable(offset)
                    self._log.end_soon(self.cursor, offset)
                    continue
                await self._slots.acquire()
                self._begin(tasks, stored)
            while not self._paused:
                await self._log.arrival(self.cursor.next)
                await self._deliver_run(await self._log.read(self.cursor.next), tasks)

    async def _deliver_run(self, run: list[Stored], tasks: asyncio.TaskGroup) -> None:
        for stored in run:
            if self._paused:
                return
            if not self._selects(stored):
                self.cursor.skip(stored.offset)
                continue
            await self._slots.acquire()
            if self._paused:
                return
            self.cursor.begin(stored.offset)
            self._begin(tasks, stored)
            await self._log.pace.turn()

    def pause(self) -> None:
        """Begin nothing new."""
        self._paused = True

    def waiting(self) -> int:
        """Return how many events are not ended; among what is not looked at yet, some may be for others."""
        return self._log.next - self.cursor.next + len(self.cursor.open)

    @property
    def busy(self) -> int:
        """Return how many deliveries are under way or wait for another try."""
        return self._busy

    @property
    def active(self) -> int:
        """Return how many deliveries are under way now; a wait for another try may be cut short without harm."""
        return self._busy - self._resting

    async def redeliver(self, letter: Letter) -> None:
        """Send a dead letter again, with all the tries of the Trigger; it stays a letter until that has ended."""
        async with self._slots:
            self._busy += 1
            try:
                await self._redeliver(letter)
            finally:
                self._busy -= 1

    def _selects(self, stored: Stored) -> bool:
        if self.cursor.lane >= 0 and stored.partition != self.cursor.lane:
            return False
        if stored.head is not UNREADABLE and not self._passes(stored.head):
            return False
        if not stored.readable:
            self._unreadable(stored.offset)
            return False
        return True

    def _begin(self, tasks: asyncio.TaskGroup, stored: Stored) -> None:
        self._busy += 1
        tasks.create_task(self._deliver(_Delivery(stored.offset, stored.partition, stored.event)))

    async def _deliver(self, delivery: "_Delivery") -> None:
        try:
            result, tries = await self._attempts(delivery)
            await self._conclude(result, delivery, tries)
        except _UnreadableError:
            self._unreadable(delivery.offset)
            self._log.end_soon(self.cursor, delivery.offset)
        finally:
            self._busy -= 1
            self._slots.release()

    async def _attempts(self, delivery: "_Delivery") -> tuple[Ended | Failed, int]:
        """Call until it ends, may not be tried again or was tried often enough; return the result and the tries."""
        spec = self._trigger.delivery
        tries = 0
        while True:
            tries += 1
            result = await self._call(await self._event(delivery), delivery)
            if isinstance(result, Ended) or not result.again or tries > spec.retry:
                return result, tries
            self._status.retried += 1
            self._status.last_error = result.why
            self._metrics.count("tidings_broker_retries_total", trigger=self._trigger.name)
            delay = spec.delay(tries)
            if delay >= _LONG and not delivery.letter:
                delivery.event = None  # hours of waiting hold an offset in memory, not an event
            self._resting += 1
            try:
                await self._clock.sleep(delay)
            finally:
                self._resting -= 1

    async def _event(self, delivery: "_Delivery") -> CloudEvent:
        if delivery.event is None:
            stored = await self._log.read_one(delivery.offset)
            if stored is None:
                raise LookupError(f"offset {delivery.offset} was dropped while it was open")
            if not stored.readable:
                raise _UnreadableError
            delivery.event = stored.event
        return delivery.event

    async def _call(self, event: CloudEvent, delivery: "_Delivery") -> Ended | Failed:
        placed = {"knativekafkapartition": str(delivery.partition), "knativekafkaoffset": str(delivery.offset)}
        calling = self._caller.call(event.with_extensions(**placed), self._trigger.namespace)
        try:
            if self._caller.seconds <= self._seconds:  # a second timer around it would never be the one that ends it
                return judge(await calling)
            return judge(await within(calling, asyncio.get_running_loop().time() + self._seconds))
        except TimeoutError:
            return judge("too late")
        except Exception:  # noqa: BLE001 - were a bug of ours to end the broker, the same event would end it at each start
            _LOG.exception("a subscriber could not be called", extra={"trigger": self._trigger.name})
            return judge("no answer")

    async def _conclude(self, result: Ended | Failed, delivery: "_Delivery", tries: int) -> None:
        ended = (self.cursor, delivery.offset)
        if isinstance(result, Ended):
            self._delivered(result)
            if result.reply is None:
                self._log.end_soon(*ended)
            else:
                events = [(result.reply, result.stored)]
                await self._write(lambda: Work(events=events, ended=ended))
        elif self._trigger.delivery.dead_letter_sink is None:
            self._lost(result)
            self._log.end_soon(*ended)
        else:
            letter = self._letter(result, await self._event(delivery), tries)
            await self._write(lambda: Work(ended=ended, letter=letter))

    async def _redeliver(self, letter: Letter) -> None:
        result, tries = await self._attempts(_Delivery(0, 0, letter.event, letter=True))
        if isinstance(result, Ended):
            self._delivered(result)
            events = [(result.reply, result.stored)] if result.reply is not None else []
            await self._write(lambda: Work(events=events, settled=letter.id))
        else:
            again = replace(self._letter(result, letter.event, letter.tries + tries), id=letter.id)
            await self._write(lambda: Work(letter=again))

    async def _write(self, work: Callable[[], Work]) -> None:
        # The event has taken effect at the subscriber: do not call it again because the disk is full for a moment.
        while not await self._log.write(work()):
            await self._clock.sleep(_STORE_PAUSE)

    def _delivered(self, result: Ended) -> None:
        self._status.delivered += 1
        self._status.replies += result.reply is not None
        self._count_delivered()

    def _lost(self, result: Failed) -> None:
        self._drop("no_dead_letter_sink", result.why)
        _LOG.error(
            "an event is lost: it failed and its trigger has no deadLetterSink",
            extra={"trigger": self._trigger.name, "why": result.why},
        )

    def _unreadable(self, offset: int) -> None:
        """Note an event that is damaged in the file: this Trigger's, or nobody knows any more whose."""
        self._drop("unreadable", "a stored event cannot be decoded")
        _LOG.error(
            "an event is lost: it cannot be decoded any more", extra={"trigger": self._trigger.name, "offset": offset}
        )

    def _drop(self, reason: str, why: str) -> None:
        self._status.lost += 1
        self._status.last_error = why
        self._metrics.count(
            "tidings_dropped_total", function=self._trigger.subscriber, reason=reason, intentional="false"
        )

    def _letter(self, result: Failed, event: CloudEvent, tries: int) -> Letter:
        self._status.dead += 1
        self._status.last_error = result.why
        self._metrics.count("tidings_broker_dead_letters_total", trigger=self._trigger.name)
        return Letter(
            trigger=self._trigger.name,
            event=event,
            destination=self._trigger.destination,
            code=result.code,
            data=result.data,
            why=result.why,
            extensions=_valid(result.extensions),
            at=self._clock.now(),
            tries=tries,
        )


class _UnreadableError(Exception):
    """An event that waited for another try cannot be decoded any more."""


@dataclass(slots=True)
class _Delivery:
    """One event on its way; `event` is None while it waits long, and is read again from the log."""

    offset: int
    partition: int
    event: CloudEvent | None
    letter: bool = False


def _valid(said: Mapping[str, str]) -> dict[str, str]:
    """Return what may be an extension attribute: a header of a subscriber may hold anything."""
    return {name: value for name, value in said.items() if name.isascii() and name.isalnum() and value.isprintable()}
