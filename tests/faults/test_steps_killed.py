"""Real processes are killed and frozen at chosen steps of a delivery; another replica goes on, and there is one ticket.

One process has deliveries at all the steps when SIGKILL ends it, another when SIGSTOP halts it; a third gets everything
again, as a broker sends it. Each test looks at what became of its own episode.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import time
from typing import Any

import pytest

from shared.delivery.claim import Record
from shared.events.episode import Episode
from tests.support.servers import standin
from tests.support.steps import BUSY, DONE, LATER, Answer, Instance, Replica, claim_of, problem, replica, until
from tests.support.steps_function import AFTER_CLAIM, AFTER_COMPLETE, BEFORE_CLAIM, BEFORE_COMPLETE

DEADLINE = 3.0
SKEW = 2.0  # what a lease outlasts its deadline by
LATE = 7.0  # after DEADLINE + SKEW, and before the second look that follows a create in doubt

KILLED_AT = {
    "f01": BEFORE_CLAIM,
    "f02": AFTER_CLAIM,
    "f04": BEFORE_COMPLETE,
    "f05": AFTER_COMPLETE,
}
FROZEN_AT = {"f07-before-send": AFTER_CLAIM, "f07-before-complete": BEFORE_COMPLETE}
HANG, COMMITTED, COMMITS_LATE = {"do": "hang"}, {"do": "commit-then-time-out"}, {"do": "delay", "seconds": LATE}
KILLED_SENDING = {"f03-lost": HANG, "f03-committed": COMMITTED, "f03-commits-late": COMMITS_LATE}
FROZEN_SENDING = {"f07-mid-send": COMMITS_LATE}


@dataclass
class Story:
    """What happened to one episode: the claim and the incidents when its process stopped, and the answers since."""

    one: Episode
    instance: Instance
    stopped: float
    claim: Record | None
    made: list[dict[str, str]]
    lost: Answer
    answers: list[Answer]
    steps: list[dict[str, Any]]
    after: Record | None

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]

    @property
    def asked(self) -> list[str]:
        return self.instance.operations(self.one, after=self.stopped)


def send_all(worker: Replica, instance: Instance, pool: ThreadPoolExecutor, sending: Mapping[str, Any],
             stopping: Mapping[str, str]) -> dict[str, "Future[Answer]"]:  # fmt: skip
    """Send episodes to a replica and return once each has come to the step at which it shall stop."""
    sent: dict[str, Future[Answer]] = {}
    for name in stopping:
        sent[name] = pool.submit(worker.post, problem(name))
    for name in stopping:
        until(lambda name=name: worker.reached(problem(name)))  # type: ignore[misc]
    for name, fault in sending.items():
        instance.script({**fault, "operation": "create"})
        sent[name] = pool.submit(worker.post, problem(name))
        until(lambda name=name: "create" in instance.operations(problem(name)))  # type: ignore[misc]
    instance.script()
    return sent


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Story]]:
    folder = tmp_path_factory.mktemp("steps")
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(16))
        instance = Instance(stack.enter_context(standin("servicenow", folder / "instance.db")))
        store = folder / "store.db"

        def start(name: str, stops: Mapping[str, str]) -> Replica:
            by_id = {problem(one).id: step for one, step in stops.items()}
            return stack.enter_context(replica(folder / name, store, instance.url, DEADLINE, by_id))

        healthy, victim, frozen = start("healthy", {}), start("victim", KILLED_AT), start("frozen", FROZEN_AT)
        lost = send_all(victim, instance, pool, KILLED_SENDING, KILLED_AT)
        victim.kill()
        stopped = dict.fromkeys(lost, time())
        lost |= send_all(frozen, instance, pool, FROZEN_SENDING, FROZEN_AT)
        frozen.freeze()
        stopped = {name: stopped.get(name, time()) for name in lost}
        claims = {name: claim_of(store, problem(name)) for name in lost}
        made = {name: instance.incidents(problem(name)) for name in lost}
        again = {name: pool.submit(healthy.settle, problem(name)) for name in lost}
        answers = {name: future.result() for name, future in again.items()}
        frozen.go_on()
        frozen.thaw()
        ended = {name: future.result() for name, future in lost.items()}
        until(lambda: "write" in frozen.steps(problem("f07-before-complete"))[-1])
        yield {
            name: Story(problem(name), instance, stopped[name], claims[name], made[name], ended[name], answers[name],
                        frozen.steps(problem(name)), claim_of(store, problem(name)))
            for name in lost
        }  # fmt: skip


def assert_one_ticket(story: Story) -> None:
    assert len(story.instance.active(story.one)) == 1
    assert story.answers[-1].report["record"] == story.instance.active(story.one)[0]["sys_id"]
    assert story.after is not None
    assert (story.after.phase, story.after.memory.revision) == ("free", 1)


def assert_waited_for_the_lease(story: Story) -> None:
    """Hold that all tries before the lease's end were answered 409, and the first one after it was not."""
    assert story.claim is not None
    assert story.claim.phase == "held"
    early = [answer.status for answer in story.answers if answer.ended < story.claim.until]
    assert len(early) > 3
    assert set(early) == {BUSY}
    later = [answer.status for answer in story.answers if answer.at > story.claim.until]
    assert BUSY not in later


def test_f01_killed_before_the_claim(stories: dict[str, Story]) -> None:
    """F01: SIGKILL before claim | redelivered; one ticket."""
    story = stories["f01"]
    assert (story.lost.status, story.claim, story.made) == (0, None, [])
    assert story.statuses == [200], "redelivered, it is taken at once: nobody holds it"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f02_killed_after_the_claim_before_the_send(stories: dict[str, Story]) -> None:
    """It is asked for, not found, and made.

    F02: SIGKILL after claim, before send | lease expires ≤ deadline+skew; 409s meanwhile; find → none → one ticket.
    """
    story = stories["f02"]
    assert (story.lost.status, story.made) == (0, [])
    assert story.claim is not None
    assert story.claim.until - story.claim.since <= DEADLINE + SKEW
    assert_waited_for_the_lease(story)
    assert story.asked[:2] == ["find", "create"], "asked first, found none, made one"
    assert story.asked.count("create") == 1
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f03_killed_with_the_bytes_out_of_a_ticket_that_was_never_made(stories: dict[str, Story]) -> None:
    """F03: SIGKILL mid-send (bytes out) | DOUBT path: find(key) first; one ticket."""
    story = stories["f03-lost"]
    assert (story.lost.status, story.made) == (0, [])
    assert_waited_for_the_lease(story)
    assert story.asked[0] == "find"
    assert LATER in story.statuses, "what is made in doubt is looked at again before it counts"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f03_killed_with_the_bytes_out_of_a_ticket_that_was_made(stories: dict[str, Story]) -> None:
    """F03: SIGKILL mid-send (bytes out) | DOUBT path: find(key) first; one ticket."""
    story = stories["f03-committed"]
    assert story.lost.status == 0
    assert len(story.made) == 1
    assert_waited_for_the_lease(story)
    assert set(story.asked) == {"find"}, "found: nothing is sent"
    assert_one_ticket(story)


def test_f03_killed_with_the_bytes_out_of_a_ticket_that_is_made_after_we_asked(stories: dict[str, Story]) -> None:
    """F03: SIGKILL mid-send (bytes out) | DOUBT path: find(key) first; one ticket. Here the server commits late."""
    story = stories["f03-commits-late"]
    assert (story.lost.status, story.made) == (0, [])
    assert_waited_for_the_lease(story)
    assert story.asked[0] == "find"
    rows = story.instance.incidents(story.one)
    assert sorted(row["state"] for row in rows) == ["1", "8"], "both were made, one of them is cancelled"
    (kept,) = [row for row in rows if row["state"] == "1"]
    (cancelled,) = [row for row in rows if row["state"] == "8"]
    assert kept["number"] in story.instance.journal(cancelled), "with a link to the one that stays"
    assert_one_ticket(story)


def test_f04_killed_after_the_sink_committed_before_the_completion(stories: dict[str, Story]) -> None:
    """F04: SIGKILL after sink committed, before complete | find returns ref; Duplicate; one ticket."""
    story = stories["f04"]
    assert story.lost.status == 0
    assert_waited_for_the_lease(story)
    (made,) = story.made
    assert set(story.asked) == {"find"}, "a duplicate: nothing is sent"
    assert story.answers[-1].status in DONE
    assert story.answers[-1].report["record"] == made["sys_id"], "what was found is what the dead replica had made"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f05_killed_after_the_completion_before_the_answer(stories: dict[str, Story]) -> None:
    """F05: SIGKILL after complete, before 204 | DONE → Duplicate; one ticket."""
    story = stories["f05"]
    assert story.lost.status == 0
    assert story.claim is not None
    assert (story.claim.phase, story.claim.memory.revision) == ("free", 1)
    assert story.statuses == [200]
    assert story.answers[0].report["result"] == "duplicate"
    assert story.asked == [], "known: not even a question"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f07_frozen_before_the_send_it_sends_nothing_once_its_lease_is_stale(stories: dict[str, Story]) -> None:
    """At most one ticket.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """
    story = stories["f07-before-send"]
    assert_waited_for_the_lease(story)
    assert story.lost.status in {BUSY, LATER}, "resumed, it does not say that it did anything"
    assert story.asked.count("create") == 1, "the one that took over made it"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f07_frozen_before_the_completion_its_late_write_is_refused(stories: dict[str, Story]) -> None:
    """The fencing token refuses the late complete.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """
    story = stories["f07-before-complete"]
    assert_waited_for_the_lease(story)
    late = story.steps[-1]
    assert (late["write"], late["refused"]) == ("free", True)
    assert story.lost.status in {BUSY, LATER}
    assert story.claim is not None
    assert story.after is not None
    assert story.after.token > story.claim.token, "what lies there is of the one that took over"
    assert len(story.instance.incidents(story.one)) == 1
    assert_one_ticket(story)


def test_f07_frozen_with_the_bytes_out_its_late_ticket_is_found_and_linked(stories: dict[str, Story]) -> None:
    """At most one active ticket, though the server commits late.

    F07: SIGSTOP 60 s (GC/throttle) then resume with stale lease | fencing token refuses late complete; at most one
    ticket, or late writer finds & links.
    """
    story = stories["f07-mid-send"]
    assert_waited_for_the_lease(story)
    assert story.lost.status in {BUSY, LATER}
    rows = story.instance.incidents(story.one)
    assert sorted(row["state"] for row in rows) == ["1", "8"]
    (kept,) = story.instance.active(story.one)
    (cancelled,) = [row for row in rows if row["state"] == "8"]
    assert kept["number"] in story.instance.journal(cancelled)
    assert_one_ticket(story)


def test_what_the_dead_had_started_is_a_duplicate_wherever_it_had_taken_effect(stories: dict[str, Story]) -> None:
    """F04, F05 | Duplicate. The survivor answers for the dead: each episode has been reported once or again."""
    assert {story.answers[-1].report["key"] for story in stories.values()} == {one.one.id for one in stories.values()}
    assert all(story.answers[-1].report["revision"] == 1 for story in stories.values())
