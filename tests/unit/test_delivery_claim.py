"""The claim machine: by itself as a rule-based state machine, and at its rim."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.delivery.claim import (
    CLOCK_SKEW,
    Doubt,
    Held,
    Known,
    Memory,
    New,
    Record,
    claim,
    complete,
    doubt,
    release,
)
from shared.delivery.claims import Claims, Taken
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry, StoreUnavailableError
from shared.telemetry.metrics import Metrics
from tests.support.examples import examples
from tests.support.tickets import Clock, run

LEASE = 10.0
WORKERS = st.integers(0, 2)


class ClaimMachine(RuleBasedStateMachine):
    """Three workers, one store, one destination. A worker keeps to its lease by its own clock, and asks first.

    Checked: two creates never happen without the destination having said "none" in between, and whoever was overtaken
    cannot complete.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.entry: tuple[int, Record] | None = None
        self.holds: dict[int, tuple[int, Record]] = {}
        self.said_none: set[int] = set()
        self.created = 0
        self.asked_since_create = True
        self.completed = False

    def _put(self, expected: int, record: Record) -> int | None:
        current = self.entry[0] if self.entry else 0
        if current != expected:
            return None
        self.entry = (current + 1, record)
        return current + 1

    @rule(worker=WORKERS)
    def take(self, worker: int) -> None:
        if worker in self.holds:
            return
        answer = claim(self.entry[1] if self.entry else None, 1, self.now, LEASE)
        if isinstance(answer, New | Doubt):
            revision = self._put(self.entry[0] if self.entry else 0, answer.record)
            assert revision is not None
            self.holds[worker] = (revision, answer.record)
            self.said_none.discard(worker)
            assert not self.completed, "what is done is never claimed again"

    @rule(worker=WORKERS)
    def ask(self, worker: int) -> None:
        if worker in self.holds and self.created == 0:
            self.said_none.add(worker)
            self.asked_since_create = True

    @precondition(lambda self: self.said_none)
    @rule(commits=st.booleans(), worker=WORKERS)
    def create(self, worker: int, *, commits: bool) -> None:
        if worker not in self.said_none or self.now >= self.holds[worker][1].until:
            return
        assert self.asked_since_create, "two creates without a question in between"
        self.asked_since_create = False
        self.created += commits
        self.said_none.discard(worker)

    @rule(worker=WORKERS, how=st.sampled_from(["complete", "release", "doubt", "crash"]))
    def end(self, worker: int, how: str) -> None:
        if worker not in self.holds:
            return
        revision, record = self.holds.pop(worker)
        self.said_none.discard(worker)
        if how == "crash" or (how == "complete" and not self.created) or (how == "release" and self.created):
            return
        after = {
            "complete": complete(record, Memory(revision=1)),
            "release": release(record),
            "doubt": doubt(record, 0.0),
        }
        overtaken = self.entry is not None and self.entry[1].token != record.token
        written = self._put(revision, after[how])
        assert (written is None) == overtaken, "the fence must hold exactly where another took over"
        self.completed = self.completed or (how == "complete" and written is not None)

    @rule(seconds=st.floats(0.1, 15))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def at_most_one_record(self) -> None:
        assert self.created <= 1


TestClaimMachine = ClaimMachine.TestCase
TestClaimMachine.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)


def test_a_lease_that_runs_is_held_and_one_that_ran_out_is_in_doubt() -> None:
    first = claim(None, 1, 100.0, LEASE)
    assert isinstance(first, New)
    assert claim(first.record, 1, 109.9, LEASE) == Held(110.0)
    later = claim(first.record, 1, 110.0, LEASE)
    assert isinstance(later, Doubt)
    assert later.record.token == first.record.token + 1


def test_f31_a_clock_that_jumps_leads_to_a_question_never_to_a_claim_that_nobody_asks_about() -> None:
    """F31: clock jumps ±1 h | leases use monotonic/server time; token expiry has leeway; no duplicates."""
    first = claim(None, 1, 10_000.0, LEASE)
    assert isinstance(first, New)
    assert isinstance(claim(first.record, 1, 10_000.0 + 3600, LEASE), Doubt)
    assert isinstance(claim(first.record, 1, 10_000.0 - 3600, LEASE), Doubt)
    assert isinstance(claim(first.record, 1, 10_000.0 - CLOCK_SKEW + 1, LEASE), Held)


def test_what_is_done_is_known_at_this_and_older_revisions_and_new_at_newer_ones() -> None:
    first = claim(None, 3, 0.0, LEASE)
    assert isinstance(first, New)
    done = complete(first.record, Memory(revision=3, record="r"))
    assert claim(done, 3, 1.0, LEASE) == claim(done, 2, 1.0, LEASE) == Known(Memory(revision=3, record="r"))
    newer = claim(done, 4, 1.0, LEASE)
    assert isinstance(newer, New)
    assert newer.record.memory.record == "r"


def test_f40_of_two_who_write_at_once_exactly_one_gets_the_claim() -> None:
    """F40: two replicas, same key, store CAS race: exactly one winner."""

    class Slow(MemoryStore):
        async def get(self, key: str) -> Entry | None:
            found = await super().get(key)
            if not raced:
                raced.append(True)
                await Claims(self, "d", Metrics(), clock).take("e", 1, LEASE)
            return found

    clock, raced = Clock(), list[bool]()
    store = Slow(clock)
    assert isinstance(run(Claims(store, "d", Metrics(), clock).take("e", 1, LEASE)), Held)


def test_f07_who_was_overtaken_cannot_complete() -> None:
    """The fencing token refuses the late complete.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """

    async def main() -> None:
        clock = Clock()
        claims = Claims(MemoryStore(clock), "d", Metrics(), clock)
        frozen = await claims.take("e", 1, LEASE)
        clock.now += 60
        other = await claims.take("e", 1, LEASE)
        assert isinstance(frozen, Taken)
        assert isinstance(other, Taken)
        assert other.in_doubt
        assert not await claims.complete(frozen, Memory(revision=1, record="late"))
        assert await claims.complete(other, Memory(revision=1, record="right"))
        known = await claims.take("e", 1, LEASE)
        assert isinstance(known, Known)
        assert known.memory.record == "right"

    run(main())


def test_with_the_store_down_the_claim_is_taken_unfenced_in_doubt_and_counted() -> None:
    class Down(MemoryStore):
        async def get(self, key: str) -> Entry | None:
            raise StoreUnavailableError(key)

    metrics = Metrics()
    taken = run(Claims(Down(), "d", metrics).take("e", 1, LEASE))
    assert isinstance(taken, Taken)
    assert (taken.revision, taken.in_doubt) == (None, True)
    assert metrics.value("tidings_degraded_total", store="claims") == 1


def test_a_record_that_cannot_be_read_is_replaced() -> None:
    async def main() -> None:
        clock = Clock()
        store = MemoryStore(clock)
        await store.put("claim.d.e", b"{broken", expected=0)
        assert isinstance(await Claims(store, "d", Metrics(), clock).take("e", 1, LEASE), Taken)

    run(main())
