"""Fault matrix, rows F03, F06, F21, F48 and F59 for the webhook, with its process and its store's file."""

import asyncio
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from functions.webhook.handler import new
from shared.events.cloudevent import type_of_transition
from shared.events.episode import Episode
from shared.events.outcome import Done, Retry
from shared.local.standins import webhook
from shared.local.standins.faults import Rule
from shared.runtime.function import Call
from shared.stores.registry import sqlite_url
from shared.telemetry.metrics import Metrics
from tests.support.functions import Served, serving
from tests.support.rigs.place import event_of
from tests.support.servers import serve
from tests.support.tickets import episode

OPTIONS = webhook.Options(secrets=(webhook.SECRET,))


def settings(url: str, store: Path) -> Mapping[str, str]:
    return {
        "WEBHOOK_URL": f"{url}/notices",
        "WEBHOOK_TOKEN": webhook.TOKEN,
        "WEBHOOK_SECRET": webhook.SECRET,
        "STORE_URL": sqlite_url(store),
    }


def posted(served: Served, one: Episode) -> int:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f"{one.id}-{one.revision}",
        "ce-source": "tidings/correlator",
        "ce-type": type_of_transition(one.transition),
        "content-type": "application/json",
    }
    return served.request("POST", "/", headers, json.dumps(one.model_dump(mode="json")).encode())[0]


def until_final(served: Served, one: Episode) -> list[int]:
    """Post as a broker does until the answer is final; return the answers that were not the last one, each once."""
    answers: list[int] = []
    end = time.monotonic() + 40
    while time.monotonic() < end:
        answers.append(posted(served, one))
        if answers[-1] < 300:
            return list(dict.fromkeys(answers))
        time.sleep(0.5)
    raise AssertionError(answers)


def test_f03_a_process_killed_while_it_sends_is_followed_by_one_that_sends_the_same_key(tmp_path: Path) -> None:
    """F03: SIGKILL mid-send (bytes out) | DOUBT path: find(key) first; one ticket. Here: the same key, once more."""
    app = webhook.new_app(options=OPTIONS)
    app.faults.set([Rule(do="commit-then-time-out", seconds=60)])
    with serve(app) as url:
        with serving("webhook", tmp_path / "one.log", settings(url, tmp_path / "store.db")) as first:
            threading.Thread(target=lambda: _ignore(first), daemon=True).start()
            end = time.monotonic() + 10
            while not app.notices() and time.monotonic() < end:
                time.sleep(0.02)
            first.process.kill()
            first.process.wait(10)
        with serving("webhook", tmp_path / "two.log", settings(url, tmp_path / "store.db")) as second:
            # 409 until the dead one's lease is over, 503 never: then it is sent, and its copy is a duplicate.
            assert until_final(second, episode()) == [409, 200]
            assert posted(second, episode()) == 200
            assert second.terminate() == 0
    assert [(one["key"], one["again"]) for one in app.notices()] == [
        (f"{episode().id}-1", False),
        (f"{episode().id}-1", True),
    ]
    app.close()


def _ignore(served: Served) -> None:
    try:
        posted(served, episode())
    except OSError:
        return  # it was killed


def test_f21_ten_at_once_are_one_request_and_a_restart_sends_no_second(tmp_path: Path) -> None:
    """F21: same event delivered 10x concurrently: 1 ticket, 9 x 204/409."""
    app = webhook.new_app(options=OPTIONS)
    app.faults.set([Rule(do="delay", seconds=0.3)])
    answers: list[int] = []
    with serve(app) as url:
        with serving("webhook", tmp_path / "one.log", settings(url, tmp_path / "store.db")) as served:
            threads = [threading.Thread(target=lambda: answers.append(posted(served, episode()))) for _ in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert served.terminate() == 0
        assert set(answers) <= {200, 204, 409}
        assert len(app.notices()) == 1
        with serving("webhook", tmp_path / "two.log", settings(url, tmp_path / "store.db")) as served:
            assert posted(served, episode()) == 200, "its report, once more"
    assert len(app.notices()) == 1
    app.close()


def test_f06_sigterm_ends_it_once_what_is_under_way_was_answered(tmp_path: Path) -> None:
    """F06: SIGTERM under load (scale to zero) | stops accepting, finishes in-flight, 0 errors, exit 0."""
    app = webhook.new_app(options=OPTIONS)
    app.faults.set([Rule(do="delay", seconds=0.5, count=0)])
    answers: list[int] = []
    with serve(app) as url, serving("webhook", tmp_path / "log", settings(url, tmp_path / "store.db")) as served:
        ids = [f"{episode().id}-{number}" for number in range(8)]
        threads = [
            threading.Thread(target=lambda one=one: answers.append(posted(served, episode(id=one)))) for one in ids
        ]
        for thread in threads:
            thread.start()
        while len(app.faults.requests) < len(ids):
            time.sleep(0.02)
        assert served.terminate() == 0
        for thread in threads:
            thread.join(10)
    assert answers == [200] * len(ids)
    assert len(app.notices()) == len(ids)
    app.close()


def test_f48_a_target_whose_name_leads_to_the_metadata_service_is_not_spoken_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F48: SSRF: `dest_url` from event, 169.254.169.254, `http://kubernetes.default`, DNS rebinding.

    destinations only from settings; allow-list + resolved-IP check; no redirects.
    """
    import socket

    found = [(socket.AF_INET, 1, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    metrics = Metrics()

    async def run() -> object:
        function = new({"WEBHOOK_URL": "https://hooks.example/x"}, metrics)
        await function.start()
        try:
            return (await function.handle(event_of(episode()), Call(asyncio.get_running_loop().time() + 5))).outcome
        finally:
            await function.stop()

    assert asyncio.run(run()) == Retry("cannot connect (its address is refused: link-local)")
    assert metrics.value("tidings_addresses_refused_total", destination="webhook", why="link-local") == 1


def test_f59_a_report_of_its_own_makes_no_other_one() -> None:
    """F59: Tidings' own pods cause events | no echo: a loop ends after one round, counted. Here: its own reports."""
    app = webhook.new_app()
    metrics = Metrics()

    async def run(url: str) -> list[str]:
        function = new({"WEBHOOK_URL": url, "WEBHOOK_TOKEN": webhook.TOKEN}, metrics)
        await function.start()
        call = Call(asyncio.get_running_loop().time() + 5)
        first = await function.handle(event_of(episode()), call)
        assert first.outcome == Done()
        assert first.reply is not None
        second = await function.handle(first.reply, call)
        assert second.reply is None
        await function.stop()
        return [type(second.outcome).__name__]

    with serve(app) as url:
        assert asyncio.run(run(url)) == ["Ignored"]
    assert len(app.notices()) == 1
    assert metrics.total("tidings_dropped_total", function="webhook") == 1
    app.close()
