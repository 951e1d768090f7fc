"""`remediate` never runs in circles: cooldown, circuit and limit hold, also over a store that was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.stores.memory import MemoryStore
from tests.support.remedies import WEB, Rig, hook, job, names, owned, refused, report, standing

APPS = "/apis/apps/v1/namespaces/shop"
CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with standing(tmp_path, [f"web-{number}" for number in range(10)]) as one:
        yield one


def test_f52_the_problem_that_an_act_makes_does_not_make_another_act(rig: Rig) -> None:
    """F52: hook's own change triggers the hook: own-actor marker + per-object cooldown; circuit opens.

    The restarted pods have new names, so their crashes are new problems: the thing itself is what is left alone.
    """
    lab = rig.lab(hook(cooldown="1h"))
    assert names(lab.tell(lab.problem("web-1"))) == ["Done"]
    lab.clock.now += 300
    assert "it bears our own mark of" in refused(lab)
    rig.server.objects[WEB]["metadata"].pop("annotations")  # somebody applied the manifest anew
    assert refused(lab, "web-3") == "something was done to it less than 1h ago (restart)"
    assert len(rig.server.done) == 1


def test_f52_a_workload_is_acted_on_again_once_its_cooldown_is_over(rig: Rig) -> None:
    """F52: the Deployment controller writes a Deployment's annotations to its ReplicaSets: our mark is on these too."""
    lab = rig.lab(hook(cooldown="1h"))
    assert names(lab.tell(lab.problem("web-1"))) == ["Done"]
    mark = rig.server.objects[WEB]["metadata"]["annotations"]
    rig.server.objects[f"{APPS}/replicasets/web-7d4"]["metadata"]["annotations"] = dict(mark)
    lab.clock.now += 300
    assert "it bears our own mark of" in refused(lab)
    lab.clock.now += 3600
    assert names(lab.tell(lab.problem("web-3"))) == ["Done"]


def test_f52_a_cooldown_is_counted_from_the_try_that_did_it(rig: Rig) -> None:
    """F52: an API server that failed for hours did nothing in that time."""
    lab = rig.lab(hook(cooldown="1h"))
    rig.server.answers[("PATCH", WEB)] = [500]
    assert names(lab.tell(lab.problem())) == ["Retry"]
    lab.clock.now += 7200
    assert names(lab.tell(lab.problem())) == ["Done"]
    lab.clock.now += 300
    assert refused(lab) == "something was done to it less than 1h ago (restart)"
    lab.clock.now += 3600
    assert names(lab.tell(lab.problem("web-3"))) == ["Done"]


def test_f52_a_store_that_was_lost_starts_no_loop(rig: Rig) -> None:
    """F52, and F33: what was done is known by the mark on the thing as well."""
    lab = rig.lab()
    lab.tell(lab.problem())
    lab.store = MemoryStore(lab.clock)
    lab.clock.now += 60
    assert "it bears our own mark of" in refused(lab)
    assert names(lab.tell(lab.problem())) == ["Duplicate"], "the very act is told again"
    assert len(rig.server.done) == 1


def test_f52_the_circuit_opens_where_a_thing_keeps_coming_back(rig: Rig) -> None:
    """F52: the circuit closes again once the time is over."""
    lab = rig.lab(hook(cooldown="1h", circuit={"returns": 3, "within": "1d"}, limit={"acts": 50}))
    for number in range(3):
        assert names(lab.tell(lab.problem(f"web-{number}"))) == ["Done"]
        lab.clock.now += 3600
    assert refused(lab, "web-4") == "the circuit is open: it came back 3 times within 1d"
    lab.clock.now += 86_400
    assert names(lab.tell(lab.problem("web-5"))) == ["Done"]


def test_f52_the_circuit_opens_where_acts_keep_failing(rig: Rig) -> None:
    """F52: nothing that is refused again and again is asked for without end."""
    for name in ("a", "b", "c", "d"):
        rig.server.deployment(name, f"{name}-1")
        rig.server.answers[("PATCH", f"/apis/apps/v1/namespaces/shop/deployments/{name}")] = [422]
    lab = rig.lab(hook(circuit={"failures": 3}, limit={"acts": 50}))
    assert names(lab.tell(*(lab.problem(f"{name}-1") for name in "abc"))) == ["Rejected"] * 3
    assert refused(lab, "d-1") == "the circuit is open: it failed 3 times in a row"


def test_f52_a_run_of_our_own_that_fails_is_not_run_again(rig: Rig) -> None:
    """F52: the Job that was made bears our mark."""
    rig.server.put(CRON, spec={"jobTemplate": {"spec": {}}})
    rig.server.put(f"{JOBS}/nightly-29", metadata=owned("batch/v1", "CronJob", "nightly"))
    lab = rig.lab(hook(do="run-job", when={"kind": "Job"}, only={"kinds": ["CronJob"], "namespaces": ["shop"]}))
    assert names(lab.tell(job(lab, "nightly-29"))) == ["Done"]
    ((_, made),) = rig.server.done
    lab.clock.now += 30 * 86_400
    assert "is of our own making" in report(lab.tell(job(lab, made.rpartition("/")[2]))[0])["reason"]


def test_the_limit_holds_over_all_things(rig: Rig) -> None:
    for name in ("a", "b", "c"):
        rig.server.deployment(name, f"{name}-1")
    lab = rig.lab(hook(limit={"acts": 2, "within": "1h"}))
    assert names(lab.tell(*(lab.problem(f"{name}-1") for name in "ab"))) == ["Done", "Done"]
    assert refused(lab, "c-1") == "the limit of 2 within 1h is reached"


def test_an_episode_has_its_share_once_and_saying_so_is_no_news(rig: Rig) -> None:
    lab = rig.lab(hook(cooldown="1m"))
    lab.tell(lab.problem())
    lab.clock.now += 3600
    (result,) = lab.tell(lab.problem(revision=2))
    assert (names([result]), result.reply) == (["Ignored"], None)
