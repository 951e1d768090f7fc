"""Telling what cannot be asked: whatever fails and whatever comes first, the order of an episode is kept."""

import asyncio
import gc
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delivery.claim import Memory
from shared.delivery.claims import Claims
from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.delivery.notices import Notices, Sent, Skip, first, key_of
from shared.delivery.plan import told_as
from shared.events.delivery import DeliveryOperation
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.examples import examples
from tests.support.tickets import Clock, episode, resolved

ENDS = ("taken", "lost", "unsent", "refused", "killed")
TIMELINE = (
    episode(1, ticket=False),
    episode(2, transition="updated"),
    episode(3, transition="updated", severity="critical"),
    resolved(4),
    episode(5, transition="reopened", reopened=1),
    episode(6, transition="updated", reopened=1, count=9),
    resolved(7, reopened=1),
)


class Killed(BaseException):
    """The process ends here."""


class Receiver:
    """The other side: what it got, and how each sending ends."""

    def __init__(self, *ends: str) -> None:
        self.got: list[tuple[str, int, str]] = []
        self._ends = list(ends)

    def skips(self, _operation: DeliveryOperation, _episode: Episode, told: int, *, noted: bool) -> Skip | None:
        del told, noted
        return None

    async def tell(
        self, operation: DeliveryOperation, one: Episode, told: int, key: str, seconds: float
    ) -> Failure | Sent:
        assert seconds > 0
        assert told < one.revision
        await asyncio.sleep(0)
        end = self._ends.pop(0) if self._ends else "taken"
        if end in {"taken", "lost", "killed"}:
            self.got.append((operation, one.revision, key))
        if end == "killed":
            raise Killed
        ends: dict[str, Failure | Sent] = {
            "taken": {"text": operation},
            "lost": Ambiguous("lost"), "unsent": Temporary("unsent"), "refused": Refused("no"),
        }  # fmt: skip
        return ends[end]


class Desk:
    """The algorithm, its store and a clock; `restart` is another process on the same store."""

    def __init__(self, receiver: Receiver, *, claims: bool = True) -> None:
        self.receiver = receiver
        self.clock = Clock()
        self._store = MemoryStore(self.clock)
        self._claims = claims
        self.restart()

    def restart(self) -> None:
        claims = Claims(self._store, "webhook", Metrics(), self.clock) if self._claims else None
        self._notices = Notices("webhook", self.receiver, claims)

    async def deliver(self, one: Episode) -> Outcome | None:
        """Deliver as a broker does; None where the process was killed."""
        try:
            return (await self._notices.deliver(one, asyncio.get_running_loop().time() + 20)).outcome
        except Killed:
            self.restart()
            self.clock.now += 60
            return None


def is_in_order(got: list[tuple[str, int, str]]) -> bool:
    revisions = [revision for _, revision, _ in got]
    return revisions == sorted(revisions) and all(key == f"{episode().id}-{revision}" for _, revision, key in got)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(ENDS)), max_size=14), st.booleans())
def test_whatever_fails_no_older_snapshot_follows_a_newer_and_the_newest_arrives(
    steps: list[tuple[int, str]], claims: Any
) -> None:
    # Without claims a killed process forgets the order: nothing is promised of that then.
    chosen_ends = [end if claims or end != "killed" else "lost" for _, end in steps]

    async def run() -> None:
        desk = Desk(Receiver(), claims=claims)
        for (number, _), end in zip(steps, chosen_ends, strict=True):
            desk.receiver._ends = [end]
            await desk.deliver(TIMELINE[number])
            assert is_in_order(desk.receiver.got)
        desk.receiver._ends = []
        for _ in range(3):
            last = await desk.deliver(TIMELINE[-1])
            if isinstance(last, Done | Duplicate | Ignored):
                break
            desk.clock.now += 60
        assert isinstance(last, Done | Duplicate | Ignored)
        got = desk.receiver.got
        assert is_in_order(got)
        assert not isinstance(last, Done) or got[-1][1] == TIMELINE[-1].revision
        assert not (claims and got) or got[0][0] == "open", "nobody hears of its middle first"

    asyncio.run(run())


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.integers(0, 6), max_size=20))
def test_without_a_failure_each_revision_is_told_once_at_most_and_the_operations_make_sense(order: list[int]) -> None:
    async def run() -> list[tuple[str, int, str]]:
        desk = Desk(Receiver())
        for number in order:
            await desk.deliver(TIMELINE[number])
        return desk.receiver.got

    got = asyncio.run(run())
    assert len({key for *_, key in got}) == len(got)
    follows = {"": {"open"}, "open": {"update", "resolve", "reopen"}, "update": {"update", "resolve", "reopen"},
               "resolve": {"reopen", "resolve"}, "reopen": {"update", "resolve", "reopen"}}  # fmt: skip
    before = ""
    for operation, _, _ in got:
        assert operation in follows[before], got
        before = operation


@pytest.mark.parametrize(
    ("one", "memory", "in_doubt", "wanted"),
    [
        (episode(), Memory(), False, "open"),
        (episode(2, transition="updated"), Memory(), False, "open"),
        (episode(2, transition="updated"), Memory(revision=1, standing="open"), False, "update"),
        (episode(2, transition="updated"), Memory(revision=1), True, "open"),
        (resolved(2), Memory(), False, Ignored("the problem ended without anybody having been told of it")),
        (resolved(2), Memory(revision=1), True, "resolve"),
        (resolved(2), Memory(revision=1, standing="open"), False, "resolve"),
        (resolved(3), Memory(revision=2, standing="over"), False, Ignored("the end was told already")),
        (resolved(3, reopened=1), Memory(revision=2, standing="over"), False, "resolve"),
        (episode(3, transition="reopened", reopened=1), Memory(revision=2, standing="over"), False, "reopen"),
        (episode(3, transition="updated", reopened=1), Memory(revision=1, standing="open"), False, "reopen"),
    ],
)
def test_what_a_snapshot_is_told_as(one: Episode, memory: Memory, wanted: Any, *, in_doubt: bool) -> None:
    assert told_as(one, memory, in_doubt=in_doubt) == wanted


def test_where_nothing_is_known_the_snapshot_alone_tells() -> None:
    assert first(episode()) == first(episode(2, transition="updated")) == "open"
    assert first(resolved(3)) == "resolve"
    assert first(episode(4, transition="reopened", reopened=1)) == "reopen"
    assert key_of(resolved(3)) == f"{episode().id}-3"


def test_nothing_is_begun_that_could_not_be_ended_in_time() -> None:
    async def run() -> Any:
        notices = Notices("webhook", Receiver(), None)
        return (await notices.deliver(episode(), asyncio.get_running_loop().time() + 0.5)).outcome

    assert asyncio.run(run()) == Retry("no time left")


def test_what_was_refused_is_rejected_in_the_destinations_name_and_leaves_no_doubt() -> None:
    async def run() -> list[Any]:
        desk = Desk(Receiver("refused", "taken"))
        return [await desk.deliver(episode()), await desk.deliver(resolved(2)), desk.receiver.got]

    refused, end, got = asyncio.run(run())
    assert refused == Rejected("webhook", "no")
    assert isinstance(end, Ignored), "nobody was told of it"
    assert got == []


@pytest.mark.parametrize("claims", [True, False])
@pytest.mark.parametrize("end", ["unsent", "refused"])
def test_a_newer_snapshot_that_nobody_heard_of_keeps_no_older_one_from_being_told(end: str, *, claims: bool) -> None:
    async def run() -> tuple[Any, Any]:
        desk = Desk(Receiver("unsent", end), claims=claims)
        for one in (episode(), episode(2, transition="updated")):
            await desk.deliver(one)
        return await desk.deliver(episode()), desk.receiver.got

    outcome, got = asyncio.run(run())
    assert outcome == Done()
    assert [(operation, revision) for operation, revision, _ in got] == [("open", 1)]


def test_while_another_sends_it_is_in_progress() -> None:
    async def run() -> tuple[Any, Any]:
        desk = Desk(Receiver())
        other = Notices("webhook", desk.receiver, Claims(desk._store, "webhook", Metrics(), desk.clock))
        deadline = asyncio.get_running_loop().time() + 20
        return await asyncio.gather(desk.deliver(episode()), other.deliver(episode(), deadline))

    one, other = asyncio.run(run())
    assert {type(one), type(other.outcome)} == {Done, InProgress}


def test_what_is_remembered_of_an_episode_without_claims_is_small() -> None:
    one = episode()
    number = 500

    async def main() -> float:
        told = Notices("webhook", Receiver(), None)
        end = asyncio.get_running_loop().time() + 60
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for at in range(number):
            await told.deliver(one.model_copy(update={"id": f"{one.problem_key}-{at}"}), end)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / number

    assert asyncio.run(main()) < 1000, "20,000 of them are kept"
