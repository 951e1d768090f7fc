"""The correlator's process is killed in the middle and everything is sent again, as a broker does."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from shared.episodes import browse
from shared.stores.registry import open_store

_WORKER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from functions.correlator.handler import new
from shared.events.cloudevent import CloudEvent
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef, Observation, Verdict
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics

def event(number):
    pod = ObjectRef(kind="Pod", namespace="shop", name=f"web-{number % 10}")
    at = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=number)
    over = number >= 300
    seen = Observation(identity=event_identity("c", f"{pod.name}{over}", number), dialect="kubernetes-event",
        cluster="c", object=pod, time=at, received=at, count=number // 10 + 1, source_uid=pod.name)
    verdict = Verdict(category="infrastructure", subcategory="pod", severity="high", rule="r",
        phase="recovery" if over else "problem", condition="" if over else "crash", ends=("*",) if over else (),
        problem_key="" if over else problem_key("c", pod, "crash"))
    data = Classified(observation=seen, verdict=verdict).model_dump(mode="json")
    return CloudEvent(str(number), "s", "dev.tidings.infrastructure.v1", data=data)

async def main():
    function = new({"STORE_URL": sys.argv[1]}, Metrics())
    await function.start()
    todo = iter(range(310))
    async def work():
        for number in todo:
            result = await function.handle(event(number), Call(asyncio.get_running_loop().time() + 10))
            reply = "" if result.reply is None else result.reply.id + " " + result.reply.data["state"]
            print(number, type(result.outcome).__name__, reply, flush=True)
    await asyncio.gather(*(work() for _ in range(8)))
    await function.stop()
asyncio.run(main())
"""


def _run(root: Path, url: str, lines: int | None) -> list[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert worker.stdout is not None
    try:
        if lines is not None:
            for _ in range(lines):
                worker.stdout.readline()
            worker.send_signal(signal.SIGKILL)
        rest, _ = worker.communicate(timeout=30)
    finally:
        worker.kill()
        worker.wait()
    return rest.splitlines()


def test_f01_killed_twice_and_sent_again_there_is_one_episode_for_each_problem(tmp_path: Path, root: Path) -> None:
    """F01: SIGKILL before claim | redelivered; one ticket. Here: at any moment of the correlator."""
    url = f"sqlite://{tmp_path / 'state.db'}"
    _run(root, url, 60)
    _run(root, url, 200)
    lines = _run(root, url, None)
    assert len(lines) == 310
    assert not [line for line in lines if " Retry" in line]

    async def look() -> browse.Page:
        store = open_store(url, {})
        try:
            return await browse.listing(store)
        finally:
            await store.close()

    episodes = asyncio.run(look()).episodes
    assert len(episodes) == 10
    assert {(one.state, one.count) for one in episodes} == {("resolved", 30)}
    answered = {line.split()[2] for line in lines if len(line.split()) > 2 and line.endswith("resolved")}
    assert {f"{one.id}.{one.revision}" for one in episodes} <= answered  # the last word was told after the kills
