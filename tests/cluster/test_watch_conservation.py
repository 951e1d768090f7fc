"""500 objects and 500 Events come, change and go, while `watch` is killed again and again and the API server once.

Everything is real: the API server, both functions as processes of their own, SIGKILL, one store in a file. The oracle
is the `kubernetes` package; the sink remembers what it accepted.
"""

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from shared.events.cloudevent import LISTED
from shared.stores.registry import sqlite_url
from tests.support.apiserver.admin import Admin, at_once, patiently
from tests.support.apiserver.server import ApiServer
from tests.support.functions import Served, serving
from tests.support.servers import serve
from tests.support.sinks import Sink

NUMBER = 500
KILLS = 5
TICK = {"ce-specversion": "1.0", "ce-id": "t", "ce-source": "test", "ce-type": "dev.tidings.tick.v1"}


@dataclass
class Life:
    """What an object went through in the eyes of the sink: versions, the last state of each, and its end."""

    states: dict[int, dict[str, Any]] = field(default_factory=dict)
    ended: bool = False

    @property
    def last(self) -> dict[str, Any]:
        return self.states[max(self.states)]


def lives(sink: Sink, kind: str) -> dict[str, Life]:
    """Return what was told of each object of a kind, by name."""
    found: dict[str, Life] = defaultdict(Life)
    for event in list(sink.got):
        if event.extensions.get("kind") != kind:
            continue
        life = found[event.extensions["name"]]
        if event.type.endswith(".delete"):
            life.ended = True
        else:
            life.states[int(event.data["metadata"]["resourceVersion"])] = event.data
    return found


@contextmanager
def killed_again_and_again(settings: dict[str, str], folder: Path, cluster: ApiServer) -> Iterator[Callable[[], None]]:
    """Run `watch`, kill it by SIGKILL five times or more and the API server once; yield what ends that and waits."""
    over, done = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def life() -> None:
        try:
            number = 0
            while number < KILLS or not over.is_set():
                with serving("watch", folder / f"watch-{number}.log", settings) as served:
                    time.sleep(1.5)
                    if number == KILLS // 2:
                        cluster.kill()
                        time.sleep(0.5)
                        cluster.start()
                        time.sleep(0.5)
                    served.process.send_signal(signal.SIGKILL)
                    served.process.wait(10)
                number += 1
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            done.set()

    thread = threading.Thread(target=life)
    thread.start()

    def wait() -> None:
        over.set()
        done.wait(300)
        assert failures == []

    try:
        yield wait
    finally:
        over.set()
        thread.join(300)


def change_everything(admin: Admin, space: str) -> None:
    """Create all, change all twice, delete every second one, spread over the time in which everything is killed.

    Each lives for some seconds: what comes and goes while nobody can watch, and a server has lost its history, leaves
    no trace for anybody.
    """
    core = admin.core

    def create(number: int) -> None:
        patiently(lambda: admin.config_map(space, f"item-{number:03}", step="0"))
        patiently(lambda: admin.event(space, f"event-{number:03}"))

    def change(step: int, number: int) -> None:
        body = {"data": {"step": str(step)}}
        patiently(lambda: core.patch_namespaced_config_map(f"item-{number:03}", space, body))
        patiently(lambda: core.patch_namespaced_event(f"event-{number:03}", space, {"count": step + 1}))

    def delete(number: int) -> None:
        if number % 2:
            patiently(lambda: core.delete_namespaced_config_map(f"item-{number:03}", space))

    for work in (create, partial(change, 1), partial(change, 2), delete):
        at_once(partial(_paced, work), range(NUMBER), threads=6)


def change_unwatched(admin: Admin, space: str) -> None:
    """Change all that is left, and delete some, while nobody watches."""

    def work(number: int) -> None:
        admin.core.patch_namespaced_event(f"event-{number:03}", space, {"count": 4})
        if number % 10 == 0:
            admin.core.delete_namespaced_config_map(f"item-{number:03}", space)
        elif number % 2 == 0:
            admin.core.patch_namespaced_config_map(f"item-{number:03}", space, {"data": {"step": "3"}})

    at_once(work, range(NUMBER))


def _paced(work: Callable[[int], None], number: int) -> None:
    work(number)
    time.sleep(0.025)


def tick_until_complete(served: Served, sink: Sink, lists: int) -> None:
    """Send ticks until so many lists were compared completely."""
    end = time.monotonic() + 120
    while sink.counts[LISTED] < lists:
        assert time.monotonic() < end
        status, _, _ = served.request("POST", "/", TICK, b"", seconds=30)
        assert status in {200, 204}


def test_f39_every_final_state_and_every_event_is_observed(cluster: ApiServer, admin: Admin, tmp_path: Path) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05. Here on a real API server, with processes and SIGKILL."""
    space = admin.namespace("conservation")
    sink = Sink()
    with serve(sink) as url:
        settings = {
            "KUBECONFIG": str(cluster.kubeconfig("conservation.kubeconfig")),
            "CLUSTER": "lab",
            "WATCH_KINDS": "v1/ConfigMap,v1/Event",
            "K_SINK": url,
            "STORE_URL": sqlite_url(tmp_path / "seen.db"),
            "RECONCILE_EVERY": "0",
        }
        with killed_again_and_again(settings, tmp_path, cluster) as wait:
            until(lambda: sink.counts[LISTED] == 2)  # what was before its first look is known to nobody
            change_everything(admin, space)
            wait()
        watched = len(sink.got)
        change_unwatched(admin, space)
        with serving("reconcile", tmp_path / "reconcile.log", settings) as served:
            tick_until_complete(served, sink, sink.counts[LISTED] + 2)
        logs = "".join(log.read_text() for log in tmp_path.glob("*.log"))
    assert "Traceback" not in logs
    compare_with_oracle(admin, space, sink)
    assert watched > 5 * NUMBER, "watch has told all that happened while it was there"
    assert len(sink.got) - watched >= NUMBER + NUMBER // 2, "and reconcile the rest"


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def compare_with_oracle(admin: Admin, space: str, sink: Sink) -> None:
    """Hold what was told against what there is."""
    there = {item.metadata.name: item for item in admin.core.list_namespaced_config_map(space).items}
    told = lives(sink, "ConfigMap")
    assert len(there) == NUMBER * 4 // 10
    for name, item in there.items():
        assert told[name].last["metadata"]["resourceVersion"] == item.metadata.resource_version, name
        assert told[name].last["data"] == item.data == {"step": "3"}
        assert not told[name].ended
    gone = {f"item-{number:03}" for number in range(NUMBER)} - there.keys()
    assert [name for name in sorted(gone) if not told[name].ended] == []
    events = {item.metadata.name: item for item in admin.core.list_namespaced_event(space).items}
    said = lives(sink, "Event")
    assert len(events) == NUMBER
    assert {name: said[name].last["count"] for name in events} == dict.fromkeys(events, 4)
