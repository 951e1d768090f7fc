"""A group's ticket says as much as that of one problem: what was said, of what, until when, and what ended it."""

import asyncio
from typing import Any

from shared.episodes import keeper
from shared.episodes.bonds import policy_of
from shared.episodes.members import since_of
from shared.episodes.policy import Asked, Limit, Match, Policies, Policy
from shared.episodes.track import core_of
from shared.events.episode import Episode
from shared.events.model import Classified, ObjectRef
from tests.support.correlator import START
from tests.support.life import Life, Ticket, fine, pod, trouble
from tests.support.stories import LOST_NODE, NODE, read, told

ONE = Policy(group_by=("condition",), resolve_after=0.0)
GROUPED = Policies(ONE)
CAUSED = Policies(ONE, [(Match((Asked("kind", frozenset({"Node"})),)), Policy())], inhibitions=(LOST_NODE,))
PULL = {"reason": "Failed", "summary": "The image of container web cannot be pulled", "component": "kubelet"}


def pull(at: float, number: int, count: int = 1, **changes: Any) -> Classified:
    """Return that a pod cannot pull its image."""
    said = f"registry.example.com/web-{number}: not found, try {count}"
    return trouble(at, pod(number), "image", count=count, **{**PULL, "message": said, "host": "worker-1", **changes})


def seconds(time: Any) -> float:
    return float((time - START).total_seconds())


async def one(life: Life) -> Ticket:
    """Return the ticket of the pods."""
    (found,) = [ticket for ticket in life.tickets.values() if ticket.episode.object.kind != "Node"]
    return found


def test_a_group_of_one_says_what_its_member_said_and_reads_like_a_single_problem() -> None:
    async def work(life: Life) -> None:
        for count in (1, 2, 3):
            at = count * 40.0
            await life.at(at, pull(at, 1, count, fingerprint="pull"))
        await life.until(1000)

    last = told(work, GROUPED)[-1]
    assert last.message == "registry.example.com/web-1: not found, try 3"
    assert [(line.reason, line.message[-5:]) for line in last.history] == [
        ("Failed", "try 1"),
        ("Failed", "try 2"),
        ("Failed", "try 3"),
    ]
    grouped, alone = (read(told(work, rules))["Pod/shop/web-1"]["description"] for rules in (GROUPED, Policies()))
    differ = ("Problem key: ", "Last seen: ", "Occurrences: ")
    assert [line for line in grouped.splitlines() if not line.startswith(differ)] == [
        line for line in alone.splitlines() if not line.startswith(differ)
    ]


def test_a_group_of_several_says_what_each_of_them_said_last() -> None:
    async def work(life: Life) -> None:
        for number in (1, 2, 3):
            await life.at(number, pull(number, number, reason="BackOff" if number == 3 else "Failed"))
        await life.at(90, pull(90, 2, 2))
        await life.until(1000)

    episodes = told(work, GROUPED)
    assert episodes[-1].message.splitlines() == [
        "Pod/shop/web-1: Failed: registry.example.com/web-1: not found, try 1",
        "Pod/shop/web-2: Failed: registry.example.com/web-2: not found, try 2",
        "Pod/shop/web-3: BackOff: registry.example.com/web-3: not found, try 1",
    ]
    assert [line.message for line in episodes[-1].history] == [
        "Pod/shop/web-1: registry.example.com/web-1: not found, try 1",
        "Pod/shop/web-3: registry.example.com/web-3: not found, try 1",
        "Pod/shop/web-2: registry.example.com/web-2: not found, try 2",
    ]
    row = read(episodes)["Pod/shop/web-1"]
    assert "\nPod/shop/web-2: Failed: registry" in row["description"]


def test_who_did_what_in_an_audit_record_is_not_said_among_others() -> None:
    async def work(life: Life) -> None:
        asked = {"reason": "create pods/exec", "message": "jane: create pods/exec web", "component": "kube-apiserver"}
        await life.at(0, trouble(0, pod(1), "exec", summary="A shell in web-1", **asked))
        if begins:
            await life.at(100, fine(100, pod(1)))
        await life.at(begins, trouble(begins, pod(2), "exec", summary="A shell in web-2", **asked))
        await life.until(300)

    for begins in (0, 200):
        last = told(work, GROUPED)[-1]
        assert "A shell in web-2" in last.message
        assert len(last.history) == (2 if begins == 0 else 1)
        assert "jane" not in last.message + "".join(line.message for line in last.history)


def test_a_group_was_last_seen_when_a_member_was() -> None:
    async def work(life: Life) -> None:
        await life.at(0, pull(0, 1), pull(0, 2))
        await life.until(20)
        (opened,) = [each.episode for each in life.open()]
        assert seconds(opened.last_seen) == 0
        for at in range(30, 300, 30):
            await life.at(at, pull(at, 2, at))
        await life.at(400, fine(400, pod(1)))
        await life.at(500, fine(500, pod(2)))
        await life.until(600)

    assert seconds(told(work, GROUPED)[-1].last_seen) == 270


def test_at_its_end_a_group_names_all_that_it_was_about_and_its_object_stays() -> None:
    async def work(life: Life) -> None:
        for number in (1, 2, 3):
            await life.at(number, pull(number, number))
        await life.until(60)
        for number in (1, 2, 3):
            await life.at(number * 100, fine(number * 100, pod(number)))
            await life.until(number * 100 + 60)

    episodes = [each for each in told(work, GROUPED) if each.ticket]
    last = episodes[-1]
    assert {each.object.name for each in episodes} == {"web-1"}
    assert last.state == "resolved"
    assert [each.name for each in last.affected] == ["web-1", "web-2", "web-3"]
    assert last.affected_count == 3
    assert last.summary == f"3 problems in namespace shop: Failed, first {PULL['summary']}"
    assert [line.split(":")[0] for line in last.message.splitlines()] == [f"Pod/shop/web-{n}" for n in (1, 2, 3)]
    numbers = {(each.affected_count, each.summary.split()[0]) for each in episodes if each.state == "open"}
    assert numbers <= {(3, "3"), (2, "2"), (1, "1")}


def test_at_its_end_the_summary_beyond_the_limit_says_how_many_there_were_in_all() -> None:
    async def work(life: Life) -> None:
        for number in range(15):
            await life.at(number, trouble(number, pod(number), "quota"))
        await life.until(60)
        for number in range(15):
            await life.at(100 + 60 * number, fine(100 + 60 * number, pod(number)))
        await life.until(2000)

    policy = Policy(resolve_after=0.0, limit=Limit(tickets=1, within=3600.0))
    last = [each for each in told(work, Policies(policy)) if each.condition == "too-many-problems"][-1]
    assert (last.state, last.affected_count, len(last.affected)) == ("resolved", 14, 10)
    assert last.summary == "14 more problems in cluster c"
    assert last.message.endswith("and 9 more")


def test_a_group_that_is_back_later_begins_with_who_is_in_trouble_then() -> None:
    async def work(life: Life) -> None:
        await life.at(0, pull(0, 1))
        await life.until(60)
        await life.at(100, fine(100, pod(1)))
        await life.at(9000, pull(9000, 2))
        await life.at(9300, fine(9300, pod(2)))
        await life.until(9600)

    last = told(work, GROUPED)[-1]
    assert (last.object.name, [each.name for each in last.affected], last.affected_count) == ("web-2", ["web-2"], 1)
    assert seconds(last.last_seen) == 9000
    assert [line.message for line in last.history] == ["registry.example.com/web-2: not found, try 1"]


def test_a_group_whose_members_a_cause_takes_in_is_closed_as_its_consequence() -> None:
    async def work(life: Life) -> None:
        await life.at(0, pull(0, 1))
        await life.at(1, pull(1, 2))
        await life.until(60)
        await life.at(61, trouble(61, NODE, "not-ready", summary="Node worker-1 is not ready"))
        await life.until(200)
        ticket = await one(life)
        node = next(each for each in life.tickets.values() if each.episode.object == NODE)
        closed = ticket.episode
        assert (closed.state, closed.ended_by) == ("resolved", "consequence of another problem")
        assert closed.cause is not None
        assert (closed.cause.id, closed.cause.object) == (node.episode.id, "Node/worker-1")
        assert closed.parent == node.episode.id
        assert closed.timeline[-1].what == "taken"
        assert closed.timeline[-1].after == "Node worker-1 is not ready"
        assert closed.affected_count == 2
        await life.at(300, fine(300, NODE, reason="NodeReady"))
        await life.until(900)
        (again,) = life.open()
        assert again.episode.id == closed.id
        assert again.episode.cause is None
        await life.at(1000, fine(1000, pod(1), reason="Pulled"), fine(1000, pod(2), reason="Pulled"))
        await life.until(1100)
        assert (await one(life)).episode.ended_by == "Pulled"
        assert (await one(life)).episode.cause is None

    episodes = told(work, CAUSED)
    closed = next(number for number, each in enumerate(episodes) if each.ended_by.startswith("consequence"))
    rows = read(episodes[: closed + 1])
    assert rows["Pod/shop/web-1"]["close_notes"].startswith(
        "Closed as a consequence of another problem: Node worker-1 is not ready (Node/worker-1), episode "
    )
    assert rows["Pod/shop/web-1"]["parent_incident"] == rows["Node/worker-1"]["sys_id"]


def test_a_member_that_is_over_right_after_a_cause_took_it_does_not_hide_the_cause() -> None:
    async def work(life: Life) -> None:
        await life.at(0, pull(0, 1))
        await life.until(60)
        await life.at(61, trouble(61, NODE, "not-ready", summary="Node worker-1 is not ready"))
        await life.until(70)
        await life.at(72, fine(72, pod(1), reason="Killing"))
        await life.until(200)

    last = [each for each in told(work, CAUSED) if each.ticket and each.object != NODE][-1]
    assert (last.state, last.ended_by) == ("resolved", "consequence of another problem")
    assert last.cause is not None


def test_a_group_of_which_one_member_lasted_is_ended_by_its_own_end() -> None:
    async def work(life: Life) -> None:
        await life.at(0, pull(0, 1), pull(0, 2, host="worker-2"))
        await life.until(60)
        await life.at(61, trouble(61, NODE, "not-ready", summary="Node worker-1 is not ready"))
        await life.until(200)
        assert (await one(life)).closed is None
        assert (await one(life)).episode.affected_count == 1
        await life.at(300, fine(300, pod(2), reason="Pulled"))
        await life.until(400)

    last = [each for each in told(work, CAUSED) if each.ticket and each.object != NODE][-1]
    assert (last.state, last.ended_by, last.cause, last.affected_count) == ("resolved", "Pulled", None, 2)


def test_a_workloads_problem_in_a_group_is_one_whichever_pod_was_hit_last() -> None:
    async def work(life: Life) -> None:
        for number in (1, 2, 3):
            at = number * 400.0
            thing = ObjectRef(kind="Pod", namespace="shop", name=f"web-5d8f7c9b6d-{'bcdf'[number] * 5}")
            seen = trouble(at, thing, "image", **{**PULL, "message": f"try {number}", "about": "owner"})
            verdict = seen.verdict.model_copy(update={"problem_key": "of-web"})
            await life.at(at, seen.model_copy(update={"verdict": verdict}))
        await life.until(3000)

    last = told(work, GROUPED)[-1]
    assert (last.object.name, last.affected_count, last.summary) == (
        "web-5d8f7c9b6d-ccccc",
        1,
        PULL["summary"],
    )
    assert last.message == "try 3"


def test_labels_relations_and_node_of_a_group_are_those_that_all_its_members_share_now() -> None:
    async def work(life: Life, second: float) -> Episode:
        for name, team in (("shop", "a"), ("bank", "b")):
            place = ObjectRef(kind="Namespace", name=name)
            known = {"labels": {"team": team}, "dialect": "apiserver-resource", "operation": "update"}
            await life.see(fine(0, place, **known, reason="", phase="info"))
        await life.see(trouble(1, pod(1), "image", host="n1", component="kubelet"))
        await life.at(second, trouble(second, pod(2, "bank"), "image", host="n2", component="kubelet"))
        await life.until(2000)
        return (await one(life)).episode

    for second in (2, 100):
        found = asyncio.run(work(Life(GROUPED), second))
        assert (found.labels, found.relations, found.host) == ({}, {"group": "group-"}, "")


def test_what_came_back_is_known_to_have_begun_then_at_once() -> None:
    async def work() -> None:
        rules = Policies(Policy(resolve_after=0.0))
        life = Life(rules)
        await life.see(trouble(0, pod(1), "crash-loop"))
        await life.at(101, fine(101, pod(1), "crash-loop"))
        await life.at(110, trouble(110, pod(1), "crash-loop", count=2))
        for second in (120, 160, 180):
            await life.at(second, trouble(second, pod(1), "crash-loop", count=second))
            (entry,) = [entry async for entry in life.store.scan("thing.")]
            record = keeper.decode(entry.value)
            (track,) = record.tracks.values()
            core = core_of(track, policy_of(track, rules), record.now)
            assert since_of(core) == START.timestamp() + 110

    asyncio.run(work())
