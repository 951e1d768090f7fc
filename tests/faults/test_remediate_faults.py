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
from tests.support.remedies import (
    POD,
    WEB,
    Rig,
    event_of,
    hook,
    job,
    names,
    owned,
    refused,
    report,
    standing,
    told,
)
from tests.support.watching import until

CRON = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
LEASE = 31


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with standing(tmp_path, [f"web-{number}" for number in range(10)]) as one:
        yield one


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
