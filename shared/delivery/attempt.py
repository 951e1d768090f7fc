"""One attempt at a ticket under one claim: ask, decide, act, look again, complete (architecture.md §6)."""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from shared.delivery.claim import Memory
from shared.delivery.claims import Claims, Taken
from shared.delivery.delivered import Delivered
from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.delivery.parents import parent_of
from shared.delivery.plan import Plan, decide, mark_of, note_of, untouched, written
from shared.delivery.remember import as_found, dealt_with, recognise, sent
from shared.delivery.settled import UNCHANGED
from shared.delivery.states import OPERATIONS, Action
from shared.delivery.subject import OPERATION_OF, Subject
from shared.delivery.ticket import Found, Order, Render, TicketDestination
from shared.events.delivery import DeliveryOperation
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry

_log = logging.getLogger(__name__)

LEAST: Final = 0.1
"""Seconds below which nothing is begun: no answer would come in time."""
_SETTLE: Final = 5.0
"""Seconds after which what was done in doubt is looked at again: a slow server may commit late (F55).

Nothing that was done sooner after a send without an answer completes: a second record could appear after it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an attempt works with."""

    destination: TicketDestination
    claims: Claims
    render: Render


class Attempt:
    """One attempt, under one claim."""

    def __init__(self, parts: Parts, subject: Subject, taken: Taken, deadline: float) -> None:
        self._destination = parts.destination
        self._claims = parts.claims
        self._render = parts.render
        self._subject = subject
        self._taken = taken
        self._deadline = deadline
        self._memory = taken.memory
        self._gone: set[str] = set()

    def _left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    async def run(self) -> Delivered:
        """Go as far as there is time for; the claim is completed, released or in doubt afterwards."""
        found = await self._find()
        if not isinstance(found, tuple):
            return await self._failed(found, sent=False)  # a question changes nothing over there, however it ended
        plan = decide(self._subject, self._memory, found)
        failure = await self._cancel(plan)
        if failure is not None:
            return await self._failed(failure, sent=True)
        delivered = await self._follow(plan)
        if isinstance(delivered, Gone) and not self._gone and plan.target is not None:
            self._gone.add(plan.target.ref)
            return await self.run()  # once: the record went between the question and the command
        return delivered if isinstance(delivered, Delivered) else await self._failed(delivered, sent=True)

    async def _follow(self, plan: Plan) -> "Delivered | Failure":
        """Do what the plan says; a returned failure is still to be turned into an outcome."""
        if plan.applied and plan.target is not None:
            self._recognise(plan.target)
            return await self._finish(plan.target, None, Duplicate())
        if plan.action == "leave":
            return await self._finish(plan.target, None, Ignored(plan.why))
        fields = self._fields(OPERATIONS[plan.action])
        if isinstance(fields, Rejected):
            await self._claims.release(self._taken)
            return Delivered(fields)
        if plan.target is None or plan.action == "renew":
            return await self._create(Order(mark_of(self._subject), fields, after=plan.target))
        return await self._change(plan.action, plan.target, fields)

    def _recognise(self, record: Found) -> None:
        """Learn what is ours in a record whose writing nobody remembers, or not the last of it (F04, F33)."""
        known = self._memory.record == record.ref and bool(self._memory.written)
        fields = self._fields(OPERATION_OF[self._subject.transition] if known else "open")
        wanted = {} if isinstance(fields, Rejected) else fields
        if known:
            self._memory = as_found(self._memory, record, wanted)
        else:
            self._memory = recognise(self._memory, self._subject, record, wanted, self._now())

    def _fields(self, operation: DeliveryOperation) -> dict[str, str] | Rejected:
        return self._render(operation, self._subject, self._memory.told)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._claims.clock(), UTC)

    async def _find(self) -> tuple[Found, ...] | Failure:
        if self._left() < LEAST:
            return Temporary("no time left")
        found = await self._destination.find(self._subject.id, self._subject.key, self._left())
        if isinstance(found, tuple) and self._gone & {one.ref for one in found}:
            return Refused("the record is shown but cannot be written")
        return found

    async def _cancel(self, plan: Plan) -> Failure | None:
        for extra in plan.extras:
            if plan.target is None or self._left() < LEAST:
                return Temporary("no time left")
            answer = await self._destination.cancel(extra, plan.target, self._left())
            if isinstance(answer, Refused):
                _log.warning("a second ticket could not be cancelled", extra={"number": extra.number})
            elif not isinstance(answer, Found | Gone):
                return answer
        return None

    async def _change(self, action: Action, target: Found, fields: dict[str, str]) -> "Delivered | Failure":
        chosen = untouched(fields, target, self._memory, self._destination.journals)
        self._memory = as_found(self._memory, target, fields)
        if action == "update" and self._memory.noted == note_of(self._subject):
            chosen = {name: value for name, value in chosen.items() if name not in self._destination.journals}
            if not chosen:
                return await self._finish(target, None, Ignored(UNCHANGED))
        order = await self._order(action, chosen)
        if isinstance(order, Temporary):
            return order
        send = {"resolve": self._destination.resolve, "reopen": self._destination.reopen}.get(
            action, self._destination.update
        )
        answer = await send(target, order, self._left())
        if action == "reopen" and isinstance(answer, Refused):
            renewed = self._fields("open")
            if isinstance(renewed, Rejected):
                await self._claims.release(self._taken)
                return Delivered(renewed)
            return await self._create(Order(mark_of(self._subject), renewed, after=target))
        answer = await self._settled(answer, order)
        if not isinstance(answer, Found):
            return answer
        return await self._finish(answer, order, Done(), OPERATIONS[action])

    async def _order(self, action: Action, fields: dict[str, str]) -> Order | Temporary:
        asked = parent_of(self._destination, self._subject, self._now(), self._left()) if action == "resolve" else None
        parent = None if asked is None else await asked
        if isinstance(parent, Temporary):
            return parent
        if self._left() < LEAST:
            return Temporary("no time left")
        return Order(mark_of(self._subject), fields, parent=parent)

    async def _create(self, order: Order) -> "Delivered | Failure":
        if self._left() < LEAST:
            return Temporary("no time left")
        created = await self._settled(await self._destination.create(order, self._left()), order)
        if not isinstance(created, Found):
            return created
        keeper = await self._look_again(created, order)
        if not isinstance(keeper, Found):
            return await self._look_later(self._remember(created, order, "open"), keeper.reason)
        if self._taken.in_doubt and self._taken.revision is not None:
            memory = self._remember(keeper, order, "open")
            return await self._look_later(memory, "created in doubt, to be looked at again")
        return await self._finish(keeper, order, Done(), "open")

    async def _look_again(self, created: Found, order: Order) -> Found | Failure:
        """Look for a second record of the same problem; return the one that stays, made ours (F55)."""
        again = await self._find()
        if not isinstance(again, tuple):
            return again
        records = again if any(one.ref == created.ref for one in again) else (*again, created)
        plan = decide(self._subject, self._memory, records)
        failure = await self._cancel(plan)
        if failure is not None:
            return failure
        keeper = plan.target or created
        if plan.action != "adopt":
            return keeper
        if self._left() < LEAST:
            return Temporary("no time left")
        return await self._destination.update(keeper, replace(order, fields={}, after=None), self._left())

    async def _settled(self, answer: Found | Failure, order: Order) -> Found | Failure:
        """After an ambiguous end look whether it took effect, while there is time; else it stays ambiguous."""
        if not isinstance(answer, Ambiguous) or self._left() < LEAST:
            return answer
        found = await self._find()
        if isinstance(found, tuple):
            applied = [one for one in found if one.mark == order.mark]
            if applied:
                return min(applied, key=lambda one: (not one.active, one.created, one.ref))
        return answer

    async def _look_later(self, memory: Memory, reason: str) -> Delivered:
        fenced = not await self._claims.look_later(self._taken, memory)
        return Delivered(InProgress() if fenced else Retry(reason, after=_SETTLE))

    async def _finish(
        self, record: Found | None, order: Order | None, outcome: Outcome, operation: DeliveryOperation | None = None
    ) -> Delivered:
        memory = self._remember(record, order, operation)
        if self._unsettled():
            return await self._look_later(memory, "done in doubt, to be looked at again")
        if not await self._claims.complete(self._taken, memory) and isinstance(outcome, Done):
            return Delivered(InProgress())  # someone else took over; they find what we did and answer for it
        fields = {} if order is None else order.fields
        return Delivered(outcome, None if isinstance(outcome, Ignored) else memory, fields)

    def _unsettled(self) -> bool:
        """Return True while an earlier send may take effect yet; without a fence nothing would ever end that."""
        taken = self._taken
        return taken.in_doubt and taken.revision is not None and self._claims.since_doubt(taken) < _SETTLE

    def _remember(self, record: Found | None, order: Order | None, operation: DeliveryOperation | None) -> Memory:
        """Return what is known once this snapshot is dealt with; `order` is None where nothing was sent."""
        memory = dealt_with(self._memory, self._subject, record)
        if order is None or record is None:
            return memory
        ours = written(order.fields, record, self._memory, self._destination.journals)
        return sent(memory, self._subject, ours, operation or memory.operation, self._now())

    async def _failed(self, failure: Failure, *, sent: bool) -> Delivered:
        match failure:
            case Temporary(reason, after):
                await self._claims.release(self._taken)
                return Delivered(Retry(reason, after))
            case Ambiguous(reason):
                await (self._claims.doubt if sent else self._claims.release)(self._taken)
                return Delivered(Retry(reason))
            case Refused(reason):
                await self._claims.release(self._taken)
                return Delivered(Rejected(self._destination.name, reason))
            case Gone(reason):
                await self._claims.release(self._taken)
                return Delivered(Retry(reason))
