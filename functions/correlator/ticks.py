"""Does what is due: looks up the index, works on objects oldest first, forgets an entry once all of it was sent."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil

from functions.correlator.changes import PREFIX as ROLLOUT
from functions.correlator.changes import Changes
from functions.correlator.outgoing import Outgoing
from functions.correlator.surroundings import Lookout
from shared.episodes import bonds, groups, keeper, machine
from shared.episodes.bonds import Rules
from shared.episodes.desk import RELOOK
from shared.episodes.members import Member
from shared.episodes.recent import Recent
from shared.episodes.record import Record, RecordFullError, Track
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.runtime.function import Call
from shared.runtime.turns import Turns
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import Store, StoreUnavailableError
from shared.telemetry.metrics import Metrics

_LOG = logging.getLogger("tidings.correlator")
_MAX_DUE = 1000  # index entries listed at once
_ROUNDS = 5  # what one look makes due for another object is done by the same tick
_DUE_AT_ONCE = 4  # what is observed during a tick waits for each of them, which more of them make longer than it may be
# Seconds of the ticks' time until a record that cannot be read is looked at again: not long, for in a roll-out an older
# replica may see records of a newer one; long enough for 10,000 of them not to fill every minute's tick.
_SET_ASIDE = 600
_SOON = 10.0
_SPARE = 2.0  # seconds before the deadline at which a tick begins nothing new


@dataclass(frozen=True, slots=True)
class _Tick:
    """One tick, and the bonds whose members it woke in this round: they look in the next one, after all of this."""

    now: float
    event: CloudEvent
    deadline: float
    woken: set[str] = field(default_factory=set)


class Ticks:
    """Works on due entries. All objects of one process are worked on in their turn."""

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        store: Store,
        rules: Rules,
        outgoing: Outgoing,
        lookout: Lookout,
        changes: Changes,
        *,
        recent: Recent,
        turns: Turns,
        metrics: Metrics,
        written: Callable[[Record, machine.Step], None],
    ) -> None:
        self._store = store
        self._rules = rules
        self._outgoing = outgoing
        self._turns = turns
        self._waking = Turns()
        self._recent = recent
        self._written = written
        self._metrics = metrics
        self._lookout = lookout
        self._changes = changes

    async def do(self, event: CloudEvent, call: Call) -> Outcome:
        """Do what is due at the event's time, at most so much as the deadline allows: the next tick goes on there.

        Raises StoreUnavailableError.
        """
        if event.time is None:
            return Rejected("decode", "a tick without a time")
        tick = _Tick(event.time.timestamp(), event, call.deadline - _SPARE)
        complete = True
        for _ in range(_ROUNDS):
            tick.woken.clear()
            due = await keeper.due_until(self._store, tick.now, _MAX_DUE)
            if not due:
                break
            # Groups come last: by then it is decided what is in them.
            things = [one for one in due if not bonds.is_group(one.thing)]
            done = await self._work_all(things if things and len(due) < _MAX_DUE else due, tick)
            complete = complete and done
            if not done or self._is_late(tick):
                break
        return Done() if complete else Retry("the broker did not accept every snapshot")

    async def _work_all(self, due: Sequence[keeper.Due], tick: _Tick) -> bool:
        """Work on entries side by side; none outlives its tick."""
        entries = iter(due)

        async def work() -> bool:
            complete = True
            for entry in entries:
                if self._is_late(tick):
                    break
                complete = await self._work(entry, tick) and complete
            return complete

        return all(await keeper.all_of(work() for _ in range(_DUE_AT_ONCE)))

    @staticmethod
    def _is_late(tick: _Tick) -> bool:
        return asyncio.get_running_loop().time() > tick.deadline

    async def _work(self, due: keeper.Due, tick: _Tick) -> bool:
        """Do what is due on one object, then forget the index entry; False where its snapshots are still unsent."""
        try:
            return await self._bring_up(due, tick)
        except StoreUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - nothing of one object may end the tick of all the others
            _LOG.exception("a record cannot be worked on; it is set aside", extra={"thing": due.thing})
            self._metrics.count("tidings_records_set_aside_total")
        # At the head of the index it would stand in everybody's way: enough of them would end all ticks.
        await keeper.put_off(self._store, due, int(tick.now) + _SET_ASIDE)
        return True

    async def _bring_up(self, due: keeper.Due, tick: _Tick) -> bool:
        if due.thing.startswith(ROLLOUT):
            return await self._roll(due, tick)
        try:
            async with self._turns.of(due.thing):
                step = await self._advance(due, tick)
        except RecordFullError:
            return await self._drain(due, tick)
        if step is None:
            return True
        ready = [unsent for unsent in step.record.outbox if unsent.not_before <= step.record.now]
        if ready and not await self._outgoing.flush(due.thing, ready, tick.event):
            return False
        await self._store.delete(due.entry.key, expected=due.entry.revision)
        return True

    async def _drain(self, due: keeper.Due, tick: _Tick) -> bool:
        """Send what waits in a record that has no room for more; the next tick finds room. Raises RecordError."""
        record = (await keeper.load(self._store, due.thing)).record
        ready = [unsent for unsent in record.outbox if unsent.not_before <= max(record.now, tick.now)]
        if not ready:
            raise RecordFullError("the record is full, and nothing of it can be sent")
        return await self._outgoing.flush(due.thing, ready, tick.event)

    async def _roll(self, due: keeper.Due, tick: _Tick) -> bool:
        """End the roll-outs of which nothing is heard any more, and tell what they are named by."""
        if not await self._changes.due(due.thing, tick.now, tick.event):
            return False
        await self._store.delete(due.entry.key, expected=due.entry.revision)
        return True

    async def _advance(self, due: keeper.Due, tick: _Tick) -> machine.Step | None:
        now = tick.now
        saving = keeper.Saving(self._rules, due.second)
        for attempt in range(TRIES):
            held = await keeper.load(self._store, due.thing)
            for bond in held.record.wakes:
                if not await self._wake(bond, tick):
                    return None
            found, over = await self._step(due.thing, replace(held.record, wakes=()), now)
            step = machine.into_outbox(found)
            if not step.record.tracks and not step.record.outbox:
                # Gone, aged out, or a group whose members are not there yet.
                await keeper.forget(self._store, due.thing, over)
                return step if step.due is None or await keeper.enter(self._store, ceil(step.due), due.thing) else None
            for track in _accusers(held.record, step.record):
                await self._changes.blame(track, now)
            if await keeper.save(self._store, held, step, saving, self._recent):
                await keeper.forget(self._store, due.thing, over)
                self._written(held.record, step)
                return step
            await pause(attempt)
        return None

    async def _wake(self, bond: str, tick: _Tick) -> bool:
        """See that all members of a bond look again: once for all causes of a round."""
        async with self._waking.of(bond):
            if bond not in tick.woken:
                if not await keeper.wake(self._store, bond, int(tick.now)):
                    return False
                tick.woken.add(bond)
            return True

    async def _step(self, thing: str, record: Record, now: float) -> tuple[machine.Step, list[Member]]:
        """Weigh the object's problems with what others say; a group first sees what its members are together.

        Those that are over come along: they are forgotten once the group has kept what it made of them.
        """
        if not bonds.is_group(thing):
            return machine.tick(record, now, self._rules, await self._lookout.around(thing, record, now)), []
        members, again = await keeper.standing(self._store, bonds.MEMBERS, thing, now)
        opens = groups.opens(thing, members, self._rules)
        if not record.tracks and opens is not None and opens > now:
            return machine.Step(record, due=opens), []  # it was looked at because of one that is over
        seen = groups.observed(thing, members, record, now, self._rules)
        record, earlier = groups.taken_in(record, seen, self._rules)
        step = machine.tick(record, now, self._rules, await self._lookout.around(thing, record, now))
        # A group looks at its members by itself now and then: what told it to may have got lost.
        look = (
            now + (_SOON if again else RELOOK)
            if again or any(map(bonds.is_open, step.record.tracks.values()))
            else None
        )
        due = min((time for time in (step.due, look) if time is not None), default=None)
        over = [one for one in members if one.over]
        return replace(step, snapshots=(*earlier, *step.snapshots), due=due), over


def _accusers(before: Record, after: Record) -> list[Track]:
    """Return the problems that name other changes as suspects than before."""
    known = {key: track.desk.suspects for key, track in before.tracks.items()}
    return [track for key, track in after.tracks.items() if track.desk.suspects not in {(), known.get(key)}]
