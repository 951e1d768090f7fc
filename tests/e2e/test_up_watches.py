"""`tidings up --kubeconfig`: what happens in a cluster becomes tickets, without anything posted."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.apiserver.standin import TOKEN, StandIn
from tests.support.at_once import AT_ONCE
from tests.support.servers import serve
from tests.support.watching import EVENTS, NODES

NODE_EVENT = {
    "involvedObject": {"kind": "Node", "name": "worker-3", "apiVersion": "v1"},
    "reason": "NodeNotReady",
    "message": "Node worker-3 status is now: NodeNotReady",
    "type": "Normal",
    "count": 1,
    "source": {"component": "node-controller"},
}


def kubeconfig(folder: Path, url: str) -> Path:
    config = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def up(root: Path, folder: Path, *arguments: str, **settings: str) -> Iterator[str]:
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", "127.0.0.1:0", "--data", "state", "-o", "jsonl"]
    environ = {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", **AT_ONCE, **settings}
    command += ["--knative", str(root / "knative"), *arguments]
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            assert process.wait(20) == 0


def get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def until(condition: Any, seconds: float = 20.0) -> Any:
    from tests.e2e.test_up import until as wait

    return wait(condition, seconds)


def test_an_event_in_a_watched_cluster_becomes_a_ticket_once_also_over_a_restart(root: Path, tmp_path: Path) -> None:
    server = StandIn()
    with serve(server) as url:
        arguments = ("--kubeconfig", str(kubeconfig(tmp_path, url)))
        server.put(EVENTS, "worker-3.1", "default", **NODE_EVENT)
        for _ in range(2):
            with up(root, tmp_path, *arguments, WATCH_KINDS="v1/Event,v1/Node,v1/Pod") as address:
                until(lambda address=address: get(f"{address}/ready")["ready"])
                found = until(lambda address=address: get(f"{address}/api/v1/episodes")["items"])
                assert [(one["cluster"], one["object"]["name"], one["state"]) for one in found] == [
                    ("lab", "worker-3", "open")
                ]
                server.put(NODES, "worker-4", "")
        with up(root, tmp_path, *arguments, WATCH_KINDS="v1/Event,v1/Node,v1/Pod") as address:
            server.put(EVENTS, "worker-3.2", "default", **{**NODE_EVENT, "reason": "NodeReady"})
            until(lambda: [one["state"] for one in get(f"{address}/api/v1/episodes")["items"]] == ["resolved"])
    assert len([request for request in server.requests if request.startswith(f"{EVENTS}?watch")]) >= 3


def test_a_kubeconfig_of_the_shell_is_not_asked_for_and_so_not_used(root: Path, tmp_path: Path) -> None:
    server = StandIn()
    with serve(server) as url:
        path = kubeconfig(tmp_path, url)
        with up(root, tmp_path, "--feed", "none", KUBECONFIG=str(path)) as address:
            until(lambda: get(f"{address}/ready")["ready"])
            until(lambda: any(one["type"].endswith("tick.v1") for one in get(f"{address}/api/v1/events")["items"]))
    assert server.requests == []


def test_a_kubeconfig_that_cannot_be_used_is_told_without_a_traceback(root: Path, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:1")
    path.write_text("contexts: []")
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", "127.0.0.1:0", "--kubeconfig"]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    for file, code, text in ((path, 1, "KUBECONFIG"), (tmp_path / "none", 2, "there is no file")):
        ended = subprocess.run(
            [*command, str(file), "--knative", str(root / "knative")],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ended.returncode == code
        assert text in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_problem_ends_whose_object_went_while_nobody_watched(root: Path, tmp_path: Path) -> None:
    server = StandIn()
    with serve(server) as url:
        arguments = ("--kubeconfig", str(kubeconfig(tmp_path, url)))
        settings = {"WATCH_KINDS": "v1/Event,v1/Node"}
        server.put(NODES, "worker-3", "")
        server.put(EVENTS, "worker-3.1", "default", **NODE_EVENT)

        def states(address: str) -> list[str]:
            return [one["state"] for one in get(f"{address}/api/v1/episodes")["items"]]

        with up(root, tmp_path, *arguments, **settings) as address:
            until(lambda: states(address) == ["open"])
        server.delete(NODES, "worker-3", "")
        server.forget_history()
        with up(root, tmp_path, *arguments, **settings) as address:
            until(lambda: states(address) == ["resolved"])
