"""One collector: its connections, its token, and the acknowledgements that it alone can give."""

import asyncio
import gzip
import uuid
from typing import Final

import orjson

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.again import again
from shared.destinations.answer import Answer
from shared.destinations.breaker import FAILURES
from shared.destinations.finding import Finding
from shared.destinations.http import exchange, new_client
from shared.destinations.refusals import Refusals
from shared.destinations.splunk.answers import acknowledged
from shared.destinations.splunk.raw import RAW_PATH
from shared.destinations.splunk.settings import SplunkSettings
from shared.settings.http import is_token
from shared.telemetry.metrics import Metrics

DESTINATION: Final = "splunk"
ACK_PATH: Final = "/services/collector/ack"

_GZIP_FROM = 16 * 1024
_FIRST_POLL, _LAST_POLL = 0.05, 1.0

Told = Answer | Temporary | Ambiguous | Refused


class Collector:
    """The collector at `url`. Belongs to one event loop."""

    def __init__(self, url: str, settings: SplunkSettings, metrics: Metrics) -> None:
        """Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        self._settings = settings
        self._metrics = metrics
        self._client = new_client(
            url,
            ca_file=settings.ca_file,
            tls_min=settings.tls_min,
            connections=settings.connections,
            told=self._address_refused,
            failures=1 if len(settings.urls) > 1 else FAILURES,  # the others take what it would wait for
        )
        self._channel = str(uuid.uuid4())
        self._refusals = Refusals()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks, once there was an answer."""
        return self._client.clock.lines()

    @property
    def free(self) -> bool:
        """Return True where it may be asked now: it answered lately, wants no peace, and took the token."""
        return self._client.free and not self.refuses

    @property
    def refuses(self) -> bool:
        """Return True while the token that it refused is left in peace (F36)."""
        return self._refusals.holds(self._token())

    def refused(self) -> None:
        """Take note that it refuses the token."""
        self._metrics.count("tidings_auth_failures_total", destination=DESTINATION)
        self._refusals.note(self._token())

    async def post(self, path: str, content: bytes, *, seconds: float) -> Told:
        """Send one request with the token as it is now."""
        token = self._token()
        if token is None:
            without = Temporary("the token's file cannot be read, or holds no token")
            self._client.standing.failed(without.reason)
            return without
        headers = {"authorization": f"Splunk {token}", "content-type": "application/json"}
        if self._settings.ack or path.startswith(RAW_PATH):
            headers["x-splunk-request-channel"] = self._channel
        if len(content) >= _GZIP_FROM:
            content = gzip.compress(content, 1)
            headers["content-encoding"] = "gzip"
        request = self._client.build_request("POST", path, content=content, headers=headers)
        return await exchange(self._client, request, seconds=seconds)

    async def again(self) -> bool:
        """Wait for a moment, after which the same may be sent once more; False where it may not (again.py)."""
        return await again(self._client, self._metrics, DESTINATION)

    async def get(self, path: str, *, seconds: float) -> Told:
        """Read a path without the token."""
        return await exchange(self._client, self._client.build_request("GET", path), seconds=seconds)

    async def confirms(self, ack: int) -> bool:
        """Wait for the indexer's acknowledgement, at most a request's seconds; `true` is told only once."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.seconds
        pause = _FIRST_POLL
        question = orjson.dumps({"acks": [ack]})
        while (left := until - loop.time()) > 0:
            answer = await self.post(ACK_PATH, question, seconds=left)
            if isinstance(answer, Answer) and acknowledged(answer, ack):
                return True
            await asyncio.sleep(min(pause, max(0.0, until - loop.time())))
            pause = min(_LAST_POLL, pause * 2)
        return False

    def _token(self) -> str | None:
        try:
            token = self._settings.token.value()
        except OSError:
            return None
        return token if is_token(token) else None

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=DESTINATION, why=why)
