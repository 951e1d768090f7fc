"""One connection to RabbitMQ, made by the first who needs it; one that broke is thrown away and another one made."""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import AMQPError, AuthenticationError, ChannelNotFoundEntity, ProbableAuthenticationError

from shared.bus import tls
from shared.bus.protocol import SECONDS, BusUnavailableError, deadline
from shared.bus.protocol import unavailable as unavailable_bus
from shared.bus.settings import RabbitmqSettings
from shared.settings.addresses import unreached

TROUBLE = (OSError, AMQPError, TimeoutError, RuntimeError)
"""What aio-pika raises where a call could not be made; RuntimeError is that of a channel that is closed."""

_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 3.0
_RETRY_SECONDS = 1.0
_HEARTBEAT = 10

unavailable = partial(unavailable_bus, "RabbitMQ")

for _name in ("aio_pika", "aiormq"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they say each try; we say what it means


class RabbitmqLink:
    """The connection of one process."""

    def __init__(self, settings: RabbitmqSettings) -> None:
        self._settings = settings
        self._connection: AbstractConnection | None = None
        self._making = asyncio.Lock()
        self._not_before = 0.0
        self._away = unreached("RabbitMQ", settings.url, "RABBITMQ_URL")
        self._why = self._away
        self._closed = False

    async def connection(self) -> AbstractConnection:
        """Return the connection. Raises BusUnavailableError, at once where it just failed."""
        if self._closed:
            raise BusUnavailableError("the bus is closed")
        async with self._making:
            # `is_closed` only says whether we closed it.
            if self._connection is None or not self._connection.connected.is_set():
                broken, self._connection = self._connection, None
                if broken is not None:
                    await ended(broken)
                if time.monotonic() < self._not_before:
                    raise BusUnavailableError(self._why)
                self._connection = await self._connected()
        return self._connection

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """Give a channel of its own: what the server refuses closes the channel that asked."""
        connection = await self.connection()
        async with asyncio.timeout(SECONDS):
            channel = await connection.channel()
        try:
            yield channel
        finally:
            await ended(channel)

    async def has_exchange(self, name: str) -> bool:
        """Return False where there is no such exchange. Raises BusUnavailableError, and what `TROUBLE` holds."""
        try:
            async with self.channel() as channel, deadline():
                await channel.get_exchange(name, ensure=True)
        except ChannelNotFoundEntity:
            return False
        return True

    async def close(self) -> None:
        """End the connection."""
        self._closed = True
        if self._connection is not None:
            await ended(self._connection)

    async def _connected(self) -> AbstractConnection:
        settings, parts = self._settings, urlsplit(self._settings.url)
        secure = parts.scheme == "amqps"
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                files = (settings.ca_file, settings.cert_file, settings.key_file)
                return await aio_pika.connect(
                    host=str(parts.hostname),
                    port=int(parts.port or 0),
                    login=settings.username,
                    password=settings.password.value(),
                    virtualhost=unquote(parts.path.removeprefix("/")) or "/",
                    ssl=secure,
                    ssl_context=await tls.context(*files) if secure else None,
                    heartbeat=_HEARTBEAT,
                )
        except TROUBLE as error:
            self._why = _reason(error) or self._away
            self._not_before = time.monotonic() + _RETRY_SECONDS
            raise BusUnavailableError(self._why) from error


async def ended(what: AbstractChannel | AbstractConnection) -> None:
    """End it, but wait not for long: the server may be gone."""
    with contextlib.suppress(*TROUBLE):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await what.close()


def _reason(error: BaseException | None) -> str:
    """Return in constant words what was wrong, as the first who knows says it; empty where nobody was met."""
    while error is not None:
        if isinstance(error, AuthenticationError | ProbableAuthenticationError):
            return "RabbitMQ refuses our credentials"
        if isinstance(error, ssl.SSLCertVerificationError):
            return "the certificate of RabbitMQ cannot be verified: see RABBITMQ_CA_FILE, and the certificate's dates"
        error = error.__cause__ or error.__context__
    return ""
