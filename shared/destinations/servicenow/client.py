"""Requests to one instance within a budget, every answer judged (reference/destinations.md §1.2, §1.13)."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import orjson

from shared.delivery.failure import Failure, Temporary
from shared.destinations.bucket import hourly
from shared.destinations.http import Answer, exchange, new_client
from shared.destinations.http import Client as Connections
from shared.destinations.sending import CROWDED
from shared.destinations.servicenow.answers import PASSING, Rows, judge
from shared.destinations.servicenow.auth import REFUSED, Auth
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.telemetry.metrics import Metrics

T = TypeVar("T")
Judge = Callable[[Answer, float], T | Failure]
"""Says what an answer means; the number is now, in seconds since the epoch."""

_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_UNAUTHORIZED = 401

_TRIES = 3
_AGAIN = (0.1, 0.4)
"""Seconds before a second try, drawn at random; before the third the double."""


@dataclass(frozen=True, slots=True)
class _Request(Generic[T]):
    method: str
    path: str
    judge: Judge[T]
    parameters: Mapping[str, str]
    body: object = None


class Client:
    """One instance, by its Table API and others. Belongs to one event loop; `open` before use, `close` after."""

    def __init__(
        self, settings: ServiceNowSettings, metrics: Metrics, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._metrics = metrics
        self._name = name
        self._clock = clock
        self._auth = Auth(settings)
        self._free = asyncio.Semaphore(settings.connections)
        self._client: Connections | None = None

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        if self._client is None:
            self._client = new_client(
                self.settings.instance,
                ca_file=self.settings.ca_file,
                connections=self.settings.connections,
                told=self._address_refused,
                bucket=hourly(self.settings.requests_per_hour),
            )

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=self._name, why=why)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def search(self, table: str, query: str, fields: str, limit: int, seconds: float) -> Rows | Failure:
        """List records. What the query asks for must be compared again in code: invalid parts of it are ignored."""
        parameters = {
            "sysparm_query": query,
            "sysparm_fields": fields,
            "sysparm_limit": str(limit),
            "sysparm_exclude_reference_link": "true",
            "sysparm_no_count": "true",
        }
        return await self._send(_Request("GET", f"/api/now/table/{table}", partial(judge, "GET"), parameters), seconds)

    async def insert(self, table: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create one record."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        path = f"/api/now/table/{table}"
        return await self._send(_Request("POST", path, partial(judge, "POST"), parameters, values), seconds)

    async def change(
        self, table: str, sys_id: str, values: Mapping[str, str], fields: str, seconds: float
    ) -> Rows | Failure:
        """Change the given fields of one record. Gone where there is none, or we may not see it."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        path = f"/api/now/table/{table}/{sys_id}"
        return await self._send(_Request("PATCH", path, partial(judge, "PATCH"), parameters, values), seconds)

    async def post(self, path: str, body: object, judged: Judge[T], seconds: float) -> T | Failure:
        """Post JSON to another of its interfaces, whose answers `judged` knows."""
        return await self._send(_Request("POST", path, judged, {}, body), seconds)

    async def _send(self, request: _Request[T], seconds: float) -> T | Failure:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, self.settings.seconds)
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            return Temporary(CROWDED)
        try:
            return await self._tried(request, deadline)
        finally:
            self._free.release()

    async def _tried(self, request: _Request[T], deadline: float) -> T | Failure:
        """Send until it ends: a few times where they are out of order for a moment, never after an unsure write."""
        refused = False
        for attempt in range(1, _TRIES + 1):
            answer = await self._once(request, deadline)
            if answer is None and refused:
                break
            if answer is not None:
                pause = _pause(answer, attempt)
                if attempt == _TRIES or pause is None or asyncio.get_running_loop().time() + pause >= deadline:
                    return answer
                await asyncio.sleep(pause)
            refused = refused or answer is None
        return REFUSED

    async def _once(self, request: _Request[T], deadline: float) -> T | Failure | None:
        """Send once; None where the credentials were refused and new ones may help."""
        if self._client is None:
            return Temporary("not started")
        loop = asyncio.get_running_loop()
        who = await self._auth.headers(self._client, deadline - loop.time())
        if not isinstance(who, Mapping):
            self._client.standing.failed(who.reason)
            if who == REFUSED:
                self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return who
        built = self._client.build_request(
            request.method,
            request.path,
            params=request.parameters,
            content=None if request.body is None else orjson.dumps(request.body),
            headers={**_HEADERS, **who},
        )
        answer = await exchange(self._client, built, seconds=deadline - loop.time())
        if not isinstance(answer, Answer):
            return answer
        if answer.status == _UNAUTHORIZED:
            self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return None if self._auth.refused(who) else REFUSED
        return request.judge(answer, self._clock())


def _pause(answer: object, attempt: int) -> float | None:
    """Return the seconds after which the same may work, None where it cannot or something may have been changed.

    What they ask us to wait is waited where the deadline allows it (F08, F09).
    """
    if not isinstance(answer, Temporary):
        return None
    if answer.after is not None:
        return answer.after
    return random.uniform(*_AGAIN) * attempt if answer.reason in PASSING else None  # noqa: S311 -- jitter, no secret
