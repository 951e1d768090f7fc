"""The claim machine and the delivery algorithm over a real store, as rule-based state machines.

Three replicas with clocks of their own get snapshots as a broker sends them: in any order, again, at the same time.
Each call to the store or to the ticket system is a step that another replica may come before, and that may end in every
way there is. One machine has clocks that go right and a store that keeps what it was given. In the other, clocks jump
by an hour and the store is wiped, also while a replica is sending: two of them may send at a time then, each looks
again after its own create, and where one died before it could, the next snapshot puts it right (F31, F33, F55).
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.delivery.claim import Known, Record, claim
from shared.delivery.delivered import Delivered
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Retry
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Store
from shared.stores.sqlite import SqliteStore
from tests.support.steps_machines import SECONDS, Fate, Worker, World, profile
from tests.support.tickets import episode, resolved

PICK = st.integers(0, 5)
FATES: st.SearchStrategy[Fate] = st.sampled_from(["lost", "committed", "late"])
ENDS: st.SearchStrategy[Fate] = st.sampled_from(["ok", "ok", "ok", "refused"])
STEPS = st.sampled_from([1, 2, 3, 4, 20])
SKEWS = st.sampled_from([0.0, 0.9, -0.9])
BACK_OFF = 5.0
"""Seconds that a broker waits at least after a 503; the shipped Trigger waits nine. A server commits late by less."""
FINAL = Done | Duplicate | Ignored
HOUR = 3600.0


class Claiming(RuleBasedStateMachine):
    """Clocks that differ by less than two seconds, and a store that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.calm = True
        self.wiped = False
        self.completed = 0
        self.snapshots: list[Episode] = [episode(1)]
        self.not_before = 0.0
        self.accepted: set[int] = set()
        self.marks: dict[str, int] = {}

    def new_store(self, clock: Callable[[], float]) -> Store:
        return MemoryStore(clock)

    @initialize(first=SKEWS, second=SKEWS)
    def start(self, first: float, second: float) -> None:
        self.world = World(self.new_store, [first, second, 0.0])

    @rule(kind=st.sampled_from(["more", "graver", "over", "back"]))
    def the_problem_goes_on(self, kind: str) -> None:
        self.snapshots.append(after(self.snapshots[-1], kind))

    @precondition(lambda self: any(worker.task is None for worker in self.world.workers))
    @rule(copies=st.sampled_from([1, 1, 2, 3]), back=st.sampled_from([0, 0, 0, 1, 2]))
    def the_broker_sends(self, copies: int, back: int) -> None:
        idle = [worker for worker in self.world.workers if worker.task is None]
        one = self.snapshots[max(0, len(self.snapshots) - 1 - back)]
        if self.not_before <= self.world.loop.now:
            for worker in idle[:copies]:
                worker.begin(one)
            self.world.settle()
            self.collect()

    @precondition(lambda self: self.awake())
    @rule(picks=st.lists(PICK, min_size=2, max_size=14))
    def replicas_go_on_in_turn(self, picks: list[int]) -> None:
        for pick in picks:
            if self.awake():
                self.picked(pick).end_step("ok")
                self.world.settle()
                self.look()
                self.collect()

    @precondition(lambda self: self.awake())
    @rule(pick=PICK, steps=STEPS, last=ENDS)
    def a_replica_goes_on(self, pick: int, steps: int, last: Fate) -> None:
        worker = self.picked(pick)
        for left in reversed(range(steps)):
            if worker.pending is None:
                break
            worker.end_step("ok" if left or worker.pending.name in {"get", "put"} else last)
            self.world.settle()
            self.look()
        self.collect()

    @precondition(lambda self: self.awake())
    @rule(pick=PICK)
    def a_replica_comes_to_its_send(self, pick: int) -> None:
        self.bring_to_send(self.picked(pick))
        self.collect()

    @precondition(lambda self: self.awake())
    @rule(pick=PICK, fate=FATES)
    def a_send_is_never_answered(self, pick: int, fate: Fate) -> None:
        worker = self.picked(pick)
        self.bring_to_send(worker)
        pending = worker.pending
        if pending is not None and pending.name not in {"get", "put"}:
            self.world.unanswered(pending, fate)
            worker.end_step("lost")
            self.world.settle()
        self.collect()

    @precondition(lambda self: self.awake())
    @rule(pick=PICK, fate=FATES)
    def a_replica_dies(self, pick: int, fate: Fate) -> None:
        self.world.crash(self.picked(pick), fate)

    @precondition(lambda self: self.awake())
    @rule(pick=PICK, fate=FATES)
    def a_replica_freezes(self, pick: int, fate: Fate) -> None:
        self.world.freeze(self.picked(pick), fate)

    @precondition(lambda self: any(worker.frozen for worker in self.world.workers))
    @rule(fate=FATES)
    def a_replica_thaws(self, fate: Fate) -> None:
        worker = next(worker for worker in self.world.workers if worker.frozen)
        self.world.thaw(worker, fate)
        self.collect()

    @rule(seconds=st.sampled_from([0.5, 2.0, 6.0, 13.0]), fate=FATES)
    def time_passes(self, seconds: float, fate: Fate) -> None:
        self.world.pass_time(seconds, fate)
        self.collect()

    @invariant()
    def look(self) -> None:
        """Hold what is true at each moment while nobody meddles."""
        if not hasattr(self, "world") or not self.calm:
            return
        assert len(self.world.desk.active()) <= 1 + self.world.committed_late, "never two active records"
        for ref, one in self.world.desk.records.items():
            assert one.mark.revision >= self.marks.get(ref, 0), "an older snapshot never overwrites a newer one"
            self.marks[ref] = one.mark.revision
        if self.completed:
            record = self.record()
            assert record is not None
            assert record.memory.revision >= self.completed, "what is completed is remembered"

    def awake(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.pending is not None and not worker.frozen]

    def bring_to_send(self, worker: Worker) -> None:
        while worker.pending is not None and worker.pending.name in {"get", "put", "find"}:
            worker.end_step("ok")
            self.world.settle()

    def picked(self, pick: int) -> Worker:
        """Return one of those that can go on."""
        awake = self.awake()
        return awake[pick % len(awake)]

    def record(self) -> Record | None:
        """Return the claim as the store has it."""
        entry: Any = self.world.do(lambda: self.world.store.get(f"claim.desk.{episode().id}"))
        return None if entry is None else Record.model_validate_json(entry.value)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.ends_well()
        finally:
            self.world.close()

    def ends_well(self) -> None:
        """All replicas die; one comes back and gets all that was not accepted, and the latest once more."""
        for worker in self.world.workers:
            self.world.crash(worker, "lost")
        self.world.pass_time(6 * SECONDS, "lost")
        last = self.snapshots[-1]
        for one in [*(one for one in self.snapshots if one.revision not in self.accepted), last]:
            self.deliver_until_accepted(one)
        if not self.calm:
            assert len(self.world.desk.active()) <= 1 or self.world.unanswered_ever, "each looked again"
            last = after(last, "back" if last.state == "resolved" else "more")
            self.deliver_until_accepted(last)
        active = self.world.desk.active()
        assert len(active) == (last.state == "open"), "one ticket while it lasts, none after it"
        if not (self.world.unanswered_ever or self.wiped):
            assert [one.fields["urgency"] for one in active] == [last.severity] * len(active)

    def deliver_until_accepted(self, one: Episode) -> None:
        """Deliver as a broker does; no claim may be stuck, whatever the clocks of those before said."""
        worker = self.world.workers[2]
        for _ in range(8):
            worker.begin(one)
            self.world.settle()
            while worker.pending is not None:
                worker.end_step("ok")
                self.world.settle()
            if one.revision in self.collect():
                return
            self.world.pass_time(SECONDS, "lost")
        raise AssertionError("never accepted")

    def collect(self) -> set[int]:
        """Take in what deliveries ended with; return the revisions that were accepted."""
        found = set()
        for worker in self.world.workers:
            if worker.task is None or not worker.task.done():
                continue
            delivered, one = worker.task.result(), worker.episode
            worker.task = None
            assert one is not None
            if isinstance(delivered.outcome, FINAL):
                self.accept(delivered, one)
                found.add(one.revision)
            else:
                assert isinstance(delivered.outcome, Retry | InProgress), delivered
                if isinstance(delivered.outcome, Retry):
                    wait = max(BACK_OFF, delivered.outcome.after or 0.0)
                    self.not_before = max(self.not_before, self.world.loop.now + wait)
        return found

    def accept(self, delivered: Delivered, one: Episode) -> None:
        self.accepted.add(one.revision)
        if isinstance(delivered.outcome, Done):
            record = self.record()
            assert record is not None
            known = claim(record, one.revision, 0.0, SECONDS)
            assert isinstance(known, Known), "what is completed is known"
            assert known.memory.revision >= one.revision
            self.completed = max(self.completed, one.revision)


class Meddling(Claiming):
    """The same with clocks that jump and a store that forgets."""

    @rule(pick=PICK, by=st.sampled_from([HOUR, -HOUR]))
    def a_clock_jumps(self, pick: int, by: float) -> None:
        self.calm = False
        self.world.workers[pick % 3].offset += by

    @rule()
    def the_store_is_wiped(self) -> None:
        self.calm, self.wiped = False, True
        self.world.wipe()


class MeddlingInSqlite(Meddling):
    """The same with the store's file; a wiped store is another file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.files = 0

    def new_store(self, clock: Callable[[], float]) -> Store:
        self.files += 1
        return SqliteStore(Path(self.folder.name) / f"{self.files}.db", clock)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.folder.cleanup()


def after(one: Episode, kind: str) -> Episode:
    """Return the snapshot that follows one: more of it, graver, over, or back after it was over."""
    revision = one.revision + 1
    if kind == "over" and one.state == "open":
        return resolved(revision, severity=one.severity, count=one.count, reopened=one.reopened)
    back = one.state == "resolved" and kind == "back"
    if one.state == "resolved" and not back:
        return resolved(revision, severity=one.severity, count=one.count, reopened=one.reopened, ended_by="Fine")
    severity = "critical" if kind == "graver" else one.severity
    return episode(
        revision,
        transition="reopened" if back else "updated",
        severity=severity,
        count=one.count + 1,
        reopened=one.reopened + back,
    )


TestClaiming = Claiming.TestCase
TestClaiming.settings = profile(90, 30)
TestMeddling = Meddling.TestCase
TestMeddling.settings = profile(60, 30)
TestMeddlingInSqlite = MeddlingInSqlite.TestCase
TestMeddlingInSqlite.settings = profile(5, 25)
