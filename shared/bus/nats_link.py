"""One connection to NATS, made by the first who needs it and made again by itself; also after a refusal.

nats-py decides by what the server says in the clear whether it goes on in TLS. So whoever asked for TLS and did not get
it is refused here: before a password is sent, and before anything else is.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable

from nats import errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js import errors as refusals

from shared.bus.protocol import SECONDS, BusUnavailableError
from shared.bus.protocol import unavailable as unavailable_bus
from shared.bus.tls import unusable
from shared.settings.addresses import unreached
from shared.settings.nats import LoginError, NatsSettings
from shared.stores.nats_client import Bounded, Calls, end, is_secure, tls_context

_log = logging.getLogger("tidings.bus")

_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_RETRY_SECONDS = 1.0  # between two attempts of ours: who asks meanwhile is told at once
_RECONNECT_SECONDS = 0.5
_REFUSALS = {  # errors.json of nats-server
    10005: "it has not as many servers as a stream is to have replicas",
    10014: "there is no such consumer",
    10059: "there is no such stream",
    10074: "it is one server, and a stream is to have more than one replica",
}
PENDING_BYTES = 8 * 1024 * 1024
"""What waits for the socket; who sends more has to wait as well."""


class NatsLink:
    """The connection of one process. `lost` is called whenever it breaks, or is ended."""

    def __init__(self, settings: NatsSettings, lost: Callable[[], None]) -> None:
        self._settings = settings
        self._lost = lost
        self._client: Client | None = None
        self._told: _Told | None = None
        self._making = asyncio.Lock()
        self._not_before = 0.0
        self._calls = Calls()
        self._away = unreached("NATS", settings.url, "NATS_URL")
        self._why = self._away
        self._closed = False

    async def client(self) -> Client:
        """Return it once it is connected; while it is broken, raise BusUnavailableError at once."""
        if self._closed:
            raise BusUnavailableError("the bus is closed")
        if self._client is None or self._client.is_closed:
            async with self._making:
                if self._client is None or self._client.is_closed:
                    await self._make()
        assert self._client is not None  # noqa: S101 - made above
        if not self._client.is_connected:
            raise BusUnavailableError(f"{self._away}; the connection broke and is being made again")
        return self._client

    def within(self, seconds: float | None = None) -> Bounded:
        """Bound one request: with TimeoutError it ends after `seconds`, and at once when the connection breaks.

        nats-py would let it wait for an answer that cannot come. None is for one that has its own time.
        """
        return self._calls.within(seconds)

    async def jetstream(self) -> JetStreamContext:
        """Return its JetStream."""
        return (await self.client()).jetstream(timeout=SECONDS)

    async def close(self) -> None:
        """End it; what was sent is sent."""
        self._closed = True
        if self._told is not None:
            self._told.stands = False
        if self._client is not None:
            await end(self._client, _CLOSE_SECONDS)

    def _broken(self) -> None:
        self._calls.end()
        self._lost()

    async def _make(self) -> None:
        if time.monotonic() < self._not_before:
            raise BusUnavailableError(self._why)
        client = Client()
        told = _Told(client, self._broken, self._away, tls=self._settings.tls)
        connecting = asyncio.create_task(self._connect(client, told))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await connecting
            if self._settings.tls and not is_secure(client):
                raise _InTheClearError
        except (OSError, errors.Error, TimeoutError) as error:
            self._why = told.why if isinstance(error, TimeoutError) else _why(error) or self._away
            self._not_before = time.monotonic() + _RETRY_SECONDS
            await end(client, _CLOSE_SECONDS)
            raise BusUnavailableError(self._why) from error
        # From here on it connects again for ever; before, a refusal was to be told and not to be repeated.
        client.options["allow_reconnect"] = True
        told.stands = True
        self._client, self._told = client, told

    async def _connect(self, client: Client, told: "_Told") -> None:
        settings = self._settings
        context = await _tls(settings) if settings.tls else None
        await client.connect(
            [*settings.servers],
            error_cb=told.error,
            disconnected_cb=told.disconnected,
            reconnected_cb=told.reconnected,
            name="tidings",
            allow_reconnect=False,
            max_reconnect_attempts=-1,
            connect_timeout=int(_CONNECT_SECONDS),
            reconnect_time_wait=_RECONNECT_SECONDS,  # type: ignore[arg-type] # it is only slept for
            ping_interval=10,
            pending_size=PENDING_BYTES,
            tls=context,
            **settings.login(lambda: self._check_secured(client)),
        )

    def _check_secured(self, client: Client) -> None:
        if self._settings.tls and not is_secure(client):
            raise _InTheClearError


async def _tls(settings: NatsSettings) -> ssl.SSLContext:
    try:
        return await asyncio.to_thread(tls_context, settings)
    except OSError as error:  # ssl.SSLError is one, too
        raise await unusable(settings.ca_file, settings.cert_file, settings.key_file) from error


class _InTheClearError(errors.Error):
    """TLS was asked for, and the server went on without."""


class _Told:
    """What nats-py tells: said once when it begins and when it is over, in our own words."""

    def __init__(self, client: Client, broken: Callable[[], None], away: str, *, tls: bool) -> None:
        self._client = client
        self._broken = broken
        self._tls = tls
        self._away = away
        self.why = away
        self.stands = False
        """Whether it broke where it breaks: not where it never stood, nor where we end it."""

    async def error(self, error: Exception) -> None:
        """Keep why; nats-py tells each attempt."""
        if not isinstance(error, TimeoutError):
            self.why = _why(error) or self._away

    async def disconnected(self) -> None:
        """Say so, also to those who wait for an answer."""
        self._broken()
        if self.stands:
            _log.warning("the connection to NATS broke; it is being made again")

    async def reconnected(self) -> None:
        """Say so, unless it is not what was asked for."""
        if self._tls and not is_secure(self._client):
            _log.error("NATS went on without TLS: the connection is ended")
            await end(self._client, _CLOSE_SECONDS)
        else:
            _log.warning("the connection to NATS is there again")


def unavailable(error: Exception) -> BusUnavailableError:
    """Return what to raise for what nats-py raised."""
    if isinstance(error, refusals.APIError):
        said = _REFUSALS.get(error.err_code or 0, str(error.err_code or error.code or type(error).__name__))
        return BusUnavailableError(f"NATS refuses it ({said})")
    return unavailable_bus("NATS", error)


def _why(error: BaseException) -> str:
    """Return in constant words what was wrong, empty where nobody was met."""
    if isinstance(error, LoginError):
        return str(error)
    if isinstance(error, _InTheClearError):
        return "NATS does not speak TLS there: use nats:// or mend the server"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate of NATS cannot be verified: see NATS_CA_FILE and the certificate's dates and names"
    if isinstance(error, ssl.SSLError):
        return "NATS refuses TLS with what we show"
    text = str(error).lower()
    if isinstance(error, errors.AuthorizationError) or "authorization" in text or "authentication" in text:
        return "NATS refuses our credentials"
    return ""
