"""How long the work of a replica that dies lies there, with the values that are shipped.

    python -m tests.endurance.takeover

Two replicas run as `tidings serve servicenow-incident` on one store. One is killed with SIGKILL while its tickets are
being made; the events come again as the shipped Trigger's back-off says, to the other one. Takes some 50 seconds.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

from shared.local.broker.loader import load_topology
from shared.stores.registry import sqlite_url
from tests.support.functions import serving
from tests.support.servers import ROOT, standin
from tests.support.steps import BUSY, Answer, Instance, Replica, problem, until

LIMIT = 30.0
NAMES = tuple(f"takeover-{number}" for number in range(8))


def shipped_waits() -> list[float]:
    """Return after how many seconds the shipped Trigger tries again, each counted from the failure."""
    (spec,) = [one.delivery for one in load_topology(ROOT / "knative").triggers if one.name == "servicenow-incident"]
    return list(accumulate(spec.delay(attempt) for attempt in range(1, 7)))


def redeliver(survivor: Replica, name: str, died: float, waits: Sequence[float]) -> tuple[float, list[Answer]]:
    """Send one event again as the broker does until it is accepted; return when the survivor made its ticket."""
    answers: list[Answer] = []
    made = 0.0
    for wait in waits:
        time.sleep(max(0.0, died + wait - time.monotonic()))
        answers.append(survivor.post(problem(name)))
        if answers[-1].status != BUSY and not made:
            made = time.monotonic() - died
        if answers[-1].done:
            break
    return made, answers


def measure(folder: Path) -> tuple[list[float], list[str]]:
    """Return the seconds until each ticket was made, and what was wrong."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2 * len(NAMES)))
        instance = Instance(stack.enter_context(standin("servicenow", folder / "instance.db")))
        settings = {
            "SERVICENOW_INSTANCE": instance.url,
            "SERVICENOW_USERNAME": "tidings",
            "SERVICENOW_PASSWORD": "tidings",
            "SERVICENOW_CONNECTIONS": "16",
            "STORE_URL": sqlite_url(folder / "store.db"),
        }
        victim, survivor = (
            Replica(stack.enter_context(serving("servicenow-incident", folder / name, settings)), folder)
            for name in ("victim.log", "survivor.log")
        )
        instance.script({"do": "hang", "operation": "create", "count": 0})
        for name in NAMES:
            pool.submit(victim.post, problem(name), 60.0)
        until(lambda: all("create" in instance.operations(problem(name)) for name in NAMES))
        victim.kill()
        died = time.monotonic()
        instance.script()
        found = list(pool.map(lambda name: redeliver(survivor, name, died, shipped_waits()), NAMES))
        wrong = [name for name, (_, answers) in zip(NAMES, found, strict=True) if not answers[-1].done]
        wrong += [name for name in NAMES if len(instance.incidents(problem(name))) != 1]
        return [made for made, _ in found], wrong


def main() -> int:
    """Measure, print, and return 0 where all was taken over in time and once."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, wrong = measure(Path(folder))
    print(f"taken over after {min(seconds):.1f} to {max(seconds):.1f} s (limit {LIMIT:.0f} s), {len(seconds)} tickets")  # noqa: T201
    for name in wrong:
        print(f"{name}: not accepted, or not exactly one ticket")  # noqa: T201
    return 0 if not wrong and min(seconds) > 0 and max(seconds) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
