"""Roll-outs become changes: one from its first observation to its end, and suspects of what breaks meanwhile."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from shared.changes.authors import Author
from shared.episodes import rollouts
from shared.episodes.rollout_record import MAX_FACTS
from shared.episodes.suspects import suspects_of
from shared.events.attributes import NAMES, of_change
from shared.events.model import Classified
from shared.rules.classify import classify
from shared.rules.specimen import build
from tests.support.objects import NOW, Object, thing
from tests.support.rollouts import DONE, MOVES, START, STUCK, Track, deployment, rules, seen, upgraded


def event(reason: str, seconds: float, kind: str = "Deployment") -> Classified:
    """Return what the classifier says of an Event about the object."""
    observation = build({"reason": reason, "kind": kind, "name": "web", "namespace": "shop"}).model_copy(
        update={"cluster": "c", "time": NOW + timedelta(seconds=seconds), "received": NOW + timedelta(seconds=seconds)}
    )
    return Classified(observation=observation, verdict=classify(observation, rules()))


def test_a_roll_out_is_one_change_from_its_template_to_its_last_pod() -> None:
    track = Track().take(seen(upgraded(), Author("alice")))
    assert track.line == [("running", 1), ("completed", 2)]
    began, over = track.told
    assert began.id == over.id
    assert began.id.startswith(began.key)
    assert began.summary == "Roll-out of Deployment/shop/web"
    assert began.what == "spec.template.spec.containers[web].image shop/web:1.4 → shop/web:1.5"
    assert (began.fields[0].before, began.fields[0].after) == ("shop/web:1.4", "shop/web:1.5")
    assert (began.user, began.manager, began.who) == ("alice", "argocd", "alice with argocd")
    assert (began.planned, began.labels) == (False, {"team": "shop"})
    assert over.progress is not None
    assert (over.progress.updated, over.progress.total) == (3, 3)
    assert (over.started, over.ended, over.ended_by) == (NOW, NOW + timedelta(seconds=40), "RolloutCompleted")


def test_a_roll_out_says_what_was_added_as_the_observation_of_it_does() -> None:
    (known, (_, changed)) = upgraded()[:2]
    changed["spec"]["template"]["spec"]["priorityClassName"] = "high"
    found = seen([known, (0, changed)])
    (change,) = Track().take(found).told
    assert change.what.endswith("spec.template.spec.priorityClassName added (high)")
    assert found[-1].observation.message.endswith(change.what)


def test_every_attribute_of_a_change_is_set_and_its_phase_is_change() -> None:
    (change, _) = Track().take(seen(upgraded())).told
    attributes = of_change(change)
    assert sorted(attributes) == sorted(NAMES)
    assert (attributes["phase"], attributes["problemkey"], attributes["kind"]) == ("change", "-", "Deployment")
    assert (attributes["category"], attributes["subcategory"]) == ("infrastructure", "workload")


def test_a_change_that_was_announced_names_its_record() -> None:
    known, *_ = upgraded()
    (change,) = Track().take(seen([known, (0, deployment(2, "shop/web:2", plan="CHG0030052"))])).told[:1]
    assert (change.planned, change.plan) == (True, "CHG0030052")


def test_scaling_is_no_roll_out() -> None:
    scaled = deployment(2, "shop/web:1.4", generation=2, behind=True)
    scaled["spec"]["replicas"] = 5
    assert Track().take(seen([upgraded()[0], (0, scaled)])).told == []
    assert Track().take([event("ScalingReplicaSet", 0)]).rollout is None


def test_a_roll_out_that_misses_its_deadline_has_failed_and_stays_so() -> None:
    versions = [*upgraded()[:3], (600, deployment(4, "shop/web:1.5", STUCK, 1, generation=2))]
    late = (700, deployment(5, "shop/web:1.5", DONE, 3, generation=2))
    track = Track().take(seen([*versions, late]))
    assert track.line == [("running", 1), ("failed", 2)]
    assert (track.told[-1].ended_by, track.told[-1].severity) == ("ProgressDeadlineExceeded", "high")


def test_a_further_change_while_one_runs_is_taken_in() -> None:
    more = [
        (60, deployment(4, "shop/web:1.6", MOVES, 1, generation=3, behind=True)),
        (61, deployment(5, "shop/web:1.6", MOVES, 0, generation=3)),
        (90, deployment(6, "shop/web:1.6", DONE, 3, generation=3)),
    ]
    track = Track().take(seen([*upgraded()[:3], *more]))
    assert track.line == [("running", 1), ("running", 2), ("completed", 3)]
    assert len({one.id for one in track.told}) == 1
    assert track.told[-1].taken_in == 1
    assert track.told[-1].what == "spec.template.spec.containers[web].image shop/web:1.4 → shop/web:1.6"


def test_a_further_change_after_the_end_is_another_change() -> None:
    again = [
        (3600, deployment(6, "shop/web:1.6", DONE, generation=3, behind=True)),
        (3640, deployment(7, "shop/web:1.6", DONE, generation=3)),
    ]
    track = Track().take(seen([*upgraded(), *again]))
    assert track.line == [("running", 1), ("completed", 2)] * 2
    assert len({one.id for one in track.told}) == 2


def test_the_end_is_told_though_no_version_in_between_was_seen() -> None:
    known, changed, *_, last = upgraded()
    assert Track().take(seen([known, changed, last])).line == [("running", 1), ("completed", 2)]
    assert Track().take(seen([known, last])).line == [("running", 1), ("completed", 2)]


def test_a_roll_out_of_which_nothing_is_heard_ends_and_says_so() -> None:
    track = Track().take(seen(upgraded()[:3]))
    assert track.rollout is not None
    when = rollouts.due(track.rollout)
    assert when == START + 3600
    assert track.tick(3599).line == [("running", 1)]
    assert track.tick(3600).line == [("running", 1), ("failed", 2)]
    assert track.told[-1].ended_by == "expired"
    assert rollouts.due(track.rollout) is None


def test_an_event_about_it_keeps_it_from_ending_unheard() -> None:
    track = Track().take([*seen(upgraded()[:3]), event("ScalingReplicaSet", 1800)])
    assert track.rollout is not None
    assert rollouts.due(track.rollout) == START + 1800 + 3600
    assert track.line == [("running", 1)], "and is no news"


def test_what_is_deleted_is_rolled_out_no_more() -> None:
    gone = thing("Deployment", 9, {"gone": True})
    track = Track().take(seen([*upgraded()[:3], (30, gone)]))
    assert (track.line[-1], track.told[-1].ended_by) == (("failed", 2), "deleted")


def conditions(**flags: str) -> list[Object]:
    return [{"type": name, "status": status, "reason": "r", "message": "m"} for name, status in flags.items()]


@pytest.mark.parametrize(
    ("kind", "versions", "subcategory", "summary"),
    [
        (
            "StatefulSet",
            [
                {"currentRevision": "a", "updateRevision": "a", "updatedReplicas": 1, "readyReplicas": 1},
                {"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 0, "readyReplicas": 0},
                {"currentRevision": "b", "updateRevision": "b", "updatedReplicas": 1, "readyReplicas": 1},
            ],
            "workload",
            "Roll-out of StatefulSet/shop/web",
        ),
        (
            "ClusterVersion",
            [{"history": [{"state": state}]} for state in ("Completed", "Partial", "Completed")],
            "control-plane",
            "Upgrade of cluster c",
        ),
        (
            "ClusterOperator",
            [{"conditions": conditions(Progressing=flag)} for flag in ("False", "True", "False")],
            "control-plane",
            "Roll-out of cluster operator web",
        ),
        (
            "MachineConfigPool",
            [
                {"conditions": conditions(Updating=flag, Updated=other), "machineCount": 3, "updatedMachineCount": 1}
                for flag, other in (("False", "True"), ("True", "False"), ("False", "True"))
            ],
            "node",
            "Update of machine config pool web",
        ),
    ],
)
def test_what_a_controller_says_in_the_status_begins_and_ends_a_change(
    kind: str, versions: list[Object], subcategory: str, summary: str
) -> None:
    found = [(number * 100.0, thing(kind, number, status=status)) for number, status in enumerate(versions, 1)]
    track = Track().take(seen(found))
    assert track.line == [("running", 1), ("completed", 2)]
    assert (track.told[0].subcategory, track.told[0].summary) == (subcategory, summary)


def test_a_new_node_is_no_roll_out_of_a_daemon_set() -> None:
    def daemon(version: int, wanted: int, image: str = "a") -> Object:
        status = {"desiredNumberScheduled": wanted, "updatedNumberScheduled": 3, "numberAvailable": 3}
        return thing("DaemonSet", version, spec={"template": {"image": image}}, status=status)

    assert Track().take(seen([(0, daemon(1, 3)), (1, daemon(2, 4)), (2, daemon(3, 3))])).told == []
    track = Track().take(seen([(0, daemon(1, 3)), (1, daemon(2, 4, "b")), (9, daemon(3, 3, "b"))]))
    assert track.line == [("running", 1), ("completed", 2)]


@pytest.mark.parametrize("what", ["paused", "by hand", "behind"])
def test_a_status_that_tells_nothing_begins_nothing(what: str) -> None:
    status = {"currentRevision": "a", "updateRevision": "b", "updatedReplicas": 0}
    spec: Object = {"updateStrategy": {"type": "OnDelete"}} if what == "by hand" else {"paused": what == "paused"}
    behind = {"generation": 2} if what == "behind" else {}
    objects = [
        thing("StatefulSet", 1),
        thing("StatefulSet", 2, behind, spec=spec, status={**status, "observedGeneration": 1}),
    ]
    assert Track().take(seen(list(enumerate(objects)))).told == []


def test_what_is_paused_is_rolled_out_once_it_goes_on() -> None:
    known, _, under_way, _, last = upgraded()
    held = (-10.0, deployment(2, "shop/web:1.5", generation=2))
    held[1]["spec"]["paused"] = True
    assert Track().take(seen([known, held])).told == []
    track = Track().take(seen([known, held, under_way, last]))
    assert track.line == [("running", 1), ("completed", 2)]
    assert track.told[0].started == NOW + timedelta(seconds=1)


def test_what_people_update_by_deleting_pods_is_no_roll_out() -> None:
    def database(version: int, image: str) -> Object:
        spec = {"updateStrategy": {"type": "OnDelete"}, "template": {"image": image}}
        return thing("StatefulSet", version, spec=spec, status={"updateRevision": image, "currentRevision": "a"})

    assert Track().take(seen([(0, database(1, "a")), (1, database(2, "b"))])).told == []


def test_an_observation_that_comes_again_gives_the_current_snapshot_again() -> None:
    found = seen(upgraded())
    track = Track().take(found)
    track.take(found[1:2])
    assert len(track.told) == 2
    assert track.again == [track.told[-1]]


def test_what_is_kept_is_read_as_it_was_written_and_small() -> None:
    track = Track().take(seen(upgraded()[:3], Author("alice")))
    assert track.rollout is not None
    data = orjson.dumps(rollouts.encode(track.rollout))
    assert rollouts.decode(orjson.loads(data)) == track.rollout
    assert len(data) < 2500


@pytest.mark.parametrize("value", [None, [], [1], {}, [2, *range(8)], [1, *range(8)], "x" * 9])
def test_what_cannot_be_read_is_said(value: Any) -> None:
    with pytest.raises(rollouts.RolloutError):
        rollouts.decode(value)


def test_what_is_kept_is_bounded_however_much_changes_within_a_minute() -> None:
    many = [(n / 10, deployment(n + 2, f"shop/web:{'x' * 99}{n}", generation=n + 2)) for n in range(60)]
    track = Track().take(seen([upgraded()[0], *many]))
    assert track.rollout is not None
    assert len(track.rollout.facts) <= MAX_FACTS
    assert len(orjson.dumps(rollouts.encode(track.rollout))) < 20_000


def test_a_problem_names_the_changes_that_it_may_come_of() -> None:
    track = Track().take(seen(upgraded(), Author("alice")))
    assert track.rollout is not None
    found = [track.rollout]
    (suspect,) = suspects_of(found, START + 30, 900)
    assert (suspect.id, suspect.time.timestamp(), suspect.who) == (track.told[0].id, START, "alice with argocd")
    assert suspect.what.endswith("shop/web:1.4 → shop/web:1.5")
    assert suspects_of(found, START + 40 + 900, 900) == (suspect,), "soon after its end"
    assert suspects_of(found, START + 40 + 901, 900) == ()
    assert suspects_of(found, START - 30, 900) == (suspect,), "which of both was seen first is chance"
    assert suspects_of(found, START - 61, 900) == ()
    running = Track().take(seen(upgraded()[:3])).rollout
    assert running is not None
    assert suspects_of([running], START + 50_000, 900), "it runs"


def test_of_many_changes_the_latest_are_suspects() -> None:
    known = upgraded()[0]
    track = Track()
    versions = [known]
    for n in range(6):
        versions.append((n * 100, deployment(2 * n + 2, f"web:{n}", generation=n + 2, behind=True)))
        versions.append((n * 100 + 50, deployment(2 * n + 3, f"web:{n}", generation=n + 2)))
    track.take(seen(versions))
    assert track.rollout is not None
    assert [one.time.timestamp() - START for one in suspects_of([track.rollout], START + 600, 900)] == [500, 400, 300]


def test_a_problem_that_names_a_change_stands_in_it() -> None:
    track = Track().take(seen(upgraded()[:3]))
    assert track.rollout is not None
    named = rollouts.name_problem(track.rollout, track.told[0].id, "problem-1")
    step = rollouts.tick(named, START + 2)
    assert [(one.revision, one.problems) for one in step.changes] == [(2, ("problem-1",))]
    assert step.rollout is not None
    assert rollouts.name_problem(step.rollout, track.told[0].id, "problem-1") == step.rollout
    assert rollouts.name_problem(step.rollout, "another", "problem-2") == step.rollout


def test_it_is_forgotten_a_day_after_its_end() -> None:
    track = Track().take(seen(upgraded()))
    assert track.rollout is not None
    assert not rollouts.is_over(track.rollout, START + 86_000)
    assert rollouts.is_over(track.rollout, START + 87_000)
    running = Track().take(seen(upgraded()[:3])).rollout
    assert running is not None
    assert not rollouts.is_over(running, START + 10**7)
