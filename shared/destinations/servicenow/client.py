"""Requests to one instance within a budget, every answer judged (reference/destinations.md §1.2, §1.13)."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from shared.delivery.failure import Failure, Temporary
from shared.destinations.answer import Answer
from shared.destinations.bucket import hourly
from shared.destinations.caller import Caller, Request
from shared.destinations.finding import Finding
from shared.destinations.http import new_client
from shared.destinations.jitter import jitter
from shared.destinations.servicenow.answers import PASSING, Rows, judge
from shared.destinations.servicenow.auth import Auth
from shared.destinations.servicenow.batch import NotAllowed, Serviced, batch_of, entry_of, judge_batch
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.destinations.servicenow.together import Together
from shared.telemetry.metrics import Metrics

T = TypeVar("T")
_OK = 200
Judge = Callable[[Answer, float], T | Failure]
"""Says what an answer means; the number is now, in seconds since the epoch."""


class Client:
    """One instance, by its Table API and others. Belongs to one event loop; `open` before use, `close` after."""

    def __init__(
        self, settings: ServiceNowSettings, metrics: Metrics, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._caller = Caller(
            lambda told: new_client(
                settings.instance,
                ca_file=settings.ca_file,
                tls_min=settings.tls_min,
                connections=settings.connections,
                told=told,
                bucket=hourly(settings.requests_per_hour),
            ),
            Auth(settings),
            _pause,
            connections=settings.connections,
            seconds=settings.seconds,
            metrics=metrics,
            name=name,
            headers={"content-type": "application/json"},  # of questions as well: without it they answer 400
        )
        together = Together(self._caller, settings, _pause, clock)
        self._together = together if settings.batch > 1 else None

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        self._caller.open()

    async def close(self) -> None:
        """Close all connections."""
        if self._together is not None:
            await self._together.close()
        await self._caller.close()

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks, once there was an answer."""
        return self._caller.clocks()

    async def search(self, table: str, query: str, fields: str, limit: int, seconds: float) -> Rows | Failure:
        """List records. What the query asks for must be compared again in code: invalid parts of it are ignored."""
        parameters = {
            "sysparm_query": query,
            "sysparm_fields": fields,
            "sysparm_limit": str(limit),
            "sysparm_exclude_reference_link": "true",
            "sysparm_no_count": "true",
        }
        return await self._record(Request("GET", f"/api/now/table/{table}", parameters), seconds)

    async def insert(self, table: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create one record."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        path = f"/api/now/table/{table}"
        return await self._record(Request("POST", path, parameters, values), seconds)

    async def change(
        self, table: str, sys_id: str, values: Mapping[str, str], fields: str, seconds: float
    ) -> Rows | Failure:
        """Change the given fields of one record. Gone where there is none, or we may not see it."""
        parameters = {"sysparm_fields": fields, "sysparm_exclude_reference_link": "true"}
        path = f"/api/now/table/{table}/{sys_id}"
        return await self._record(Request("PATCH", path, parameters, values), seconds)

    async def post(self, path: str, body: object, judged: Judge[T], seconds: float) -> T | Failure:
        """Post JSON to another of its interfaces, whose answers `judged` knows."""
        return await self.ask("POST", path, body, judged, seconds)

    async def ask(self, method: str, path: str, body: object, judged: Judge[T], seconds: float) -> T | Failure:
        """Ask another of its interfaces anything, with a body where there is one."""
        return await self._send(Request(method, path, {}, body), judged, seconds)

    async def batches(self, table: str, seconds: float) -> int | Failure:
        """Say whether a batch that asks for one record of a table is taken: 200, or the status that refuses it."""
        asked = batch_of([entry_of(Request("GET", f"/api/now/table/{table}", {"sysparm_limit": "1"}))])
        found: Serviced | NotAllowed | Failure = await self._send(asked, judge_batch, seconds)
        if isinstance(found, NotAllowed):
            return found.status
        return _OK if isinstance(found, Serviced) else found

    async def _record(self, request: Request, seconds: float) -> Rows | Failure:
        """Ask for records, or write one; in company, where others wait as well."""
        judged = partial(judge, request.method)
        if self._together is None:
            return await self._send(request, judged, seconds)
        return await self._together.call(request, lambda answer: judged(answer, self._clock()), seconds)

    async def _send(self, request: Request, judged: Judge[T], seconds: float) -> T | Failure:
        return await self._caller.call(request, lambda answer: judged(answer, self._clock()), seconds)


def _pause(answer: Failure, attempt: int) -> float | None:
    """Return the seconds after which the same may work, None where it cannot or something may have been changed.

    What they ask us to wait is waited where the deadline allows it (F08, F09).
    """
    if not isinstance(answer, Temporary):
        return None
    if answer.after is not None:
        return answer.after
    return jitter(attempt) if answer.reason in PASSING else None
