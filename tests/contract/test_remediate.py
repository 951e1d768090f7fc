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
from shared.events.outcome import Ignored, Rejected, Retry
from shared.runtime.function import Call, Readiness
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.remedies import MARK, POD, WEB, Lab, Rig, hook, names, report, standing, told, written

RIGHT = "patch deployments.apps in the namespace shop"
SWITCH = "/api/v1/namespaces/tidings/configmaps/remediate-switch"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with standing(tmp_path) as one:
        yield one


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
