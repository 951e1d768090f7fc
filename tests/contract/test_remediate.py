"""`remediate` on an API server that can be scripted: what is done, what is not, what is told, and how it fails."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.remediate.handler import Remediate, new
from shared.cluster.access import Access
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Cause, Suspect
from shared.events.model import ObjectRef
from shared.events.outcome import Ignored, Rejected, Retry
from shared.runtime.function import Call, Readiness
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.remedies import MARK, RESTART, Lab, Rig, StandIn, hook, names, owned, report, told, written
from tests.support.servers import serve

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
POD = "/api/v1/namespaces/shop/pods/web-1"
NODE = "/api/v1/nodes/worker-3"
CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
RIGHT = "patch deployments.apps in the namespace shop"
SWITCH = "/api/v1/namespaces/tidings/configmaps/remediate-switch"
CORDON = hook(name="cordon", when={"condition": "kernel-deadlock"}, do="cordon", only={"kinds": ["Node"]})

OPEN = hook(**{**CORDON, "name": "uncordon", "do": "uncordon", "while": "resolved"})


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = StandIn()
    server.deployment("web", "web-1", "web-2")
    with serve(server) as url:
        yield Rig(tmp_path, url, server)


def node_problem(lab: Lab, **changes: Any) -> Any:
    thing = ObjectRef(api_version="v1", kind="Node", name="worker-3", uid="worker-3")
    return lab.problem("worker-3", object=thing, condition="kernel-deadlock", **changes)


def test_a_pods_problem_restarts_the_workload_that_its_controllers_lead_to(rig: Rig) -> None:
    (result,) = rig.lab().tell(rig.lab().problem())
    assert names([result]) == ["Done"]
    web = rig.server.objects[WEB]
    assert web["spec"]["template"]["metadata"]["annotations"].keys() == {"kubectl.kubernetes.io/restartedAt"}
    assert '"hook":"restart"' in web["metadata"]["annotations"][MARK]
    assert rig.server.requests[-1] == ("PATCH", WEB, {"fieldManager": "tidings-remediate"})


def test_each_act_is_reported_for_the_trail(rig: Rig) -> None:
    lab = rig.lab()
    one = lab.problem(revision=4)
    (result,) = lab.tell(one)
    said = report(result)
    assert (said["destination"], said["operation"], said["result"]) == ("remediate", "record", "done")
    assert (said["key"], said["revision"], said["problem_key"]) == (one.id, 4, one.problem_key)
    assert (said["record"], said["reason"]) == ("Deployment/shop/web", "restart: restart Deployment/shop/web")
    assert said["fields"]["request"] == f"PATCH {WEB}"
    assert lab.metrics.total("tidings_acts_total", do="restart", result="done") == 1


def test_the_same_snapshot_again_is_told_again_and_not_done_again(rig: Rig) -> None:
    lab = rig.lab()
    first, second = lab.tell(lab.problem(), lab.problem())
    assert names([first, second]) == ["Done", "Duplicate"]
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.id == second.reply.id
    assert len(rig.server.done) == 1


def test_nothing_is_done_nor_asked_while_it_is_off(rig: Rig) -> None:
    lab = rig.lab(REMEDIATE="off")
    (result,) = lab.tell(lab.problem())
    assert result.outcome == Ignored("remediation is off")
    assert result.reply is None
    assert rig.server.requests == []


def test_off_is_what_it_is_by_default_and_it_wants_nothing_then() -> None:
    function = new({}, Metrics())
    assert function.readiness().notes == ("nothing is done: REMEDIATE is off",)


def test_whoever_turns_it_on_without_hooks_is_told(rig: Rig) -> None:
    lab = rig.lab()
    lab.file.write_text("hooks: []")

    async def main(function: Remediate) -> None:
        assert function.readiness() == Readiness((), ("nothing is done: there are no hooks",))

    lab.play(main)


def test_it_does_not_start_without_knowing_its_cluster() -> None:
    with pytest.raises(SettingsError, match="CLUSTER is not set"):
        new({"REMEDIATE": "on", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Metrics())


def test_a_problem_of_another_cluster_is_passed_over(rig: Rig) -> None:
    lab = rig.lab()
    (result,) = lab.tell(lab.problem(cluster="prod-2"))
    assert result.outcome == Ignored("it is of another cluster")
    assert rig.server.requests == []


@pytest.mark.parametrize("how", ["setting", "hook", "switch"])
def test_a_dry_run_is_really_asked_of_the_api_server_and_changes_nothing(rig: Rig, how: str) -> None:
    rig.server.put(SWITCH, data={"acts": "dry-run" if how == "switch" else "on"})
    lab = rig.lab(
        hook(dry_run=how == "hook"),
        REMEDIATE="dry-run" if how == "setting" else "on",
        REMEDIATE_SWITCH="tidings/remediate-switch",
    )
    (result,) = lab.tell(lab.problem())
    assert rig.server.requests[-1] == ("PATCH", WEB, {"fieldManager": "tidings-remediate", "dryRun": "All"})
    assert rig.server.done == []
    said = report(result)
    assert (said["result"], said["reason"]) == ("shadow", "dry run: restart: restart Deployment/shop/web")
    assert said["requests"][0]["method"] == "PATCH"
    assert lab.metrics.total("tidings_acts_total", do="restart", result="dry_run") == 1


def test_a_dry_run_does_not_stand_in_the_way_of_the_act(rig: Rig) -> None:
    lab = rig.lab(hook(dry_run=True))
    lab.tell(lab.problem())
    lab.file.write_text(written(hook()))
    assert names(lab.tell(lab.problem())) == ["Done"]
    assert len(rig.server.done) == 1


@pytest.mark.parametrize("said", [{"acts": "off"}, {"acts": "perhaps"}, {"acts": "on", "stop": "ask Kim"}, {}, None])
def test_the_switch_stops_the_next_act_and_what_it_does_not_say_is_off(rig: Rig, said: dict[str, str] | None) -> None:
    rig.server.put(SWITCH, data={"acts": "on"})
    lab = rig.lab(hook(cooldown="1m", max_per_episode=5), REMEDIATE_SWITCH="tidings/remediate-switch")

    async def main(function: Remediate) -> None:
        assert names([await told(function, lab.problem())]) == ["Done"]
        if said is None:
            del rig.server.objects[SWITCH]
        else:
            rig.server.put(SWITCH, data=said)
        lab.clock.now += 3600
        result = await told(function, lab.problem(revision=2))
        assert report(result)["reason"] == "restart: not done: the switch tidings/remediate-switch is off"

    lab.play(main)
    assert len(rig.server.done) == 1


def test_it_waits_until_the_problem_has_lasted_and_forgets_it_where_it_ends_meanwhile(rig: Rig) -> None:
    lab = rig.lab(hook(after="10m"))
    young = lab.problem()
    young = young.model_copy(update={"started": young.started + timedelta(minutes=55)})
    over = young.model_copy(update={"revision": 2, "state": "resolved", "transition": "resolved"})

    async def main(function: Remediate) -> None:
        early = (await told(function, young)).outcome
        assert early == Retry("it has not lasted long enough", after=pytest.approx(300.0))
        assert names([await told(function, over)]) == ["Ignored"]
        lab.clock.now += 600
        assert (await told(function, young)).outcome == Ignored("a newer snapshot of it is known")

    lab.play(main)
    assert rig.server.done == []


def test_after_the_wait_it_is_done(rig: Rig) -> None:
    lab = rig.lab(hook(after="1h"))
    one = lab.problem(started=lab.problem().started + timedelta(minutes=1))
    assert names(lab.tell(one)) == ["Retry"]
    lab.clock.now += 61
    assert names(lab.tell(one)) == ["Done"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"baseline": True}, "it was there before first contact with the cluster"),
        ({"quiet": "night"}, "people want quiet there (night)"),
        ({"cause": Cause(kind="consequence", summary="node down")}, "it is the consequence of another problem"),
    ],
)
def test_nobody_is_overruled(rig: Rig, changes: dict[str, Any], why: str) -> None:
    lab = rig.lab()
    (result,) = lab.tell(lab.problem(**changes))
    assert report(result)["reason"] == f"restart: not done: {why}"
    assert rig.server.requests == []


def test_a_member_of_a_group_is_acted_on_and_the_groups_own_problem_is_not(rig: Rig) -> None:
    lab = rig.lab()
    group = lab.problem("web-2", relations={"group": "group"})
    member = lab.problem(cause=Cause(kind="group", id="x"))
    assert names(lab.tell(group, member)) == ["Ignored", "Done"]


@pytest.mark.parametrize(
    ("namespace", "namespaces"), [("other", ["shop"]), ("kube-system", "*"), ("openshift-etcd", ["*"])]
)
def test_the_allow_list_is_kept(rig: Rig, namespace: str, namespaces: Any) -> None:
    rig.server.deployment("web", namespace=namespace)
    lab = rig.lab(hook(only={"kinds": ["Deployment"], "namespaces": namespaces}))
    (result,) = lab.tell(lab.problem(namespace=namespace))
    assert result.outcome == Ignored("no hook takes it")
    assert rig.server.requests == []


def test_our_own_namespace_is_never_touched(rig: Rig) -> None:
    rig.server.deployment("web", namespace="tidings")
    lab = rig.lab(hook(only={"kinds": ["Deployment"], "namespaces": ["tidings"]}))
    (result,) = lab.tell(lab.problem(namespace="tidings"))
    assert report(result)["reason"] == "restart: not done: it is in our own namespace"


def test_a_kind_that_the_way_ends_at_and_the_list_has_not_is_left(rig: Rig) -> None:
    lab = rig.lab(hook(only={"kinds": ["StatefulSet"], "namespaces": ["shop"]}))
    (result,) = lab.tell(lab.problem())
    assert "its `only` does not allow Deployment/shop/web" in report(result)["reason"]
    assert rig.server.done == []


def test_what_the_list_of_one_hook_has_not_is_for_the_next(rig: Rig) -> None:
    rig.server.deployment("api", "api-1")
    rig.server.deployment("other", "other-1")
    lists = ({"names": ["web"]}, {"kinds": ["StatefulSet"]}, {"names": ["api"]})
    lab = rig.lab(*(hook(name=f"h{number}", only={**RESTART["only"], **one}) for number, one in enumerate(lists)))
    results = lab.tell(lab.problem("api-1"), lab.problem("other-1"), lab.problem("api-1"), lab.problem("web-1"))
    assert names(results) == ["Done", "Ignored", "Duplicate", "Done"]
    assert [report(one)["reason"] for one in results] == [
        "h2: restart Deployment/shop/api",
        "h2: not done: its `only` does not allow Deployment/shop/other",
        "h2: restart Deployment/shop/api",
        "h0: restart Deployment/shop/web",
    ]


def test_what_people_keep_us_from_is_left(rig: Rig) -> None:
    rig.server.deployment("web", metadata={"annotations": {"tidings.dev/remediate": "off"}})
    lab = rig.lab()
    assert "people keep us from it" in report(lab.tell(lab.problem())[0])["reason"]
    assert rig.server.done == []


@pytest.mark.parametrize("name", ["../../secrets/db", "web-1/eviction", "a" * 300, "Web"])
def test_f47_a_name_that_no_object_has_reaches_no_path(rig: Rig, name: str) -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash. Here: refused."""
    lab = rig.lab()
    assert "its name is none" in report(lab.tell(lab.problem(name))[0])["reason"]
    assert rig.server.requests == []


def test_a_pod_that_is_gone_and_one_that_took_its_name_are_left(rig: Rig) -> None:
    lab = rig.lab()
    other = ObjectRef(api_version="v1", kind="Pod", namespace="shop", name="web-1", uid="of-the-first")
    results = lab.tell(lab.problem("web-9"), lab.problem(object=other))
    assert [report(one)["reason"].rpartition(": ")[2] for one in results] == [
        "it is gone",
        "there is another of its name by now",
    ]


def test_a_controller_that_took_the_name_of_another_is_left(rig: Rig) -> None:
    rig.server.put(WEB, metadata={"uid": "made anew"}, spec={"replicas": 2})
    lab = rig.lab()
    assert "there is another of its name by now" in report(lab.tell(lab.problem())[0])["reason"]


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


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, Retry("the API server refuses the token", refused=True)),
        (403, Rejected("kubernetes", f"RBAC: a Role must grant: {RIGHT}")),
        (409, Retry("it changed meanwhile")),
        (422, Rejected("kubernetes", f"the API server takes it for invalid (422): {RIGHT}")),
        (429, Retry("not now: a disruption budget, or too many requests")),
        (500, Retry("the API server failed")),
        (503, Retry("the API server failed")),
    ],
)
def test_what_the_api_server_says_becomes_the_outcome_that_fits(
    rig: Rig, status: int, outcome: Any, caplog: pytest.LogCaptureFixture
) -> None:
    lab = rig.lab()
    rig.server.answers[("PATCH", WEB)] = [status]
    (result,) = lab.tell(lab.problem())
    assert result.outcome == outcome
    refused = 1 if getattr(outcome, "refused", False) else 0
    assert lab.metrics.total("tidings_auth_failures_total", destination="remediate") == refused
    assert "hunter2" not in str(result), "its words stay in the log"
    assert caplog.records[0].__dict__["said"].endswith(f"hunter2-{status}")


def test_what_vanishes_before_it_is_changed_is_gone(rig: Rig) -> None:
    lab = rig.lab()
    rig.server.answers[("PATCH", WEB)] = [404]
    assert "it is gone" in report(lab.tell(lab.problem())[0])["reason"]


def test_a_right_to_look_that_is_missing_is_named_too(rig: Rig) -> None:
    lab = rig.lab()
    rig.server.answers[("GET", POD)] = [403]
    (result,) = lab.tell(lab.problem())
    assert result.outcome == Rejected("kubernetes", "RBAC: a Role must grant: get pods in the namespace shop")


def test_without_an_api_server_it_is_tried_again_and_nothing_is_claimed(tmp_path: Path) -> None:
    lab = Lab(tmp_path, lambda: Access("http://127.0.0.1:9"))
    assert names(lab.tell(lab.problem())) == ["Retry"]


def test_what_is_no_episode_and_what_cannot_be_one_end_here(rig: Rig) -> None:
    lab = rig.lab()
    broken = CloudEvent("1", "test", "dev.tidings.problem.opened.v1", data={"id": 1})

    async def main(function: Remediate) -> None:
        call = Call(asyncio.get_running_loop().time() + 5)
        assert names([await function.handle(CloudEvent("1", "test", "dev.tidings.tick.v1"), call)]) == ["Ignored"]
        assert names([await function.handle(broken, call)]) == ["Rejected"]
        assert names([await told(function, lab.problem(id="no key!"))]) == ["Rejected"]

    lab.play(main)


def test_f30_broken_hooks_pushed_live_leave_the_good_ones_in_force(rig: Rig) -> None:
    """F30: broken rules ConfigMap pushed live: keeps last good set, not-ready only on first start; metric."""
    lab = rig.lab()

    async def main(function: Remediate) -> None:
        lab.file.write_text(written(hook(do="reboot")))
        assert await function._live.refresh()
        assert function.readiness().ready
        assert names([await told(function, lab.problem())]) == ["Done"]

    lab.play(main)
    assert lab.metrics.total("tidings_hooks_load_failed_total") == 1


def test_broken_hooks_at_the_start_are_no_hooks_and_it_is_not_ready(rig: Rig) -> None:
    lab = rig.lab(hook(do="reboot"))

    async def main(function: Remediate) -> None:
        assert function.readiness().problems == ("the hooks cannot be loaded: see the log",)
        assert names([await told(function, lab.problem())]) == ["Retry"]

    lab.play(main)


def test_a_change_of_our_own_that_is_a_suspect_stops_it(rig: Rig) -> None:
    lab = rig.lab()
    one = lab.problem()
    mine = Suspect(id="c", time=one.started, what="restartedAt", who="tidings-remediate")
    (result,) = lab.tell(one.model_copy(update={"suspects": (mine,)}))
    assert report(result)["reason"] == "restart: not done: a change of our own is a suspect"
