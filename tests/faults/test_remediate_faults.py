"""`remediate` where things go wrong: it never runs in circles, and never does a thing twice."""

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.remediate.handler import Remediate
from shared.events.codec import encode_binary
from shared.events.outcome import Retry
from shared.events.times import to_text
from shared.stores.memory import MemoryStore
from shared.stores.protocol import Entry, StoreUnavailableError
from shared.stores.registry import open_store, sqlite_url
from tests.support.functions import serving
from tests.support.remedies import Lab, Rig, StandIn, event_of, hook, names, owned, report, told
from tests.support.servers import serve
from tests.support.watching import until

APPS = "/apis/apps/v1/namespaces/shop"
WEB = f"{APPS}/deployments/web"
POD = "/api/v1/namespaces/shop/pods/web-1"
CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
LEASE = 31


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = StandIn()
    server.deployment("web", *(f"web-{number}" for number in range(10)))
    with serve(server) as url:
        yield Rig(tmp_path, url, server)


def refused(lab: Lab, name: str = "web-2", revision: int = 1) -> str:
    """Return why a problem of a pod is not acted upon."""
    (result,) = lab.tell(lab.problem(name, revision))
    assert names([result]) == ["Ignored"]
    return str(report(result)["reason"]).removeprefix("restart: not done: ")


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


def job(lab: Lab, name: str) -> Any:
    one = lab.problem(name)
    return one.model_copy(update={"object": one.object.model_copy(update={"kind": "Job"})})


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


def test_f21_the_same_event_ten_times_at_once_is_one_act(rig: Rig) -> None:
    """F21: same event delivered 10x concurrently: one effect."""
    lab = rig.lab()

    async def main(function: Remediate) -> list[str]:
        return names(await asyncio.gather(*(told(function, lab.problem()) for _ in range(10))))

    outcomes = lab.play(main)
    assert sorted(outcomes) == ["Done", *["Duplicate"] * 9]
    assert len(rig.server.done) == 1


def test_f40_ten_problems_of_one_thing_in_two_replicas_are_one_act(rig: Rig) -> None:
    """F40: two replicas, same key, store CAS race: exactly one winner."""
    lab = rig.lab()

    async def main(function: Remediate) -> list[str]:
        other = lab.function()
        await other.start()
        both = [told(one, lab.problem(f"web-{number}")) for number in range(10) for one in (function, other)]
        outcomes = names(await asyncio.gather(*both))
        await other.stop()
        return outcomes

    outcomes = lab.play(main)
    assert outcomes.count("Done") == 1
    assert set(outcomes) <= {"Done", "Duplicate", "InProgress", "Ignored"}
    assert len(rig.server.done) == 1


def test_f14_an_answer_that_was_lost_is_looked_for_and_nothing_is_done_twice(rig: Rig) -> None:
    """F14: read timeout after sink committed: DOUBT, find, one effect."""
    lab = rig.lab()
    rig.server.answers[("PATCH", WEB)] = ["dies"]
    assert names(lab.tell(lab.problem())) == ["Retry"]
    assert names(lab.tell(lab.problem())) == ["InProgress"], "its lease lasts"
    lab.clock.now += LEASE
    (result,) = lab.tell(lab.problem())
    assert names([result]) == ["Duplicate"]
    assert report(result)["reason"] == "restart: restart Deployment/shop/web"
    assert len(rig.server.done) == 1


def test_f02_who_died_between_claim_and_act_is_gone_on_with_once(rig: Rig) -> None:
    """F02: SIGKILL after claim, before send: the lease runs out, one effect, of the time of the claim."""
    lab = rig.lab()

    async def dying(function: Remediate) -> None:
        rig.server.answers[("PATCH", WEB)] = ["hang"]
        task = asyncio.create_task(told(function, lab.problem()))
        await until(lambda: ("PATCH", WEB) in [one[:2] for one in rig.server.requests])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    begun = to_text(datetime.fromtimestamp(lab.clock.now, UTC))
    lab.play(dying)
    assert names(lab.tell(lab.problem())) == ["InProgress"]
    lab.clock.now += LEASE
    assert names(lab.tell(lab.problem(), lab.problem())) == ["Done", "Duplicate"]
    assert len(rig.server.done) == 1
    template = rig.server.objects[WEB]["spec"]["template"]["metadata"]
    assert template["annotations"] == {"kubectl.kubernetes.io/restartedAt": begun}


def test_f02_a_newer_snapshot_goes_on_with_what_an_older_one_began(rig: Rig) -> None:
    """F02: SIGKILL after claim, before send: the problem goes on meanwhile, and its older event is out of date."""
    lab = rig.lab()
    rig.server.answers[("PATCH", WEB)] = [500]
    assert names(lab.tell(lab.problem())) == ["Retry"]
    assert names(lab.tell(lab.problem(revision=2), lab.problem())) == ["InProgress", "Ignored"]
    lab.clock.now += LEASE
    assert names(lab.tell(lab.problem(revision=3), lab.problem(revision=4))) == ["Done", "Ignored"]
    assert len(rig.server.done) == 1


def test_f14_a_newer_snapshot_finds_what_an_older_one_did(rig: Rig) -> None:
    """F14: read timeout after sink committed: DOUBT, find, one effect, whichever event comes next."""
    lab = rig.lab()
    rig.server.answers[("PATCH", WEB)] = ["dies"]
    assert names(lab.tell(lab.problem())) == ["Retry"]
    lab.clock.now += LEASE
    (result,) = lab.tell(lab.problem(revision=2))
    assert names([result]) == ["Duplicate"]
    assert report(result)["reason"] == "restart: restart Deployment/shop/web"
    assert len(rig.server.done) == 1


def test_f02_a_process_that_is_killed_in_the_act_leaves_one_act_to_its_successor(rig: Rig, tmp_path: Path) -> None:
    """F02: SIGKILL after claim, before send: the lease runs out, one effect. With real processes and a real store."""
    lab = rig.lab()
    lab.clock.now = time.time()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config_of(rig.url)))
    store = sqlite_url(tmp_path / "state.db")
    settings = {"REMEDIATE": "on", "REMEDIATE_HOOKS": str(lab.file), "KUBECONFIG": str(kubeconfig), "STORE_URL": store}
    request = encode_binary(event_of(lab.problem()))
    rig.server.answers[("PATCH", WEB)] = ["hang"]
    with serving("remediate", tmp_path / "first.log", settings) as first, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: first.request("POST", "/", *request))
        end = time.monotonic() + 20
        while ("PATCH", WEB) not in [one[:2] for one in rig.server.requests]:
            assert time.monotonic() < end
            time.sleep(0.01)
        first.process.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            asked.result(20)
    with serving("remediate", tmp_path / "second.log", settings) as second:
        assert second.request("POST", "/", *request)[0] == 409, "the lease of the dead lasts"
        asyncio.run(older(store, LEASE))
        statuses = [second.request("POST", "/", *request) for _ in range(2)]
    assert [status for status, _, _ in statuses] == [200, 200]
    assert [json.loads(body)["data"]["result"] for _, _, body in statuses] == ["done", "duplicate"]
    assert len(rig.server.done) == 1


def config_of(url: str) -> dict[str, Any]:
    """Return a kubeconfig that leads to the stand-in."""
    return {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "any"}}],
    }


async def older(url: str, seconds: float) -> None:
    """Let what was begun be so much longer ago: nobody waits for a lease in a test."""
    store = open_store(url, {})
    (entry,) = [one async for one in store.scan("remedy.")]
    ledger = json.loads(entry.value)
    for act in ledger["acts"]:
        act["since"] -= seconds
    assert await store.put(entry.key, json.dumps(ledger).encode(), expected=entry.revision)
    await store.close()


@pytest.mark.parametrize("do", ["evict", "run-job"])
def test_what_bears_no_mark_is_not_done_twice_either(rig: Rig, do: str) -> None:
    kind, path = ("Pod", f"{POD}/eviction") if do == "evict" else ("CronJob", JOBS)
    rig.server.put(CRON, spec={"jobTemplate": {"spec": {}}})
    rig.server.put(f"{JOBS}/nightly-29", metadata=owned("batch/v1", "CronJob", "nightly"))
    lab = rig.lab(hook(do=do, when={"condition": "crash-loop"}, only={"kinds": [kind], "namespaces": ["shop"]}))
    one = lab.problem() if do == "evict" else job(lab, "nightly-29")
    rig.server.answers[("POST", path)] = ["dies"]
    assert names(lab.tell(one)) == ["Retry"]
    lab.clock.now += LEASE
    assert set(names(lab.tell(one, one))) <= {"Done", "Duplicate"}
    assert len(rig.server.done) == 1


class Broken(MemoryStore):
    """A store that is down from some request on."""

    left = 1000

    async def get(self, key: str) -> Entry | None:
        if self.left <= 0:
            raise StoreUnavailableError
        self.left -= 1
        return await super().get(key)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_f32_without_a_store_nothing_is_done(rig: Rig, left: int) -> None:
    """F32: KV restart / partition / quorum lost: it answers Retry, and recovers by itself."""
    lab = rig.lab()
    lab.store = store = Broken(lab.clock)

    async def main(function: Remediate) -> None:
        store.left = left
        assert (await told(function, lab.problem())).outcome == Retry("the store cannot be asked")
        assert rig.server.done == []
        store.left = 1000
        assert names([await told(function, lab.problem())]) == ["Done"]

    lab.play(main)


def test_f32_a_store_that_goes_away_after_the_act_has_it_told_later_and_not_done_again(rig: Rig) -> None:
    """F32: what was done is known by the mark."""
    lab = rig.lab()
    lab.store = store = Broken(lab.clock)

    async def main(function: Remediate) -> None:
        store.left = 3  # the episode, the ledger, the claim; then none
        assert names([await told(function, lab.problem())]) == ["Retry"]
        assert len(rig.server.done) == 1
        store.left = 1000
        lab.clock.now += LEASE
        assert names([await told(function, lab.problem())]) == ["Duplicate"]
        assert len(rig.server.done) == 1

    lab.play(main)


@pytest.mark.parametrize("kept", [b"nonsense", b'{"version": 2, "acts": []}'])
def test_a_ledger_that_cannot_be_read_stops_everything(rig: Rig, kept: bytes) -> None:
    lab = rig.lab()
    lab.tell(lab.problem("web-9"))
    lab.clock.now += 7200

    async def main(function: Remediate) -> None:
        (key,) = [entry.key async for entry in lab.store.scan("remedy.")]
        entry = await lab.store.get(key)
        assert entry is not None
        await lab.store.put(key, kept, expected=entry.revision)
        wanted = Retry("what was done cannot be read, or a newer release wrote it")
        assert (await told(function, lab.problem())).outcome == wanted

    lab.play(main)
    assert len(rig.server.done) == 1


def test_f31_a_clock_that_jumps_back_makes_it_wait_and_not_act_again(rig: Rig) -> None:
    """F31: clock jumps of an hour: no duplicates."""
    lab = rig.lab()
    lab.tell(lab.problem())
    lab.clock.now -= 3600
    assert "it bears our own mark" in refused(lab)
