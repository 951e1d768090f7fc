"""Takes classified observations and ticks, keeps episodes, answers with their snapshots.

One new snapshot is the reply: a crash between the commit and the reply loses nothing, because the observation comes
again and the current snapshot is sent again. Several go to the broker as single posts and stay in the record's outbox
until it has accepted them (architecture.md §6).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from functions.correlator.answers import event_of
from functions.correlator.contact import FirstContact
from functions.correlator.namespaces import Namespaces
from functions.correlator.outgoing import Outgoing
from functions.correlator.settings import CorrelatorSettings
from functions.correlator.together import Together
from shared.episodes import keeper, machine
from shared.episodes.recent import Recent
from shared.episodes.record import RecordError, RecordFullError
from shared.episodes.things import things_of
from shared.events.cloudevent import TICKS, CloudEvent
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected, Retry
from shared.runtime.function import Call, Function, Publisher, Readiness, Result
from shared.runtime.parts import opened_publisher, opened_store
from shared.runtime.probe import Probe
from shared.runtime.turns import Turns
from shared.settings.environment import read
from shared.stores.protocol import Store, StoreUnavailableError
from shared.telemetry.metrics import Metrics

NAME = "correlator"
_WEIGHT = (Rejected, Retry, Done, Duplicate, Ignored)  # of two outcomes, the earlier one here is that of both
_LOG = logging.getLogger("tidings.correlator")
_TRIES = 20  # compare-and-set rounds against other replicas; within one process a lock keeps the order
_PAUSE = 0.005
_MAX_DUE = 1000  # index entries worked on by one tick
_DUE_AT_ONCE = 16
# Seconds of the ticks' time until a record that cannot be read is looked at again: not long, for in a roll-out an older
# replica may see records of a newer one; long enough for 10,000 of them not to fill every minute's tick.
_SET_ASIDE = 600
_SPARE = 2.0  # seconds before the deadline at which a tick begins nothing new


def new(
    environ: Mapping[str, str], metrics: Metrics, *, store: Store | None = None, publisher: Publisher | None = None
) -> Function:
    """Build the correlator. Raises SettingsError for settings that cannot work."""
    settings = read(CorrelatorSettings, environ)
    owned = store is None
    store = store or opened_store(settings.store_url)
    publisher = publisher or opened_publisher(settings.sink)
    return Correlator(settings, metrics, store, publisher, owned=owned)


class Correlator:
    """The function. A store that it was given (`owned` is False) is not its to close: others may use it too."""

    name = NAME

    def __init__(
        self,
        settings: CorrelatorSettings,
        metrics: Metrics,
        store: Store,
        publisher: Publisher | None,
        *,
        owned: bool,
    ) -> None:
        self._owned = owned
        self._policy = settings.policy
        self._metrics = metrics
        self._store = store
        self._recent = Recent()
        self._turns = Turns()
        self._together = Together(store, self._recent, self._turns, self._policy, self._count)
        self._outgoing = Outgoing(store, publisher, self._recent, self._turns)
        self._namespaces = Namespaces(store, settings.labels)
        self._contact = FirstContact(store, settings.first_contact)
        self._probe = Probe(store)

    async def start(self) -> None:
        """Ask the store once; where it cannot be asked, readiness says so until it can."""
        await self._probe.look()

    def readiness(self) -> Readiness:
        """Return whether the store can be asked and the broker is known."""
        return Readiness((*self._probe.problems, *self._outgoing.problems))

    async def stop(self) -> None:
        """Close what `new` opened."""
        await self._probe.stop()
        await self._outgoing.stop()
        if self._owned:
            await self._store.close()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Handle one classified observation or tick. The store's failure is never the end of an observation."""
        try:
            if event.type in TICKS:
                return Result(await self._tick(event, call))
            return await self._observation(event)
        except StoreUnavailableError:
            self._probe.failed()
            return Result(Retry("the store cannot be asked"))
        except RecordFullError:
            _LOG.warning("a record is full: too many snapshots wait for the broker", extra={"event_id": event.id})
            return Result(Retry("the record of this object is full"))
        except RecordError:
            _LOG.exception("a record cannot be read", extra={"event_id": event.id})
            return Result(Retry("the record of this object cannot be read"))

    async def _observation(self, event: CloudEvent) -> Result:
        try:
            classified = Classified.model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", "the data is not a classified observation"))
        verdict = classified.verdict
        problem = verdict.phase == "problem"
        if problem and not (verdict.problem_key and verdict.condition):
            return Result(Rejected("decode", "a problem without its key"))
        await self._namespaces.remember(classified.observation)
        old = await self._contact.is_old(classified.observation)
        things = things_of(classified)
        if not things:
            return Result(Ignored("nothing begins or ends with it"))
        labels = await self._namespaces.labels(classified.observation) if problem else {}
        results: list[Result] = []
        for thing, told in things:
            step = await self._together.take(thing, told, labels, old=old)
            if step is None:
                return Result(Retry("others change this object's record"))
            results.append(await self._answer(event, thing, step))
        return await self._one_of(results)

    async def _one_of(self, results: Sequence[Result]) -> Result:
        """Return the one result of an observation that two records were told of; only one snapshot can be the reply.

        Where anything is to be tried again all of it is: a snapshot whose way was lost is told again then.
        """
        first, *others = sorted(results, key=lambda result: _WEIGHT.index(type(result.outcome)))
        if isinstance(first.outcome, Retry):
            return Result(first.outcome)
        replies = [result.reply for result in (first, *others) if result.reply is not None]
        if len(replies) > 1 and not await self._outgoing.hand_over(replies[1:]):
            return Result(Retry("the broker did not accept every snapshot"))
        return Result(first.outcome, replies[0] if replies else None)

    async def _answer(self, event: CloudEvent, thing: str, step: machine.Step) -> Result:
        """Reply with the one snapshot, or publish them all; what is in the outbox is never lost."""
        ready = [unsent for unsent in step.record.outbox if unsent.not_before <= step.record.now]
        answer = None if ready else step.answer
        accepted = not ready or await self._outgoing.flush(thing, ready, event)
        if answer is None and step.again:
            accepted = await self._outgoing.publish(step.again, event) and accepted
        if not accepted:
            return Result(Retry("the broker did not accept every snapshot"))
        outcome: Outcome = Done()
        if step.repeated and not step.snapshots:
            outcome = Duplicate()
        elif not step.moved and not step.snapshots:
            outcome = Ignored("no problem of this object ends with it")
        return Result(outcome, None if answer is None else event_of(answer, event))

    async def _tick(self, event: CloudEvent, call: Call) -> Outcome:
        if event.time is None:
            return Rejected("decode", "a tick without a time")
        now = event.time.timestamp()
        due = await keeper.due_until(self._store, now, _MAX_DUE)
        clock = asyncio.get_running_loop()
        complete = True
        for start in range(0, len(due), _DUE_AT_ONCE):
            if clock.time() > call.deadline - _SPARE:
                break  # the next tick goes on here
            batch = due[start : start + _DUE_AT_ONCE]
            complete = await self._work_all(batch, now, event) and complete
        return Done() if complete else Retry("the broker did not accept every snapshot")

    async def _work_all(self, batch: Sequence[keeper.Due], now: float, event: CloudEvent) -> bool:
        """Work on entries side by side. Raises what one of them raised once all have ended: none outlives its tick."""
        ended = await asyncio.gather(*(self._work(entry, now, event) for entry in batch), return_exceptions=True)
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return all(ended)

    async def _work(self, due: keeper.Due, now: float, event: CloudEvent) -> bool:
        """Do what is due on one object, then forget the index entry; False where its snapshots are still unsent."""
        try:
            return await self._bring_up(due, now, event)
        except RecordError:
            _LOG.exception("a record cannot be worked on; it is set aside", extra={"thing": due.thing})
            self._metrics.count("tidings_records_set_aside_total")
        # At the head of the index it would stand in everybody's way: enough of them would end all ticks.
        await keeper.put_off(self._store, due, int(now) + _SET_ASIDE)
        return True

    async def _bring_up(self, due: keeper.Due, now: float, event: CloudEvent) -> bool:
        try:
            async with self._turns.of(due.thing):
                step = await self._advance(due, now)
        except RecordFullError:
            return await self._drain(due, now, event)
        if step is None:
            return True
        ready = [unsent for unsent in step.record.outbox if unsent.not_before <= step.record.now]
        if ready and not await self._outgoing.flush(due.thing, ready, event):
            return False
        await self._store.delete(due.entry.key, expected=due.entry.revision)
        return True

    async def _drain(self, due: keeper.Due, now: float, event: CloudEvent) -> bool:
        """Send what waits in a record that has no room for more; the next tick finds room. Raises RecordError."""
        record = (await keeper.load(self._store, due.thing)).record
        ready = [unsent for unsent in record.outbox if unsent.not_before <= max(record.now, now)]
        if not ready:
            raise RecordFullError("the record is full, and nothing of it can be sent")
        return await self._outgoing.flush(due.thing, ready, event)

    async def _advance(self, due: keeper.Due, now: float) -> machine.Step | None:
        for attempt in range(_TRIES):
            held = await keeper.load(self._store, due.thing)
            step = machine.into_outbox(machine.tick(held.record, now, self._policy))
            if not step.record.tracks and not step.record.outbox:
                return step  # gone or aged out: nothing to keep
            if await keeper.save(self._store, held, step, due.second, self._recent):
                self._count(step)
                return step
            await asyncio.sleep(_PAUSE * attempt)
        return None

    def _count(self, step: machine.Step) -> None:
        for snapshot in step.snapshots:
            self._metrics.count("tidings_episodes_total", transition=snapshot.episode.transition)
            if snapshot.episode.baseline and snapshot.episode.transition == "opened":
                self._metrics.count("tidings_baseline_episodes_total")
