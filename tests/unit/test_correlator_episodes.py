"""What one problem becomes at the correlator: an episode with its count, severity, ticket and labels."""

import pytest

from shared.events.identity import object_identity
from shared.events.model import ObjectRef
from shared.events.outcome import Done, Duplicate, Ignored
from tests.support.correlator import START, Rig, play, problem, recovery, told


def test_a_problem_is_answered_with_its_opened_episode() -> None:
    async def work(rig: Rig) -> None:
        result = await rig.send(problem())
        assert result.outcome == Done()
        reply = result.reply
        assert reply is not None
        episode = told(result)
        assert (reply.type, reply.source) == ("dev.tidings.problem.opened.v1", "tidings/correlator")
        assert reply.id == f"{episode.id}.1"
        assert reply.subject == "Pod/shop/web-0"
        wanted = {"cluster", "category", "subcategory", "severity", "phase", "reason", "kind", "namespace", "name"}
        assert wanted | {"problemkey", "partitionkey", "traceparent"} <= set(reply.extensions)
        assert all(reply.extensions.values())
        assert reply.extensions["traceparent"].startswith(f"00-{'a' * 32}-")
        assert (episode.state, episode.count, episode.severity, episode.ticket) == ("open", 1, "high", True)
        assert episode.started == START
        assert rig.metrics.value("tidings_episodes_total", transition="opened") == 1

    play(work)


def test_f22_the_same_observation_again_is_a_duplicate_and_the_snapshot_is_sent_again() -> None:
    """F22: same object change with new CE id (source restart/HA) | same identity → Duplicate."""

    async def work(rig: Rig) -> None:
        first = await rig.send(problem())
        rig.function = rig.build()  # a restart in between
        second = await rig.send(problem(), event_id="of-another-replica")
        assert second.outcome == Duplicate()
        assert second.reply is not None
        assert first.reply is not None
        assert (second.reply.id, second.reply.type) == (first.reply.id, first.reply.type)
        assert told(second) == told(first)

    play(work)


def test_f25_a_series_from_1_to_50_is_one_episode_with_count_50() -> None:
    """F25: Event series count 1→50 | updates one ticket, no 50 tickets."""

    async def work(rig: Rig) -> None:
        replies = [told(await rig.send(problem(count * 10, count=count))) for count in range(1, 51)]
        assert len({episode.id for episode in replies}) == 1
        assert [episode.revision for episode in replies] == list(range(1, 51))
        assert replies[-1].count == 50
        assert len(replies[-1].history) == 10
        assert [line.count for line in replies[-1].history] == list(range(41, 51))

    play(work)


def test_f57_severity_stays_at_its_highest() -> None:
    """F57: an episode's severity falls before it ends, Trigger filters on severity.

    `resolved` still passes the filter.
    """

    async def work(rig: Rig) -> None:
        await rig.send(problem(0, severity="critical"))
        assert told(await rig.send(problem(10, count=2, severity="low"))).severity == "critical"
        reply = (await rig.send(recovery(20, "crash-loop"))).reply
        assert reply is not None
        assert reply.extensions["severity"] == "critical"

    play(work)


def test_a_ticket_is_deserved_from_the_threshold_on_and_for_ever() -> None:
    async def work(rig: Rig) -> None:
        tickets = [told(await rig.send(problem(n, count=n, ticket_after=3))).ticket for n in (1, 2, 3)]
        tickets.append(told(await rig.send(problem(4, count=4, ticket_after=0))).ticket)
        assert tickets == [False, False, True, True]

    play(work)


def test_a_namespaces_labels_travel_with_its_episodes() -> None:
    async def work(rig: Rig) -> None:
        thing = ObjectRef(kind="Namespace", name="shop")
        labels = {"tidings.dev/assignment-group": "Shop", "kubernetes.io/metadata.name": "shop", "team": "a"}
        seen = {"dialect": "apiserver-resource", "object": thing, "operation": "update", "reason": ""}
        newer = recovery(5, labels=labels, annotations={"tidings.dev/x": "1"}, **seen, phase="info")
        older = recovery(1, labels={"team": "old"}, **seen, phase="info")
        assert isinstance((await rig.send(newer)).outcome, Ignored)
        await rig.send(older)
        episode = told(await rig.send(problem(10)))
        assert episode.labels == {"tidings.dev/assignment-group": "Shop", "team": "a", "tidings.dev/x": "1"}

    play(work)


@pytest.mark.parametrize("state_first", [True, False])
def test_a_condition_and_the_event_about_it_happened_once(*, state_first: bool) -> None:
    async def work(rig: Rig) -> None:
        by_event = problem(1, reason="NodeNotReady", source_uid="event")
        identity = object_identity("c", "uid", "7", deleted=False)
        by_state = problem(2, reason="NodeNotReady", operation="update", identity=identity, source_uid="uid")
        episodes = [
            told(await rig.send(one)) for one in ((by_state, by_event) if state_first else (by_event, by_state))
        ]
        assert [one.count for one in episodes] == [1, 1]
        again = problem(3, reason="NodeNotReady", source_uid="event", count=4)
        assert told(await rig.send(again)).count == 4
        often = problem(4, reason="NodeNotReady", operation="update", identity="i", source_uid="uid", count=9)
        assert told(await rig.send(often)).count == 9, "an object that says more is believed"

    play(work)


def test_object_changes_count_once_and_bring_no_new_revision() -> None:
    async def work(rig: Rig) -> None:
        for version in range(1, 6):
            identity = object_identity("c", "uid", str(version), deleted=False)
            seen = problem(version, operation="update", identity=identity, source_uid="uid", expires=100)
            episode = told(await rig.send(seen))
        assert (episode.count, episode.revision) == (1, 1)
        await rig.tick(104)
        assert rig.sink.events == []
        await rig.tick(105)
        assert len(rig.sink.events) == 1

    play(work)
