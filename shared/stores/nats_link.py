"""The one connection of a NATS store: kept for ever, given up at once for whoever asks while it is away.

nats-py could reconnect by itself, but would then queue what is asked meanwhile, and send it long after whoever asked
has gone. Here a connection that failed in any way is thrown away and another one is made, with back-off; until that
stands with its bucket, every call raises at once.
"""

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final

from nats import errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.settings.addresses import unreached
from shared.settings.nats import LoginError, NatsSettings
from shared.stores.nats_bucket import prepare
from shared.stores.nats_client import Calls, end, is_secure, tls_context
from shared.stores.nats_place import Place
from shared.stores.protocol import StoreUnavailableError

_log = logging.getLogger("tidings.store")

SECONDS: Final = 4.0
"""What one call may take: short beside an event's 20 s, long beside a Pod that is throttled for a moment."""
_CONNECT: Final = 5.0
_CLOSE_SECONDS: Final = 1.0
_PING: Final = 2  # seconds; after two without an answer the connection counts as broken
_FIRST, _LONGEST = 0.05, 5.0  # seconds between two rounds through the servers
_MAX_WAITING: Final = 10_000
_MAX_BYTES: Final = 64 * 1024 * 1024  # on their way at the same time
_NO_RESPONDERS: Final = "503"
_FORBIDDEN: Final = "NATS forbids what a store needs: allow $KV.BUCKET.>, $JS.API.>, _INBOX.> to publish and subscribe"
_NOT_LET_IN: Final = "NATS does not let us in: check the NATS_ settings"
_REASONS: Final[dict[type[Exception], str]] = {
    ModuleNotFoundError: "NATS_CREDS and NATS_NKEY need the package nkeys (requirements/nkeys.txt)",
    errors.AuthorizationError: _NOT_LET_IN,
    errors.SecureConnWantedError: "NATS does not offer TLS: set it up there, or write nats:// instead of tls://",
    errors.NoRespondersError: "NATS is up without JetStream, or its servers have no quorum",
}


class _Standing:
    """A connection that stands, and the calls under way on it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.lost = asyncio.Event()
        self.calls = Calls()

    def lose(self) -> None:
        """Count it as lost, for all."""
        self.lost.set()
        self.calls.end()


class Link:
    """Connects with the first call. One event loop uses it."""

    def __init__(self, place: Place, who: NatsSettings) -> None:
        self._place = place
        self._who = who
        self._standing: _Standing | None = None
        self._tried = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._why = ""
        self._heard = ""
        self._cause: Exception = errors.NoServersError()  # that no server was good says less than why the last was not
        self._waiting = 0
        self._bytes = 0
        self._closed = False

    @property
    def max_payload(self) -> int:
        """Return how large a message may be, as the server said last."""
        return self._standing.client.max_payload if self._standing is not None else 0

    async def ask(self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> Msg:
        """Ask and return the answer. Raises StoreUnavailableError."""
        async with self._calling(len(payload), SECONDS) as client:
            return await client.request(subject, payload, SECONDS, headers=dict(headers) if headers else None)

    async def ask_many(self, subject: str, payload: bytes, seconds: float) -> list[Msg]:
        """Ask and return all messages of an answer; the last one has a status. Raises StoreUnavailableError."""
        found: list[Msg] = []
        async with self._calling(len(payload), seconds) as client:
            inbox = client.new_inbox()
            answers = await client.subscribe(inbox, pending_bytes_limit=0)
            try:
                await client.publish(subject, payload, reply=inbox)
                async for message in answers.messages:
                    found.append(message)
                    if "Status" in (message.headers or {}):
                        break
            finally:
                if client.is_connected:
                    await answers.unsubscribe()
            if not found or (found[-1].headers or {}).get("Status", _NO_RESPONDERS) == _NO_RESPONDERS:
                raise errors.NoRespondersError
        return found

    async def close(self) -> None:
        """End the connection; calls raise from now on."""
        self._closed = True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _calling(self, size: int, seconds: float) -> AsyncIterator[Client]:
        """Give the client for one call; one that fails throws the connection away, for all."""
        standing = await self._now()
        if self._waiting >= _MAX_WAITING or self._bytes + size > _MAX_BYTES:
            raise StoreUnavailableError("more is waiting for NATS than may be held")
        self._waiting += 1
        self._bytes += size
        try:
            async with standing.calls.within(seconds):
                yield standing.client
        except (errors.Error, TimeoutError, OSError) as error:
            standing.lose()
            raise StoreUnavailableError(self._heard or f"NATS did not answer ({type(error).__name__})") from error
        finally:
            self._waiting -= 1
            self._bytes -= size

    async def _now(self) -> _Standing:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())
        if not self._tried.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._tried.wait(), _CONNECT)
        if self._standing is None or self._standing.lost.is_set():
            raise StoreUnavailableError(self._why or self._away())
        return self._standing

    async def _keep(self) -> None:
        """Go through the servers again and again, staying with each that serves for as long as it does."""
        pause = _FIRST
        while True:
            for server in random.sample(self._place.servers, len(self._place.servers)):
                if await self._stay(server):
                    pause = _FIRST
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that replicas do not come together
            pause = min(pause * 2, _LONGEST)

    async def _stay(self, server: str) -> bool:
        """Connect and stay until the connection is lost; return False where it never stood."""
        standing = _Standing(Client())
        try:
            async with asyncio.timeout(_CONNECT):
                await self._connect(standing, server)
                await prepare(standing.client, self._place)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round may go well; it is said once
            cause = self._cause if isinstance(error, errors.NoServersError) else error
            self._say(self._heard or _reason(cause) or self._away(type(cause).__name__))
            return False
        else:
            self._standing = standing
            self._say("")
            self._tried.set()
            await standing.lost.wait()
            return True
        finally:
            self._standing = None
            self._tried.set()
            await end(standing.client, _CLOSE_SECONDS)

    async def _connect(self, standing: _Standing, server: str) -> None:
        client = standing.client

        async def ended() -> None:
            standing.lose()

        async def heard(error: Exception) -> None:
            self._cause = error
            if "permissions violation" in str(error).lower():  # what was asked is never answered then
                self._heard = _FORBIDDEN

        self._heard = ""
        await client.connect(
            [server],
            name="tidings",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=int(SECONDS),
            ping_interval=_PING,
            pending_size=0,  # nothing is queued for a connection that is not there
            closed_cb=ended,
            error_cb=heard,
            tls=tls_context(self._who) if self._place.tls else None,
            **self._who.login(lambda: self._check_secured(client)),
        )
        self._check_secured(client)

    def _check_secured(self, client: Client) -> None:
        """Raise where TLS is wanted and the server did not ask for it: nats-py would go on in the clear."""
        if self._place.tls and not is_secure(client):
            raise errors.SecureConnWantedError

    def _away(self, why: str = "") -> str:
        return unreached("NATS", ",".join(self._place.servers), self._place.setting, why)

    def _say(self, why: str) -> None:
        if why and why != self._why:
            _log.warning("the store is away: %s", why)
        elif self._why and not why:
            _log.warning("the store is back")
        self._why = why


def _reason(error: Exception) -> str:
    """Return what to say of a connection that could not be made, empty where nobody was met."""
    if isinstance(error, StoreUnavailableError | LoginError):
        return str(error)
    if "authorization" in str(error).lower():
        return _NOT_LET_IN
    if isinstance(error, ssl.SSLError):
        return f"the TLS of NATS cannot be used ({error.reason or 'SSLError'}): check NATS_CA_FILE"
    return _REASONS.get(type(error), "")
