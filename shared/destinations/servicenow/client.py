"""The Table API as values: requests within a budget, every answer judged (reference/destinations.md §1.2, §1.13)."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.bucket import hourly
from shared.destinations.http import Answer, asked_wait, exchange, new_client
from shared.destinations.http import Client as Connections
from shared.destinations.servicenow.auth import REFUSED, Auth
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_HEADERS = {"accept": "application/json", "content-type": "application/json"}
_UNSURE = frozenset({500, 502, 504})
_LATER = frozenset({408, 425, 429})
_DOWN = 503
_UNAUTHORIZED, _NOT_FOUND = 401, 404

_TRIES = 3
_AGAIN = (0.1, 0.4)
"""Seconds before a second try, drawn at random; before the third the double."""
_PASSING = frozenset({"a server error", "not available"})
"""What may be over in a moment: tried again at once, so that a hiccup does not cost the broker's whole back-off."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A believable answer: the records of `result`, one for a single record."""

    rows: tuple[Mapping[str, str], ...]


class Client:
    """The Table API of one instance. Belongs to one event loop; `open` before use, `close` after."""

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
        return await self._request("GET", f"/api/now/table/{table}", parameters, None, seconds)

    async def insert(self, table: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create one record."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        return await self._request("POST", f"/api/now/table/{table}", parameters, values, seconds)

    async def change(
        self, table: str, sys_id: str, values: Mapping[str, str], fields: str, seconds: float
    ) -> Rows | Failure:
        """Change the given fields of one record. Gone where there is none, or we may not see it."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        return await self._request("PATCH", f"/api/now/table/{table}/{sys_id}", parameters, values, seconds)

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, str] | None, seconds: float
    ) -> Rows | Failure:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, self.settings.seconds)
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            return Temporary("too many requests at once")
        try:
            return await self._tried(method, path, parameters, body, deadline)
        finally:
            self._free.release()

    async def _tried(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, str] | None, deadline: float
    ) -> Rows | Failure:
        """Send until it ends: a few times where they are out of order for a moment, never after an unsure write."""
        refused = False
        for attempt in range(1, _TRIES + 1):
            answer = await self._once(method, path, parameters, body, deadline)
            if answer is None and refused:
                break
            if answer is not None:
                pause = random.uniform(*_AGAIN) * attempt  # noqa: S311 -- jitter, not a secret
                late = asyncio.get_running_loop().time() + pause >= deadline
                if attempt == _TRIES or late or not _passing(answer):
                    return answer
                await asyncio.sleep(pause)
            refused = refused or answer is None
        return REFUSED

    async def _once(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, str] | None, deadline: float
    ) -> Rows | Failure | None:
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
        request = self._client.build_request(
            method,
            path,
            params=parameters,
            content=None if body is None else orjson.dumps(body),
            headers={**_HEADERS, **who},
        )
        answer = await exchange(self._client, request, seconds=deadline - loop.time())
        if not isinstance(answer, Answer):
            return answer
        if answer.status == _UNAUTHORIZED:
            self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return None if self._auth.refused(who) else REFUSED
        return judge(method, answer, self._clock())


def judge(method: str, answer: Answer, now: float) -> Rows | Failure:
    """Say what an answer means. `now` is in seconds since the epoch, for limits that name the time of their end."""
    rows = _rows(answer.json) if answer.status in range(200, 300) else None
    return rows or _failure(answer.status, _detail(answer.json), asked_wait(answer.headers, now), method)


def _failure(status: int, detail: str, wait: float | None, method: str) -> Failure:
    writes = method != "GET"
    unsure = ""
    if status in range(200, 300):
        # An instance that sleeps or is being upgraded answers 200 with a page (reference/destinations.md §0.2).
        unsure, wait = "no record in the answer; the instance may be asleep", 30.0
    elif status in _UNSURE:
        unsure = "a server error"
    elif writes and "unique key violation" in detail.lower():
        unsure = "another writer was first"
    if unsure:
        return Ambiguous(unsure) if writes else Temporary(unsure, wait)
    if status == _DOWN:
        return Temporary("not available", wait)
    if status in _LATER:
        return Temporary("asked to come later", wait)
    if status == _NOT_FOUND and method == "PATCH":
        return Gone()
    _log.warning("ServiceNow refused a request", extra={"status": status, "method": method, "detail": detail})
    return Refused(_refusal(status), detail)


def _passing(answer: Rows | Failure) -> bool:
    """Return True where the same again may work in a moment, and certainly nothing was changed so far."""
    return isinstance(answer, Temporary) and answer.after is None and answer.reason in _PASSING


def _rows(body: object) -> Rows | None:
    result: Any = body.get("result") if isinstance(body, dict) else None
    members = [result] if isinstance(result, dict) else result
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        return None
    return Rows(tuple({name: _plain(value) for name, value in member.items()} for member in members))


def _plain(value: Any) -> str:
    """Return a value as text; a reference by its sys_id, should links come in spite of what was asked."""
    if isinstance(value, dict):
        value = value.get("value", "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _detail(body: object) -> str:
    error: Any = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    return f"{error.get('message', '')}: {error.get('detail', '')}"[:300]


def _refusal(status: int) -> str:
    return {
        400: "the request is malformed to them (400)",
        403: "not allowed by rights, data policy or business rule (403)",
        404: "the table does not exist or is hidden (404)",
    }.get(status, "refused by its status code")
