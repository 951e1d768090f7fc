"""Looks at a running topology from outside, over HTTP, as an operator would."""

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.support.harness.judge import Expected, judge_tickets, problem_of, read
from tests.support.harness.processes import BROKER, SERVICENOW, SPLUNK, Topology
from tests.support.harness.workload import Post, Problem

_WAITING = re.compile(r"^tidings_broker_waiting\{.*\} (\S+)$", re.MULTILINE)
_MOST = 1000  # what one page of the broker's lists holds


async def listening(topology: Topology) -> bool:
    """Return True where the broker and the foreign systems answer. Raises OSError where one does not."""
    for name, path in ((BROKER, "/ready"), (SPLUNK, "/_standin/requests"), (SERVICENOW, "/_standin/requests")):
        await _get(f"{topology.url(name)}{path}")
    return True


async def told(topology: Topology, problems: Sequence[Problem]) -> bool:
    """Return True once each problem that is not brief has an incident."""
    return {problem.key for problem in problems if not problem.brief} <= {
        problem_of(row) for row in await _incidents(topology)
    }


async def calm(topology: Topology, problems: Sequence[Problem]) -> bool:
    """Return True once nothing waits in the broker and the incidents stand as they should."""
    if await waiting(topology):
        return False
    return not judge_tickets(Expected((), (), problems), await _incidents(topology))


async def waiting(topology: Topology) -> int:
    """Return how many events wait in the broker, of all Triggers. Raises OSError."""
    await _get(f"{topology.url(BROKER)}/api/v1/functions")  # brings the gauges up to date
    found = _WAITING.findall(await asyncio.to_thread(_read, f"{topology.url(BROKER)}/metrics"))
    return int(sum(map(float, found))) if found else 1  # it has not begun


async def passed(topology: Topology, post: Post, problem: Problem) -> bool:
    """Return True once an event that was posted last of all is a SIEM record and an incident."""
    events = f"{topology.url(SPLUNK)}/_standin/events"
    count = (await _get(f"{events}?limit=0"))["count"]
    page = await _get(f"{events}?after={max(0, count - 10)}&limit=10")
    return any(read(record).identity == post.identity for record in page["events"]) and any(
        problem_of(row) == problem.key for row in await _incidents(topology)
    )


async def dead_letters(topology: Topology) -> int:
    """Return how many dead letters there are, a thousand at most. Raises OSError."""
    return len((await _get(f"{topology.url(BROKER)}/api/v1/dead-letters?limit={_MOST}"))["items"])


async def until(condition: Callable[[], Awaitable[bool]], end: float, pause: float = 0.5) -> bool:
    """Ask until it is so, or until `end` of the monotonic clock; who does not answer is asked again."""
    while time.monotonic() < end:
        try:
            if await condition():
                return True
        except OSError:
            pass  # it was killed and comes back
        await asyncio.sleep(pause)
    return False


async def _incidents(topology: Topology) -> list[dict[str, str]]:
    found: list[dict[str, str]] = await _get(f"{topology.url(SERVICENOW)}/_standin/records/incident")
    return found


async def _get(url: str) -> Any:
    return json.loads(await asyncio.to_thread(_read, url))


def _read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own processes
        return str(answer.read().decode())
