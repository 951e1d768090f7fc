"""The process of `changes` is killed after it wrote and before it answered, and everything is sent again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_WORKER = """
import asyncio, json, os, signal, sys
from functions.changes.handler import new
from shared.runtime.edge import Edge
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics
from tests.support.objects import sent, thing

url, kill_at, versions = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])


class Deadly:
    def __init__(self, store):
        self.store, self.version = store, 0
        self.get = store.get

    async def put(self, *arguments, **options):
        done = await self.store.put(*arguments, **options)
        if self.version == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


class Printed:
    async def publish(self, event):
        print(json.dumps(["published", event.id, event.data["reason"]]), flush=True)
        return True


def node(version):
    item = {"type": "Ready", "status": "True" if version % 2 else "False"}
    return thing("Node", version, {"namespace": ""}, spec={"podCIDR": str(version)}, status={"conditions": [item]})


async def main():
    store = Deadly(open_store(url, {}))
    edge = Edge(new({}, Metrics(), store=store, publisher=Printed()), Metrics())
    for version in versions:
        store.version = version
        result = await edge.dispatch(sent(node(version), event_id=str(version)))
        said = None if result.reply is None else [result.reply.id, result.reply.data["message"]]
        print(json.dumps([version, type(result.outcome).__name__, said]), flush=True)
    await store.store.close()
asyncio.run(main())
"""


def run(root: Path, url: str, kill_at: int, *versions: int) -> tuple[int, list[list[Any]]]:
    ended = subprocess.run(
        [sys.executable, "-c", _WORKER, url, str(kill_at), json.dumps(versions)],
        capture_output=True, text=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, timeout=30, check=False,
    )  # fmt: skip
    assert ended.stderr == ""
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.parametrize("first", [2, 3, 8])
def test_f05_killed_between_its_write_and_its_answer_it_answers_the_same_when_asked_again(
    root: Path, tmp_path: Path, first: int
) -> None:
    """F05: SIGKILL after complete, before 204. Here: the projection that it was compared with is overwritten by then.

    Asked again first of all, or only after so many newer versions as the answers of which are kept.
    """
    _, undisturbed = run(root, f"sqlite://{tmp_path / 'undisturbed.db'}", 0, 1, 2, 3)
    url = f"sqlite://{tmp_path / 'killed.db'}"
    code, said = run(root, url, 2, 1, 2)
    assert code == -signal.SIGKILL
    assert said == undisturbed[:1], "nothing was said of the version that was written"
    others = range(3, first + 1) if first > 2 else ()
    _, again = run(root, url, 0, *others, 2)
    published, answered = again[-2:]
    assert published == undisturbed[1]
    assert answered == [2, "Duplicate", undisturbed[2][2]]


def test_f01_killed_before_its_write_it_knows_nothing_of_it(root: Path, tmp_path: Path) -> None:
    """F01: SIGKILL before claim: redelivered. What was never written is told as if it came for the first time."""
    url = f"sqlite://{tmp_path / 'killed.db'}"
    _, undisturbed = run(root, f"sqlite://{tmp_path / 'undisturbed.db'}", 0, 1, 2)
    assert run(root, url, 0, 1)[1] == undisturbed[:1]
    assert run(root, url, 0, 2)[1] == undisturbed[1:]
