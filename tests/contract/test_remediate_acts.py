"""What each act of `remediate` changes on an API server that can be scripted, and what it finds done already."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.model import ObjectRef
from shared.events.outcome import Retry
from tests.support.remedies import POD, WEB, Lab, Rig, StandIn, hook, names, owned, report, standing, written

NODE = "/api/v1/nodes/worker-3"
CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
CORDON = hook(name="cordon", when={"condition": "kernel-deadlock"}, do="cordon", only={"kinds": ["Node"]})
OPEN = hook(**{**CORDON, "name": "uncordon", "do": "uncordon", "while": "resolved"})


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with standing(tmp_path) as one:
        yield one


def node_problem(lab: Lab, **changes: Any) -> Any:
    thing = ObjectRef(api_version="v1", kind="Node", name="worker-3", uid="worker-3")
    return lab.problem("worker-3", object=thing, condition="kernel-deadlock", **changes)


def test_a_node_is_cordoned_and_only_what_we_cordoned_is_uncordoned(rig: Rig) -> None:
    rig.server.put(NODE, spec={})
    lab = rig.lab(CORDON)
    assert names(lab.tell(node_problem(lab))) == ["Done"]
    assert rig.server.objects[NODE]["spec"] == {"unschedulable": True}
    lab.file.write_text(written({**OPEN, "cooldown": "1m"}))
    lab.clock.now += 600
    ended = {"state": "resolved", "transition": "resolved", "revision": 2}
    assert names(lab.tell(node_problem(lab, **ended))) == ["Done"]
    assert rig.server.objects[NODE]["spec"] == {}
    rig.server.put(NODE, spec={"unschedulable": True})
    lab.clock.now += 600
    (result,) = lab.tell(node_problem(lab, **{**ended, "revision": 3}))
    assert names([result]) == ["Ignored"]


def test_a_node_that_people_closed_after_us_stays_closed(rig: Rig) -> None:
    rig.server.put(NODE, spec={})
    lab = rig.lab(CORDON)
    assert names(lab.tell(node_problem(lab))) == ["Done"]
    theirs = {"manager": "kubectl-cordon", "operation": "Update", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
    rig.server.objects[NODE]["metadata"]["managedFields"] = [theirs]  # opened and closed again by hand; the mark stays
    lab.file.write_text(written({**OPEN, "cooldown": "1m"}))
    lab.clock.now += 600
    (result,) = lab.tell(node_problem(lab, state="resolved", transition="resolved", revision=2))
    assert report(result)["reason"] == "uncordon: not done: somebody else cordoned it"


def test_a_pod_is_evicted_by_its_uid_and_one_that_nobody_makes_again_is_left(rig: Rig) -> None:
    rig.server.put("/api/v1/namespaces/shop/pods/alone")
    lab = rig.lab(hook(do="evict", only={"kinds": ["Pod"], "namespaces": ["shop"]}))
    results = lab.tell(lab.problem(), lab.problem("alone"))
    assert names(results) == ["Done", "Ignored"]
    assert POD not in rig.server.objects
    assert "it has no controller" in report(results[1])["reason"]


@pytest.mark.parametrize(
    ("scale", "replicas"), [({"to": 5}, 5), ({"by": 2, "up_to": 10}, 4), ({"by": 9, "up_to": 3}, 3), ({"to": 0}, 0)]
)
def test_a_workload_is_scaled(rig: Rig, scale: dict[str, int], replicas: int) -> None:
    lab = rig.lab(hook(do="scale", scale=scale))
    assert names(lab.tell(lab.problem())) == ["Done"]
    assert rig.server.objects[WEB]["spec"]["replicas"] == replicas


@pytest.mark.parametrize("scale", [{"to": 2}, {"by": 1, "up_to": 2}, {"by": 1, "up_to": 1}])
def test_where_there_are_so_many_already_nothing_is_done(rig: Rig, scale: dict[str, int]) -> None:
    lab = rig.lab(hook(do="scale", scale=scale))
    assert "it has 2 replicas already" in report(lab.tell(lab.problem())[0])["reason"]


def test_whoever_scaled_it_meanwhile_is_not_overruled(rig: Rig) -> None:
    lab = rig.lab(hook(do="scale", scale={"to": 5}))
    rig.server.answers[("PATCH", WEB)] = [409]
    (result,) = lab.tell(lab.problem())
    assert result.outcome == Retry("it changed meanwhile")
    assert names(lab.tell(lab.problem())) == ["Done"], "the claim was given back"


def cron_job(server: StandIn, **spec: Any) -> str:
    """Make a CronJob, and a Job of it that failed; return the Job's path."""
    template = {"metadata": {"labels": {"app": "nightly"}}, "spec": {"template": {"spec": {"containers": []}}}}
    server.put(CRON, spec={"jobTemplate": template, **spec})
    return server.put(
        "/apis/batch/v1/namespaces/shop/jobs/nightly-29", metadata=owned("batch/v1", "CronJob", "nightly")
    )


RERUN = hook(do="run-job", when={"kind": "Job"}, only={"kinds": ["CronJob"], "namespaces": ["shop"]})


def job_problem(lab: Lab, name: str = "nightly-29", revision: int = 1) -> Any:
    return lab.problem(name, revision, object=ObjectRef(kind="Job", namespace="shop", name=name))


def test_a_failed_run_is_made_again_as_kubectl_does_it(rig: Rig) -> None:
    cron_job(rig.server)
    lab = rig.lab(RERUN)
    assert names(lab.tell(job_problem(lab))) == ["Done"]
    ((_, path),) = rig.server.done
    made = rig.server.objects[path]
    assert made["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert made["metadata"]["labels"] == {"app": "nightly"}
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "nightly", True)
    assert made["spec"] == {"template": {"spec": {"containers": []}}}


def test_a_job_that_a_contested_quota_kept_from_being_made_is_made_by_the_next_try(rig: Rig) -> None:
    cron_job(rig.server)
    rig.server.answers[("POST", "/apis/batch/v1/namespaces/shop/jobs")] = [409]
    lab = rig.lab(RERUN)
    assert names(lab.tell(job_problem(lab), job_problem(lab))) == ["Retry", "Done"]
    assert len(rig.server.done) == 1


@pytest.mark.parametrize(
    ("spec", "why"), [({"suspend": True}, "people suspended it"), ({"concurrencyPolicy": "Forbid"}, "a run of it is")]
)
def test_a_suspended_cron_job_and_one_that_runs_are_left(rig: Rig, spec: dict[str, Any], why: str) -> None:
    cron_job(rig.server, **spec)
    rig.server.objects[CRON]["status"] = {"active": [{"name": "nightly-30"}]}
    lab = rig.lab(RERUN)
    assert why in report(lab.tell(job_problem(lab))[0])["reason"]


def test_a_patch_goes_to_the_one_thing_that_it_names(rig: Rig) -> None:
    patch = {"spec": {"paused": True}, "metadata": {"labels": {"stopped": "yes"}}}
    target = {"kind": "Deployment", "namespace": "shop", "name": "web"}
    lab = rig.lab(hook(do="patch", only=None, target=target, patch=patch, cooldown="1m", max_per_episode=3))
    assert names(lab.tell(lab.problem())) == ["Done"]
    web = rig.server.objects[WEB]
    assert (web["spec"]["paused"], web["metadata"]["labels"]) == (True, {"stopped": "yes"})
    lab.clock.now += 3600
    assert "it is so already" in report(lab.tell(lab.problem(revision=2))[0])["reason"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"paused": True}, "its roll-out is paused"),
        ({"replicas": 0}, "it has no replicas"),
        ({"updateStrategy": {"type": "OnDelete"}}, "only when they are deleted"),
    ],
)
def test_what_a_restart_would_not_restart_is_left(rig: Rig, spec: dict[str, Any], why: str) -> None:
    rig.server.deployment("web", spec=spec)
    lab = rig.lab()
    assert why in report(lab.tell(lab.problem())[0])["reason"]
