"""When a problem gets its ticket: waits, causes, groups and limits, played to a correlator with simulated time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.episodes.policy import IMMEDIATE, Asked, Escalation, Inhibition, Match, OpenAfter, Policies, Policy
from shared.episodes.snapshot import moment
from shared.episodes.spans import Span
from shared.episodes.stored import decode
from shared.events.identity import event_identity
from shared.events.model import Classified, ObjectRef
from tests.support.correlator import START, recovery
from tests.support.life import Life, fine, pod, trouble

NODE = ObjectRef(kind="Node", name="worker-1")
LOST_NODE = Inhibition(
    "a lost node",
    cause=Match((Asked("kind", frozenset({"Node"})), Asked("condition", frozenset({"not-ready"})))),
    affected=Match((Asked("kind", frozenset({"Pod"})),)),
    by="node",
)


def play(work: Callable[[Life], Awaitable[None]], rules: Policies) -> None:
    """Run a scenario."""
    asyncio.run(_played(work, rules))


async def _played(work: Callable[[Life], Awaitable[None]], rules: Policies) -> None:
    await work(Life(rules))


def test_a_ticket_waits_for_group_wait_and_one_that_is_over_by_then_is_never_opened() -> None:
    async def work(life: Life) -> None:
        await life.at(1, trouble(1, pod(1), "crash-loop"), trouble(1, pod(2), "crash-loop"))
        await life.at(5, fine(5, pod(2)))
        assert not life.tickets
        await life.until(25)
        (ticket,) = life.tickets.values()
        assert (ticket.episode.object.name, ticket.opened) == ("web-1", 20.0)

    play(work, Policies(Policy()))


def test_what_goes_on_is_told_ever_more_rarely_and_what_is_new_after_group_interval() -> None:
    async def work(life: Life) -> None:
        for second in range(0, 3600, 10):
            await life.at(second, trouble(second, pod(1), "crash-loop", count=second // 10 + 1))
        (ticket,) = life.tickets.values()
        assert ticket.episode.count >= 180
        assert len(life.told) < 12
        told = len(life.told)
        await life.at(3601, trouble(3601, pod(1), "crash-loop", count=400, message="other", fingerprint="b"))
        await life.at(3602, trouble(3602, pod(1), "crash-loop", count=401, message="another", fingerprint="c"))
        await life.until(3630)
        assert (len(life.told), ticket.episode.message) == (told + 1, "other")
        await life.until(3640)
        assert (len(life.told), ticket.episode.message, ticket.episode.count) == (told + 2, "another", 401)

    play(work, Policies(Policy()))


def test_a_lost_node_takes_its_pods_problems_in_and_lists_them() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, NODE, "not-ready"))
        for number in range(12):
            await life.at(
                1 + number, trouble(1 + number, pod(number), "unhealthy", host="worker-1", component="kubelet")
            )
        await life.until(120)
        (ticket,) = life.tickets.values()
        assert ticket.episode.object == NODE
        assert (ticket.episode.affected_count, len(ticket.episode.affected)) == (12, 10)
        assert {one.namespace for one in ticket.episode.affected} == {"shop"}
        held = [one for one in life.told if one.object.kind == "Pod" and one.cause is not None]
        assert {(one.cause.kind, one.cause.object, one.ticket) for one in held if one.cause} == {
            ("consequence", "Node/worker-1", False)
        }
        for number in range(11):
            await life.at(130, fine(130, pod(number)))
        await life.at(131, fine(131, NODE))
        await life.until(131 + 290)
        assert [one.episode.object.kind for one in life.tickets.values()] == ["Node"]
        assert not life.open()
        await life.until(131 + 350)
        assert [one.episode.object.name for one in life.open()] == ["web-11"]  # it outlived its cause
        await life.at(500, fine(500, pod(11)))
        assert not life.open()

    play(work, Policies(Policy(), inhibitions=(LOST_NODE,)))


def test_a_cause_of_which_nobody_is_told_keeps_nothing_quiet_unless_it_may_for_a_time() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, NODE, "not-ready", ticket_after=0))
        await life.at(1, trouble(1, pod(1), "unhealthy", host="worker-1", component="kubelet"))
        await life.until(60)
        assert len(life.open()) == opened
        await life.until(2000)
        assert len(life.open()) == 1

    opened = 1
    play(work, Policies(Policy(), inhibitions=(LOST_NODE,)))
    opened = 0
    play(work, Policies(Policy(), inhibitions=(replace(LOST_NODE, at_most=900.0),)))


def test_a_consequence_that_is_over_when_it_is_not_said_again_outlives_its_cause_only_if_it_is_said_again() -> None:
    async def work(life: Life) -> None:
        here = {"host": "worker-1", "component": "kubelet", "expires": 1800}
        await life.at(0, trouble(0, NODE, "not-ready"))
        await life.at(1, *(trouble(1, pod(number), "unhealthy", **here) for number in range(3)))
        await life.at(120, fine(120, NODE))
        await life.at(200, trouble(200, pod(0), "unhealthy", count=2, **here))
        await life.until(600)
        assert [one.episode.object.name for one in life.open()] == ["web-0"]
        await life.at(700, trouble(700, pod(1), "unhealthy", count=2, **here))
        await life.until(760)
        assert [one.episode.object.name for one in life.open()] == ["web-0", "web-1"]
        await life.until(2600)
        assert not life.open()
        assert len(life.tickets) == 3, "nothing was heard of the third since the node was back"

    play(work, Policies(Policy(), inhibitions=(LOST_NODE,)))


def test_a_cause_that_shows_up_late_closes_the_tickets_of_its_consequences_which_come_back_if_they_outlive_it() -> None:
    async def work(life: Life) -> None:
        await life.at(
            0, *(trouble(0, pod(number), "unhealthy", host="worker-1", component="kubelet") for number in range(3))
        )
        await life.until(60)
        assert len(life.open()) == 3
        await life.at(61, trouble(61, NODE, "not-ready"))
        await life.until(100)
        assert [one.episode.object for one in life.open()] == [NODE]
        closed = [one.episode for one in life.tickets.values() if one.closed is not None]
        assert [one.cause.object if one.cause else "" for one in closed] == ["Node/worker-1"] * 3
        assert {one.ended_by for one in closed} == {"consequence of another problem"}
        await life.at(200, fine(200, NODE), fine(200, pod(0)))
        await life.until(600)
        assert sorted(one.episode.object.name for one in life.open()) == ["web-1", "web-2"]
        assert {one.episode.transition for one in life.open()} == {"reopened"}
        assert len(life.tickets) == 4

    play(work, Policies(Policy(), inhibitions=(LOST_NODE,)))


def test_problems_of_one_group_have_one_ticket_that_ends_with_the_last_of_them() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "mount-failed"))
        await life.at(4, trouble(4, pod(2), "mount-failed"), trouble(4, pod(3, "other"), "mount-failed"))
        await life.until(40)
        assert len(life.tickets) == 2
        shop = next(one for one in life.open() if one.episode.object.namespace == "shop")
        assert (shop.episode.affected_count, shop.episode.object.name) == (2, "web-1")
        await life.at(50, fine(50, pod(1)))
        await life.until(200)
        assert shop.closed is None
        await life.at(210, fine(210, pod(2)))
        await life.until(240)
        assert shop.closed is not None
        await life.at(300, trouble(300, pod(4), "mount-failed"))
        await life.until(340)
        assert (shop.closed, shop.episode.reopened, len(life.tickets)) == (None, 1, 2)

    play(work, Policies(Policy(group_by=("namespace", "reason"))))


def test_a_group_rises_with_its_worst_member_within_seconds() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "mount-failed"), trouble(0, pod(2), "mount-failed"))
        await life.until(60)
        assert [one.episode.severity for one in life.open()] == ["high"]
        await life.at(101, trouble(101, pod(2), "mount-failed", count=2, severity="critical"))
        await life.until(130)
        assert [one.episode.severity for one in life.open()] == ["critical"]

    play(work, Policies(Policy(group_by=("namespace", "reason"))))


def test_a_record_does_not_remember_all_groups_that_it_ever_was_in() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "slow"))
        for number in range(5):
            begun = 10 + 3000 * number
            await life.at(begun, trouble(begun, pod(1), "image-pull", count=number + 1, reason=f"R{number}"))
            await life.at(begun + 60, fine(begun + 60, pod(1), "image-pull"))
        await life.until(15_000)
        assert (len(life.tickets), len(life.open())) == (6, 1)
        records = [decode(entry.value) async for entry in life.store.scan("thing.") if "group-" not in entry.key]
        assert [len(record.entered) for record in records] == [2], "where it is, and where it was last"

    play(work, Policies(Policy(group_by=("reason",))))


def test_beyond_the_limit_one_summary_stands_for_all_others_until_the_last_of_them_ends() -> None:
    async def work(life: Life) -> None:
        for number in range(100):
            await life.at(number / 10, trouble(number / 10, pod(number, f"team-{number}"), "quota"))
        await life.until(60)
        assert len(life.tickets) == 21
        (summary,) = [one for one in life.open() if one.episode.condition == "too-many-problems"]
        assert (summary.episode.affected_count, summary.episode.summary) == (80, "80 more problems in cluster c")
        for number in range(100):
            await life.at(100, fine(100, pod(number, f"team-{number}")))
        await life.until(150)
        assert not life.open()
        assert len(life.tickets) == 21

    play(work, Policies(Policy()))


def test_what_must_last_for_a_time_gets_its_ticket_a_minute_after_that() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "slow"), trouble(0, pod(2), "slow"))
        await life.at(280, fine(280, pod(2)))
        await life.until(350)
        assert not life.tickets
        await life.until(380)
        assert [one.episode.object.name for one in life.open()] == ["web-1"]

    play(work, Policies(Policy(open_after=OpenAfter(lasting=300.0))))


def test_so_many_within_a_time_is_not_so_many_ever() -> None:
    async def work(life: Life) -> None:
        for second in range(0, 3000, 300):
            await life.at(second, trouble(second, pod(1), "slow", count=second // 300 + 1))
        await life.until(3100)
        assert not life.tickets
        for second in (3101, 3110, 3120):
            await life.at(second, trouble(second, pod(1), "slow", count=second))
        await life.until(3150)
        assert len(life.open()) == 1

    play(work, Policies(Policy(open_after=OpenAfter(count=3, within=60.0))))


def test_what_flaps_has_one_ticket_that_closes_after_calm() -> None:
    async def work(life: Life) -> None:
        for round_ in range(6):
            await life.at(60 * round_, trouble(60 * round_, pod(1), "probe", count=round_ + 1))
            await life.at(60 * round_ + 30, fine(60 * round_ + 30, pod(1)))
        await life.until(400)
        (ticket,) = life.tickets.values()
        assert (ticket.closed, ticket.episode.flapping) == (None, True)
        assert ticket.closings <= 2
        await life.until(330 + 620)
        assert ticket.closed is not None
        assert not ticket.episode.flapping

    play(work, Policies(Policy()))


def place(at: float, thing: ObjectRef, **annotations: str) -> Classified:
    """Return a change of a namespace or node, with what its annotations say."""
    named = {f"tidings.dev/{name}": value for name, value in annotations.items()}
    return recovery(
        at, "nothing", object=thing, dialect="apiserver-resource", operation="update", annotations=named,
        identity=event_identity("c", thing.path, int(at) + 1),
    )  # fmt: skip


@pytest.mark.parametrize("thing", [ObjectRef(kind="Namespace", name="shop"), NODE], ids=["namespace", "node"])
def test_what_is_worked_on_gets_its_ticket_when_the_work_is_over_and_it_is_not(thing: ObjectRef) -> None:
    async def work(life: Life) -> None:
        until = moment(START.timestamp() + 1800).isoformat()
        await life.at(0, place(0, thing, maintenance=until))
        await life.at(5, *(trouble(5, pod(n), "unhealthy", host="worker-1", component="kubelet") for n in (1, 2)))
        await life.at(1000, fine(1000, pod(1)))
        await life.until(1790)
        assert not life.tickets
        assert {one.quiet for one in life.told if one.state == "open" and one.revision > 1} == {"annotation"}
        await life.until(1810)
        assert [one.episode.object.name for one in life.open()] == ["web-2"]

    play(work, Policies(Policy()))


def test_work_that_ends_early_holds_no_ticket_for_longer_than_a_quarter_of_an_hour() -> None:
    async def work(life: Life) -> None:
        shop = ObjectRef(kind="Namespace", name="shop")
        await life.at(0, place(0, shop, maintenance="true"), trouble(0, pod(1), "crash-loop"))
        await life.at(100, place(100, shop))
        await life.until(950)
        assert len(life.open()) == 1

    play(work, Policies(Policy()))


def test_a_silence_holds_what_it_names_and_a_ticket_that_was_open_goes_on() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "crash-loop"))
        await life.until(100)
        await life.at(700, trouble(700, pod(2), "crash-loop"), fine(700, pod(1)))
        await life.until(800)
        assert [one.closed for one in life.tickets.values()] == [700.0]
        await life.until(1300)
        assert [one.episode.object.name for one in life.open()] == ["web-2"]

    begun = START.timestamp()
    silence = Span("release", "a release", begun + 600, begun + 1200)
    play(work, Policies(Policy(), spans=((Match((Asked("namespace", frozenset({"shop"})),)), silence),)))


def test_severity_rises_with_time_count_and_the_number_of_those_affected() -> None:
    async def work(life: Life) -> None:
        await life.at(0, trouble(0, pod(1), "slow", severity="low"), trouble(0, pod(2), "slow", severity="low"))
        await life.at(1, trouble(1, NODE, "not-ready", severity="low"))
        await life.at(50, trouble(50, pod(2, "other"), "slow", severity="low", count=100))
        for number in range(5):
            await life.at(60, trouble(60, pod(number, "x"), "slow", host="worker-1", component="kubelet"))
        await life.until(120)
        assert {one.episode.object.path: one.episode.severity for one in life.open()} == {
            "Pod/shop/web-1": "low", "Pod/shop/web-2": "low", "Node/worker-1": "critical", "Pod/other/web-2": "high",
        }  # fmt: skip
        await life.until(3620)
        assert {one.episode.severity for one in life.open() if one.episode.object.namespace == "shop"} == {"medium"}

    steps = (Escalation("medium", after=3600.0), Escalation("high", count=100), Escalation("critical", affected=5))
    play(work, Policies(Policy(escalate=steps), inhibitions=(LOST_NODE,)))


def test_immediate_policies_open_at_once() -> None:
    async def work(life: Life) -> None:
        await life.at(1, trouble(1, pod(1), "crash-loop"))
        assert [one.opened for one in life.open()] == [1.0]

    play(work, Policies(replace(IMMEDIATE, name="now")))
