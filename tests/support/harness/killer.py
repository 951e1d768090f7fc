"""What goes wrong, and when: a plan drawn from a seed, and the hand that carries it out.

The plan is the same for the same seed. What it meets is not: the machine decides what a process is doing at that time.
"""

import asyncio
import contextlib
import json
import random
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.support.harness.processes import CLAIMS, NAMES, SERVICENOW, SPLUNK, Topology

Trouble = Literal["kill", "freeze", "fault", "store"]

_FAULTS: dict[str, tuple[dict[str, object], ...]] = {
    SERVICENOW: (
        {"do": "commit-then-reset", "operation": "create"},
        {"do": "commit-then-time-out", "operation": "create", "seconds": 3.0},
        {"do": "commit-then-status", "operation": "update"},
        {"do": "delay", "operation": "create", "seconds": 2.5},
        {"do": "status", "count": 3},
        {"do": "html", "count": 2},
        {"do": "reset", "count": 2},
    ),
    SPLUNK: (
        {"do": "commit-then-reset"},
        {"do": "commit-then-time-out", "seconds": 3.0},
        {"do": "status", "count": 3},
        {"do": "slow-bytes", "seconds": 0.05},
        {"do": "html", "count": 2},
        {"do": "reset", "count": 2},
    ),
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One misfortune: `at` seconds after the begin; a process is down or frozen for `seconds`."""

    at: float
    trouble: Trouble
    target: str
    seconds: float
    faults: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the misfortunes are drawn from; `pause` is the least and the longest time between two, in seconds.

    After `longest` seconds there are no more, although not all is posted: on a machine that is so slow that processes
    hardly live until they are struck again, nothing would ever be carried.
    """

    seed: int
    pause: tuple[float, float] = (1.0, 2.0)
    troubles: tuple[Trouble, ...] = ("kill",)
    longest_freeze: float = 2.0
    longest: float = float("inf")

    def strikes(self) -> Iterator[Strike]:
        """Yield strikes without end; each process is struck once before any is struck again."""
        chance = random.Random(self.seed)  # noqa: S311 - repeatable
        at, bag = 0.0, list[str]()
        while True:
            at += chance.uniform(*self.pause)
            bag = bag or chance.sample(NAMES, len(NAMES))
            trouble = chance.choice(self.troubles)
            seconds = chance.uniform(0.05, 0.5)
            target, faults = bag.pop(), tuple[dict[str, object], ...]()
            if trouble == "freeze":
                seconds = chance.uniform(0.3, self.longest_freeze)
            elif trouble == "fault":
                target = chance.choice(tuple(_FAULTS))
                faults = tuple(chance.sample(_FAULTS[target], 2))
            elif trouble == "store":
                target = CLAIMS
            yield Strike(at, trouble, target, seconds, faults)


class Killer:
    """Carries a plan out until it is told to stop; `done` counts what it did by target."""

    def __init__(self, topology: Topology, plan: Plan) -> None:
        self._topology = topology
        self._plan = plan
        self._stopping = asyncio.Event()
        self.done: Counter[str] = Counter()
        self.deaths: list[str] = []

    async def run(self) -> None:
        """Strike until `stop`; all processes run afterwards."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for strike in self._plan.strikes():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(begun + strike.at):
                    await self._stopping.wait()
            self._look_for_the_dead()
            if self._stopping.is_set() or loop.time() - begun > self._plan.longest:
                break
            await self._strike(strike)
            self.done[f"{strike.trouble} {strike.target}"] += 1
        await self._forgive()

    def stop(self) -> None:
        """Strike no more."""
        self._stopping.set()

    def _look_for_the_dead(self) -> None:
        for name, process in self._topology.processes.items():
            if process.ended is not None:
                self.deaths.append(f"{name} ended by itself with {process.ended}")
                process.start()

    async def _strike(self, strike: Strike) -> None:
        process = self._topology.processes[strike.target]
        if strike.trouble == "fault":
            await asyncio.to_thread(script, self._topology.url(strike.target), strike.faults)
        elif strike.trouble == "freeze":
            process.freeze()
            await asyncio.sleep(strike.seconds)
            process.resume()
        else:
            process.kill()
            if strike.trouble == "store":
                self._topology.lose_claims()
            await asyncio.sleep(strike.seconds)
            process.start()

    async def _forgive(self) -> None:
        for target in _FAULTS:
            await asyncio.to_thread(script, self._topology.url(target), ())


def script(url: str, faults: tuple[dict[str, object], ...]) -> None:
    """Tell a stand-in what to do wrong; one that is away at the moment does nothing right anyway."""
    request = urllib.request.Request(f"{url}/_standin/faults", json.dumps(faults).encode(), method="PUT")  # noqa: S310
    with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(request, timeout=2):  # noqa: S310
        pass
