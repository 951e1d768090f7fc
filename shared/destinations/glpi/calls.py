"""Requests within a budget, by whichever API: who we are is a door's business, what an answer means a judge's."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import orjson

from shared.delivery.failure import Failure, Temporary
from shared.destinations.glpi.answers import FOREIGN, SERVER_ERROR, Good
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.http import Answer, Client, exchange, new_client
from shared.destinations.sending import CROWDED
from shared.telemetry.metrics import Metrics

REFUSED = Temporary("the credentials are refused", after=60.0)
APP_REFUSED = Temporary("the credentials are refused: the App-Token", after=60.0)
USER_REFUSED = Temporary("the credentials are refused: the user's", after=60.0)
CLIENT_REFUSED = Temporary("the credentials are refused: the OAuth client's", after=60.0)
NOT_GLPI = Temporary(FOREIGN, after=60.0)
"""Credentials are asked for, and not by GLPI: as refused ones they are not repeated for a while."""
REFUSALS = (REFUSED, APP_REFUSED, USER_REFUSED, CLIENT_REFUSED)
UNREADABLE = Temporary("the credentials cannot be read", after=10.0)

_TRIES = 3
_AGAIN = (0.1, 0.4)
"""Seconds before a second try, drawn at random; before the third the double."""

Judge = Callable[[str, Answer], Good | Failure]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` below GLPI's own address, `body` as JSON."""

    method: str
    path: str
    parameters: Mapping[str, str] | None = None
    body: object = None


class Door(Protocol):
    """Who we are: a session or a token, made at the first request and again when it is lost."""

    async def headers(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        """Return the headers that say who we are; this may open the door within `seconds`."""

    def lost(self, answer: Answer) -> bool:
        """Return True where an answer says that we are not known (any more)."""

    def reopens(self, used: Mapping[str, str], answer: Answer) -> bool:
        """Take note of that. True where coming in again may help, so that the request shall be sent once more."""

    async def leave(self, client: Client) -> None:
        """Say good-bye."""


class Caller:
    """The connections to one GLPI. Belongs to one event loop; `open` before use, `close` after."""

    def __init__(self, settings: GlpiSettings, door: Door, judge: Judge, metrics: Metrics, name: str) -> None:
        self.settings = settings
        self._door = door
        self._judge = judge
        self._metrics = metrics
        self._name = name
        self._free = asyncio.Semaphore(settings.connections)
        self._client: Client | None = None

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        if self._client is None:
            self._client = new_client(
                self.settings.url,
                ca_file=self.settings.ca_file,
                connections=self.settings.connections,
                told=self._address_refused,
            )

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=self._name, why=why)

    async def close(self) -> None:
        """Leave, and close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await self._door.leave(client)
            await client.aclose()

    async def call(self, request: Request, seconds: float) -> Good | Failure:
        """Send a request, a few times where GLPI is out of order for a moment; never again after an unsure write."""
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

    async def _tried(self, request: Request, deadline: float) -> Good | Failure:
        lost = False
        for attempt in range(1, _TRIES + 1):
            answer = await self._once(request, deadline)
            if answer is None and lost:
                break
            if answer is not None:
                pause = random.uniform(*_AGAIN) * attempt  # noqa: S311 -- jitter, not a secret
                late = asyncio.get_running_loop().time() + pause >= deadline
                if attempt == _TRIES or late or answer != Temporary(SERVER_ERROR):
                    return answer
                await asyncio.sleep(pause)
            lost = lost or answer is None
        return REFUSED

    async def _once(self, request: Request, deadline: float) -> Good | Failure | None:
        """Send once; None where we were not known and coming in again may help."""
        if self._client is None:
            return Temporary("not started")
        loop = asyncio.get_running_loop()
        who = await self._door.headers(self._client, deadline - loop.time())
        if not isinstance(who, Mapping):
            self._client.standing.failed(who.reason)
            if who in REFUSALS:
                self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return who
        content = None if request.body is None else orjson.dumps(request.body)
        built = self._client.build_request(
            request.method,
            request.path,
            params=request.parameters,
            content=content,
            headers={"accept": "application/json", **({"content-type": "application/json"} if content else {}), **who},
        )
        answer = await exchange(self._client, built, seconds=deadline - loop.time())
        if not isinstance(answer, Answer):
            return answer
        if self._door.lost(answer):
            self._metrics.count("tidings_auth_failures_total", destination=self._name)
            return None if self._door.reopens(who, answer) else REFUSED
        return self._judge(request.method, answer)
