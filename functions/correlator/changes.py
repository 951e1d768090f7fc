"""Keeps roll-outs: takes what concerns one, tells its change, ends what nothing is heard of, and says who is suspect.

The roll-outs of one workload lie under one key, `rollout.<workload>`, so that its pods' problems find them.
"""

import logging
from collections.abc import Mapping
from math import ceil
from typing import Final

import orjson

from functions.correlator.answers import event_of_change
from functions.correlator.outgoing import Outgoing
from shared.episodes import keeper, rollouts
from shared.episodes.record import RecordError, Track
from shared.episodes.rollouts import Rollout, RolloutError
from shared.episodes.suspects import suspects_of
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Suspect
from shared.events.identity import object_key, workload_of
from shared.events.model import Classified, ObjectRef, policy_time
from shared.events.outcome import Done, Duplicate, Ignored, Retry
from shared.runtime.function import Result
from shared.runtime.turns import Turns
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Store

_LOG = logging.getLogger("tidings.correlator")

PREFIX = "rollout-"
"""Of a workload's name in the index of due work."""
_ROLLOUTS = "rollout."
_NOTHING: Final[Mapping[str, Rollout]] = {}
_Kept = tuple[dict[str, Rollout], int]


class Changes:
    """The roll-outs of all workloads, in the store."""

    def __init__(self, store: Store, outgoing: Outgoing) -> None:
        self._store = store
        self._outgoing = outgoing
        self._turns = Turns()

    async def take(self, event: CloudEvent, classified: Classified, labels: Mapping[str, str]) -> Result:
        """Take in an observation of an object that rolls out; the reply is its change, where that is news.

        Raises StoreUnavailableError, RecordError.
        """
        seen = classified.observation
        key, kind = object_key(seen.cluster, workload_of(seen.object)), seen.object.kind
        now = policy_time(seen).timestamp()
        async with self._turns.of(key):
            for attempt in range(TRIES):
                kept, revision = await self._load(key)
                step = rollouts.step(kept.get(kind), classified, now, labels)
                told = [event_of_change(change, event) for change in (*step.changes, *step.again)]
                if step.rollout is None or step.rollout == kept.get(kind):
                    return _reply(told, known=True)
                # A reply may get lost: it is only what the observation tells again when it comes again.
                if step.changes and step.changes != rollouts.step(step.rollout, classified, now, labels).again:
                    if not await self._outgoing.hand_over(told):
                        return Result(Retry("the broker did not accept every snapshot"))
                    told = []
                if await self._save(key, {**kept, kind: step.rollout}, revision, before=kept):
                    return _reply(told, known=not step.changes)
                await pause(attempt)
        return Result(Retry("others change this workload's roll-outs"))

    async def due(self, name: str, now: float, event: CloudEvent) -> bool:
        """End what nothing was heard of for too long, and tell which problems name a change.

        False where the broker did not take what there is to tell.

        Raises StoreUnavailableError, RecordError.
        """
        key = name.removeprefix(PREFIX)
        async with self._turns.of(key):
            for attempt in range(TRIES):
                kept, revision = await self._load(key)
                steps = {kind: rollouts.tick(one, now) for kind, one in kept.items()}
                # Told before it is kept: where that fails it is told again, at the same revision.
                told = [event_of_change(change, event) for step in steps.values() for change in step.changes]
                if told and not await self._outgoing.hand_over(told):
                    return False
                found = {kind: step.rollout for kind, step in steps.items() if step.rollout is not None}
                left = {kind: one for kind, one in found.items() if not rollouts.is_over(one, now)}
                if await self._save(key, left, revision):
                    return True
                await pause(attempt)
        return False

    async def suspects(self, track: Track, started: float, within: float) -> tuple[Suspect, ...]:
        """Return the changes of the problem's workload that it may come of; none where those cannot be read.

        A ticket without its suspect is better than none. Raises StoreUnavailableError.
        """
        key = _workload(track)
        if not key:
            return ()
        kept, _ = await self._readable(key)
        return suspects_of(list(kept.values()), started, within)

    async def blame(self, track: Track, now: float) -> None:
        """Note on the suspects of a problem that it names them; what is due at `now` tells so.

        Raises StoreUnavailableError.
        """
        key, sent = _workload(track), track.sent
        if not key or sent is None:
            return
        async with self._turns.of(key):
            for attempt in range(TRIES):
                kept, revision = await self._readable(key)
                changed = dict(kept)
                for kind in kept:
                    for suspect in track.desk.suspects:
                        changed[kind] = rollouts.name_problem(changed[kind], suspect.id, sent.id)
                if changed == kept or await self._save(key, changed, revision, before=kept, look=now):
                    return
                await pause(attempt)

    async def _readable(self, key: str) -> _Kept:
        """Return what `_load` does, nothing where that cannot be read: then its tickets name no suspect."""
        try:
            return await self._load(key)
        except RecordError:
            _LOG.warning("the roll-outs of a workload cannot be read: no suspect is named", extra={"thing": key})
            return {}, ABSENT

    async def _load(self, key: str) -> _Kept:
        entry = await self._store.get(_ROLLOUTS + key)
        if entry is None:
            return {}, ABSENT
        try:
            return {kind: rollouts.decode(row) for kind, row in orjson.loads(entry.value).items()}, entry.revision
        except (ValueError, AttributeError, RolloutError) as error:
            raise RecordError("the roll-outs of a workload cannot be read") from error

    async def _save(
        self,
        key: str,
        kept: Mapping[str, Rollout],
        revision: int,
        *,
        before: Mapping[str, Rollout] = _NOTHING,
        look: float | None = None,
    ) -> bool:
        """Keep the roll-outs if nobody changed them meanwhile; what is due by itself, or at `look`, will be found.

        `before` are those whose entry in the index still stands: it is early enough for what is due later.
        """
        due, known = _due(kept), _due(before)
        seconds = {int(look)} if look is not None else set()
        if due is not None and (known is None or due < known):
            seconds.add(ceil(due))
        if not all([await keeper.enter(self._store, second, PREFIX + key) for second in seconds]):
            return False
        value = orjson.dumps({kind: rollouts.encode(one) for kind, one in kept.items()})
        ttl = None if due is not None else 2 * rollouts.KEPT
        return await keeper.put(self._store, _ROLLOUTS + key, value, revision, ttl) is not None


def _due(kept: Mapping[str, Rollout]) -> float | None:
    return min((due for one in kept.values() if (due := rollouts.due(one)) is not None), default=None)


def _reply(told: list[CloudEvent], *, known: bool) -> Result:
    outcome = Done() if not known else Duplicate() if told else Ignored("no roll-out is told of by it")
    return Result(outcome, told[0] if told else None)


def _workload(track: Track) -> str:
    """Return the key of what rolls out the problem's object, empty where nothing does."""
    _, _, rest = track.relations.get("workload", "").partition("/")
    namespace, _, name = rest.partition("/")
    thing = ObjectRef(kind="Workload", namespace=namespace, name=name)
    return object_key(str(track.head.shown["cluster"]), thing) if name else ""
