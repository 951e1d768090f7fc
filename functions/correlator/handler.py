"""Takes classified observations and ticks, keeps episodes, answers with their snapshots.

One new snapshot is the reply: a crash between the commit and the reply loses nothing, because the observation comes
again and the current snapshot is sent again. Several go to the broker as single posts and stay in the record's outbox
until it has accepted them (architecture.md §6).
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from functions.correlator.answers import event_of
from functions.correlator.changes import Changes
from functions.correlator.contact import FirstContact
from functions.correlator.live import InForce, live_policies
from functions.correlator.namespaces import Namespaces
from functions.correlator.outgoing import Outgoing
from functions.correlator.settings import CorrelatorSettings
from functions.correlator.surroundings import Lookout
from functions.correlator.ticks import Ticks
from functions.correlator.together import Together
from shared.episodes import machine
from shared.episodes.bonds import Rules
from shared.episodes.machine import Known
from shared.episodes.policy import Policies
from shared.episodes.recent import Recent
from shared.episodes.record import Record, RecordError, RecordFullError
from shared.episodes.rollouts import concerns
from shared.episodes.things import things_of
from shared.events.cloudevent import TICKS, CloudEvent
from shared.events.model import Classified
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected, Retry
from shared.runtime.function import Call, Function, Publisher, Readiness, Result
from shared.runtime.live import Live
from shared.runtime.parts import opened_publisher, opened_store
from shared.runtime.probe import Probe
from shared.runtime.turns import Turns
from shared.settings.environment import read
from shared.stores.protocol import Store, StoreUnavailableError
from shared.telemetry.metrics import Metrics

NAME = "correlator"
_WEIGHT = (Rejected, Retry, Done, Duplicate, Ignored)  # of two outcomes, the earlier one here is that of both
Heard = Callable[[Record, machine.Step], None]
_NO_POLICIES = "the policies cannot be loaded: run `tidings validate`"
_LOG = logging.getLogger("tidings.correlator")


def new(  # noqa: PLR0913 - each replaces what it would open or read itself
    environ: Mapping[str, str],
    metrics: Metrics,
    *,
    store: Store | None = None,
    publisher: Publisher | None = None,
    rules: Rules | None = None,
    heard: Heard | None = None,
) -> Function:
    """Build the correlator, with other policies than those of its settings where `rules` are given; they stay.

    `heard` is told of each step that was kept, with the record before it.
    Raises SettingsError for settings that cannot work.
    """
    settings = read(CorrelatorSettings, environ)
    owned = store is None
    store = store or opened_store(settings.store_url, environ)
    publisher = publisher or opened_publisher(settings.sink)
    policies = live_policies(settings.policy_file, metrics)
    if rules is None:
        return Correlator(
            settings, metrics, store, publisher, InForce(policies), owned=owned, policies=policies, heard=heard
        )
    return Correlator(settings, metrics, store, publisher, rules, owned=owned, heard=heard)


class Correlator:
    """The function. A store that it was given (`owned` is False) is not its to close: others may use it too.

    `policies`, where there are, are what the rules follow; it starts and ends them.
    """

    name = NAME

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        settings: CorrelatorSettings,
        metrics: Metrics,
        store: Store,
        publisher: Publisher | None,
        rules: Rules,
        *,
        owned: bool,
        policies: Live[Policies] | None = None,
        heard: Heard | None = None,
    ) -> None:
        self._owned = owned
        self._policies = policies
        self._heard = heard
        self._metrics = metrics
        self._store = store
        recent, turns = Recent(), Turns()
        self._together = Together(store, recent, turns, rules, self._written)
        self._outgoing = Outgoing(store, publisher, recent, turns)
        self._namespaces = Namespaces(store, settings.labels)
        self._changes = Changes(store, self._outgoing)
        lookout = Lookout(store, rules, self._namespaces, self._changes)
        self._ticks = Ticks(
            store,
            rules,
            self._outgoing,
            lookout,
            self._changes,
            recent=recent,
            turns=turns,
            metrics=metrics,
            written=self._written,
        )
        self._contact = FirstContact(store, settings.first_contact)
        self._probe = Probe(store)

    async def start(self) -> None:
        """Load the policies, ask the store once; readiness says what cannot be loaded or asked until it can (F30)."""
        if self._policies is not None:
            await self._policies.start()
        await self._probe.look()

    def readiness(self) -> Readiness:
        """Return whether there are policies, the store can be asked and the broker is known."""
        lacking = (_NO_POLICIES,) if self._lacks_policies() else ()
        return Readiness((*lacking, *self._probe.problems, *self._outgoing.problems))

    async def stop(self) -> None:
        """Close what `new` opened."""
        if self._policies is not None:
            await self._policies.stop()
        await self._probe.stop()
        await self._outgoing.stop()
        if self._owned:
            await self._store.close()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Handle one classified observation or tick. The store's failure is never the end of an observation."""
        if self._lacks_policies():
            return Result(Retry("no policies are loaded"))
        try:
            if event.type in TICKS:
                return Result(await self._ticks.do(event, call))
            return await self._observation(event)
        except StoreUnavailableError:
            self._probe.failed()
            return Result(Retry("the store cannot be asked"))
        except RecordFullError as error:
            _LOG.warning("a record is full: %s", error, extra={"event_id": event.id})
            return Result(Retry("the record of this object is full"))
        except RecordError:
            _LOG.exception("a record cannot be read", extra={"event_id": event.id})
            return Result(Retry("the record of this object cannot be read"))

    def _lacks_policies(self) -> bool:
        return self._policies is not None and self._policies.value is None

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
        things, rolls = things_of(classified), concerns(classified)
        if not things and not rolls:
            return Result(Ignored("nothing begins or ends with it"))
        labels = await self._namespaces.labels(classified.observation) if problem or rolls else {}
        results: list[Result] = [await self._changes.take(event, classified, labels)] if rolls else []
        for thing, told in things:
            step = await self._together.take(thing, told, Known(labels, old))
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

    def _written(self, before: Record, step: machine.Step) -> None:
        if self._heard is not None:
            self._heard(before, step)
        for snapshot in step.snapshots:
            self._metrics.count("tidings_episodes_total", transition=snapshot.episode.transition)
            if snapshot.episode.baseline and snapshot.episode.transition == "opened":
                self._metrics.count("tidings_baseline_episodes_total")
