"""What delivery tests share: episodes, a ticket system in memory whose every answer can be scripted, and a rig."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from shared.delivery.claims import Claims
from shared.delivery.delivered import Delivered
from shared.delivery.failure import Ambiguous, Failure, Gone
from shared.delivery.ticket import Found, Mark, Order
from shared.delivery.tickets import Tickets
from shared.events.episode import Episode
from shared.events.identity import episode_id
from shared.events.outcome import InProgress, Rejected, Retry
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KEY = "0123456789abcdefghijklmnop"
T = TypeVar("T")


def episode(revision: int = 1, *, start: datetime = START, **changes: Any) -> Episode:
    """Return an open episode that wants a ticket, with changes."""
    values: dict[str, Any] = {
        "id": episode_id(KEY, start),
        "problem_key": KEY,
        "revision": revision,
        "state": "open",
        "transition": "opened",
        "cluster": "prod-1",
        "object": {"kind": "Pod", "namespace": "shop", "name": "api-0"},
        "scope": "s" * 26,
        "condition": "crash-loop",
        "category": "infrastructure",
        "subcategory": "pod",
        "severity": "high",
        "ticket": True,
        "summary": "Pod shop/api-0 keeps crashing",
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
        "rule": "pod-crash-loop",
        "started": start,
        "last_seen": start + timedelta(minutes=revision),
        "count": 1,
    }
    return Episode.model_validate({**values, **changes})


def resolved(revision: int = 2, **changes: Any) -> Episode:
    """Return the same episode, over."""
    over = {
        "state": "resolved",
        "transition": "resolved",
        "resolved": START + timedelta(hours=1),
        "ended_by": "Started",
    }
    return episode(revision, **{**over, **changes})


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(main)


def render(operation: str, one: Episode, _told: int = 0) -> dict[str, str] | Rejected:
    """Stand for a mapping: a field that can change by hand, one that escalates, and a journal."""
    return {"title": one.summary, "urgency": one.severity, "work_notes": f"{operation} r{one.revision}"}


Script = Callable[[str], Failure | None]


@dataclass
class Desk:
    """A ticket system in memory. `script` says before each call how it fails; `late` holds creates yet to commit.

    An Ambiguous answer takes effect or not by `commits`; `asked` lists calls by name.
    """

    name: str = "desk"
    journals: frozenset[str] = frozenset({"work_notes"})
    records: dict[str, Found] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    script: Script = lambda _name: None
    commits: Callable[[str], bool] = lambda _name: True
    late: list[Found] = field(default_factory=list)
    _made: int = 0

    def active(self) -> list[Found]:
        """Return what people would see as open."""
        return [one for one in self.records.values() if one.active]

    def by_hand(self, ref: str, **changes: Any) -> None:
        """Change a record as a person would."""
        fields = changes.pop("fields", {})
        one = self.records[ref]
        self.records[ref] = replace(one, **changes, fields={**one.fields, **fields})

    def commit_late(self) -> None:
        """Let creates that were slow take effect now."""
        for one in self.late:
            self.records[one.ref] = one
        self.late.clear()

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        failure = await self._enter("find", seconds)
        if failure is not None:
            return failure
        return tuple(one for one in self.records.values() if one.mark.episode == episode or one.mark.problem == problem)

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        failure = await self._enter("create", seconds)
        if failure is not None and not (isinstance(failure, Ambiguous) and self.commits("create")):
            return failure
        self._made += 1
        ref = f"r{self._made:03}"
        made = Found(ref, f"T{self._made}", f"https://desk/{ref}", f"{self._made:05}", "active", order.mark)
        self.records[ref] = self._written(made, order)
        return failure or self.records[ref]

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._change("update", found, order, seconds)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._change("resolve", found, order, seconds, standing="resolved")

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        return await self._change("reopen", found, order, seconds, standing="active")

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        mark = replace(found.mark, standing="void")
        order = Order(mark, {"work_notes": f"see {keeper.number} {keeper.link}"})
        return await self._change("cancel", found, order, seconds, standing="closed")

    async def _change(self, name: str, found: Found, order: Order, seconds: float, **changes: Any) -> Found | Failure:
        failure = await self._enter(name, seconds)
        if failure is not None and not (isinstance(failure, Ambiguous) and self.commits(name)):
            return failure
        if found.ref not in self.records:
            return Gone()
        self.records[found.ref] = replace(self._written(self.records[found.ref], order), **changes)
        return failure or self.records[found.ref]

    async def _enter(self, name: str, seconds: float) -> Failure | None:
        assert seconds > 0, "nothing may be sent after the deadline"
        self.asked.append(name)
        await asyncio.sleep(0)
        return self.script(name)

    def _written(self, found: Found, order: Order) -> Found:
        if "work_notes" in order.fields:
            self.notes.append((found.ref, order.fields["work_notes"]))
        fields = {name: value for name, value in order.fields.items() if name not in self.journals}
        return replace(found, mark=order.mark, fields={**found.fields, **fields})


@dataclass
class Clock:
    """A wall clock that tests move."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Rig:
    """The algorithm on a desk: `again()` is another replica on the same store."""

    def __init__(self, desk: Desk | None = None, store: Any = None) -> None:
        self.desk = desk or Desk()
        self.clock = Clock()
        self.store = store or MemoryStore(self.clock)
        self.metrics = Metrics()

    def tickets(self) -> Tickets:
        return Tickets(self.desk, Claims(self.store, "desk", self.metrics, self.clock), render, self.metrics)

    async def deliver(self, one: Episode, seconds: float = 20.0) -> Delivered:
        deadline = asyncio.get_running_loop().time() + seconds
        return await self.tickets().deliver(one, deadline)


def mark(one: Episode, **changes: Any) -> Mark:
    """Return an open mark of an episode, with changes."""
    return replace(Mark(one.id, one.problem_key, one.revision, one.reopened, "open"), **changes)


def fail_once(name: str, failure: Failure) -> Desk:
    """Return a desk whose first call of a name fails."""
    desk = Desk()
    left = [failure]
    desk.script = lambda called: left.pop() if left and called == name else None
    return desk


async def until_settled(rig: Rig) -> list[Delivered]:
    """Deliver again as a broker does, the clock going on, until the answer is final."""
    answers: list[Delivered] = []
    for _ in range(12):
        answers.append(await rig.deliver(episode()))
        if not isinstance(answers[-1].outcome, Retry | InProgress):
            return answers
        rig.clock.now += 10
    raise AssertionError("never settled")
