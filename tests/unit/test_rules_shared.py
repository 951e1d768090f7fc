"""Problems that the pods of one workload share: about whom they are, and what ends them."""

from pathlib import Path

import pytest

from shared.rules.classify import classify
from shared.rules.loader import load
from shared.rules.ruleset import RuleSet
from tests.support.packs import ruleset_of
from tests.unit.test_rules_classify import seen

SHARED = """\
pack: shared
description: A problem that pods share
defaults: {category: infrastructure, subcategory: pod}
rules:
  - name: no-room
    match: {reason: FailedScheduling}
    severity: medium
    about: owner
    hold: 10m
    ended_by: [placed]
    summary: 'Pods of {namespace}/{owner} find no node'
  - name: moved-away
    match: {reason: Preempted}
    severity: medium
    ended_by: [placed]
  - name: placed
    match: {reason: Scheduled}
    severity: info
    phase: recovery
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return ruleset_of(tmp_path_factory.mktemp("rules"), SHARED, "shared")


def test_pods_of_one_workload_share_a_problem_about_their_owner(shared: RuleSet) -> None:
    pods = ("web-7c9d6b5f4-x2x9k", "web-7c9d6b5f4-b5x7k", "web-5f6b8c9d7e-8lqzv")
    of_web = [classify(seen(reason="FailedScheduling", name=pod), shared) for pod in pods]
    assert {verdict.problem_key for verdict in of_web} == {of_web[0].problem_key}
    assert {verdict.about for verdict in of_web} == {"owner"}
    assert of_web[0].summary == "Pods of default/web find no node"
    others = [
        {"name": "api-7c9d6b5f4-x2x9k"},
        {"name": pods[0], "namespace": "shop"},
        {"name": pods[0], "cluster": "b"},
    ]
    assert all(
        classify(seen(reason="FailedScheduling", **other), shared).problem_key != of_web[0].problem_key
        for other in others
    )


def test_a_recovery_ends_what_the_pod_has_and_what_its_workload_has(shared: RuleSet) -> None:
    verdict = classify(seen(reason="Scheduled", name="web-0"), shared)
    assert (verdict.ends, verdict.owner_ends) == (("moved-away",), ("no-room",))


@pytest.mark.parametrize(
    ("kind", "owner_ends"), [("Pod", ("*",)), ("StatefulSet", ("*",)), ("ReplicaSet", ()), ("Service", ())]
)
def test_a_deletion_ends_what_pods_share_unless_it_is_an_old_replica_set_that_goes(
    shared: RuleSet, kind: str, owner_ends: tuple[str, ...]
) -> None:
    assert classify(seen(kind=kind, reason="", operation="delete"), shared).owner_ends == owner_ends


def test_shipped_rules_share_what_has_one_cause_and_nothing_else(root: Path) -> None:
    """Quota is told of the ReplicaSet as it is; different volumes, nodes and images are different problems."""
    ruleset = load([root / "functions" / "classifier" / "rules"], own=False).ruleset
    one, other = "web-7c9d6b5f4-x2x9k", "web-7c9d6b5f4-b5x7k"
    web = "spec.containers{web}"

    def key(pod: str, **event: str) -> str:
        return classify(seen(name=pod, type="Warning", **event), ruleset).problem_key

    full = {"reason": "FailedScheduling", "message": "0/6 nodes are available: 6 Insufficient cpu."}
    absent = {"reason": "Failed", "message": 'Failed to pull image "shop/web:2": not found', "field_path": web}
    for shared_cause in (full, absent):
        assert key(one, **shared_cause) == key(other, **shared_cause)
    assert key(one, **absent) != key(one, **{**absent, "field_path": "spec.containers{proxy}"})
    claim = {"reason": "FailedScheduling", "message": 'persistentvolumeclaim "data-web" not found'}
    crash = {"reason": "BackOff", "message": "Back-off restarting failed container web", "field_path": web}
    for its_own in (claim, crash):
        assert key(one, **its_own) != key(other, **its_own)
