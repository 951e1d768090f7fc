"""Requests within a budget to a system that must know who we are: a door says who, a judge what an answer means."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import orjson

from shared.delivery.failure import Failure, Temporary
from shared.destinations.again import again
from shared.destinations.answer import Answer
from shared.destinations.finding import Finding
from shared.destinations.http import Client, exchange
from shared.destinations.sending import CROWDED
from shared.telemetry.metrics import Metrics

T = TypeVar("T")

REFUSED: Final = Temporary("the credentials are refused", after=60.0)
UNREADABLE: Final = Temporary("the credentials cannot be read", after=10.0)

TRIES: Final = 3
"""Of one request at most."""
_JSON = "application/json"

Build = Callable[[Callable[[str], None]], Client]
"""Builds the HTTP client, which tells the given function why an address was refused."""
Pause = Callable[[Failure, int], float | None]
"""Seconds after which the same may work after so many tries; None where it cannot, or may have taken effect."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` below the system's own address, `body` as JSON."""

    method: str
    path: str
    parameters: Mapping[str, str] | None = None
    body: object = None


class Door(Protocol):
    """Who we are: static credentials, a session or a token, made when first needed and again when it is lost."""

    async def headers(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        """Return the headers that say who we are; this may open the door within `seconds`."""

    def lost(self, answer: Answer) -> bool:
        """Return True where an answer says that we are not known (any more)."""

    def reopens(self, used: Mapping[str, str], answer: Answer) -> bool:
        """Take note of that. True where coming in again may help, so that the request shall be sent once more."""

    async def leave(self, client: Client) -> None:
        """Say good-bye."""


class Caller:
    """The connections to one system. Belongs to one event loop; `open` before use, `close` after.

    Args:
        build: builds the HTTP client.
        door: says who we are.
        pause: says whether a failure is tried again, and when.
        connections: most requests at a time.
        seconds: most seconds of one request, its tries together.
        metrics: where refusals are counted.
        name: of the destination in metrics.
        refusals: what the door answers where credentials are refused.
        headers: of every request, besides.
    """

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        build: Build,
        door: Door,
        pause: Pause,
        *,
        connections: int,
        seconds: float,
        metrics: Metrics,
        name: str,
        refusals: Collection[Failure] = (REFUSED,),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._build = build
        self._door = door
        self._pause = pause
        self._seconds = seconds
        self._metrics = metrics
        self._name = name
        self._refusals = refusals
        self._headers = {"accept": _JSON, **(headers or {})}
        self._free = asyncio.Semaphore(connections)
        self._client: Client | None = None

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        if self._client is None:
            self._client = self._build(self._address_refused)

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=self._name, why=why)

    async def close(self) -> None:
        """Leave, and close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await self._door.leave(client)
            await client.aclose()

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks, once there was an answer."""
        return self._client.clock.lines() if self._client is not None else []

    def hold(self, seconds: float) -> None:
        """Send nothing for so long: part of an answer asked for it."""
        if self._client is not None:
            self._client.bucket.hold(seconds)

    def carries(self, requests: int) -> None:
        """Note that the call that goes now carries so many requests: each may be tried again by itself."""
        if self._client is not None:
            self._client.budget.called(requests - 1)

    async def again(self, pause: float, within: float) -> bool:
        """Wait until the same may be sent once more, and return True; False where it may not (again.py)."""
        return self._client is not None and await again(
            self._client, self._metrics, self._name, pause=pause, within=within
        )

    async def call(self, request: Request, judge: Callable[[Answer], T | Failure], seconds: float) -> T | Failure:
        """Send a request, a few times where the system is out of order for a moment; never after an unsure write."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(seconds, self._seconds)
        try:
            async with asyncio.timeout_at(deadline):
                await self._free.acquire()
        except TimeoutError:
            return Temporary(CROWDED)
        try:
            return await self._tried(request, judge, deadline)
        finally:
            self._free.release()

    async def _tried(self, request: Request, judge: Callable[[Answer], T | Failure], deadline: float) -> T | Failure:
        lost = False
        for attempt in range(1, TRIES + 1):
            answer = await self._once(request, judge, deadline)
            if answer is None and lost:
                break
            if answer is not None:
                pause = self._pause(answer, attempt) if isinstance(answer, Temporary) else None
                left = deadline - asyncio.get_running_loop().time()
                if attempt == TRIES or pause is None or not await self.again(pause, left):
                    return answer
            lost = lost or answer is None
        return REFUSED

    async def _once(
        self, request: Request, judge: Callable[[Answer], T | Failure], deadline: float
    ) -> T | Failure | None:
        """Send once; None where we were not known and coming in again may help."""
        if self._client is None:
            return Temporary("not started")
        loop = asyncio.get_running_loop()
        who = await self._door.headers(self._client, deadline - loop.time())
        if not isinstance(who, Mapping):
            self._client.standing.failed(who.reason)
            if who in self._refusals:
                self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return who
        content = None if request.body is None else orjson.dumps(request.body)
        kind = {"content-type": _JSON} if content else {}
        built = self._client.build_request(
            request.method,
            request.path,
            params=request.parameters,
            content=content,
            headers={**self._headers, **kind, **who},
        )
        answer = await exchange(self._client, built, seconds=deadline - loop.time())
        if not isinstance(answer, Answer):
            return answer
        if self._door.lost(answer):
            self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return None if self._door.reopens(who, answer) else REFUSED
        return judge(answer)
