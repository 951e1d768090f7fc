"""What nats-py leaves to those who use it: TLS, calls that end with the connection, and connections that end wholly."""

import asyncio
import contextlib
import logging
import ssl
from types import TracebackType

from nats.aio.client import Client

from shared.settings.nats import NatsSettings

# Of every connection with TLS asyncio says so at its end: nats-py began it without, and nobody can do a thing about it.
logging.getLogger("asyncio").addFilter(lambda record: "eof_received" not in str(record.msg))


class Calls:
    """The calls under way on a connection: they end with it, not at their own deadline."""

    def __init__(self) -> None:
        self._limits: set[asyncio.Timeout] = set()

    def within(self, seconds: float | None) -> "Bounded":
        """Bound one call. Raises TimeoutError after `seconds`, if it is given any, or once the connection is lost."""
        return Bounded(self._limits, seconds)

    def end(self) -> None:
        """End them all; the connection is lost."""
        now = asyncio.get_running_loop().time()
        for limit in self._limits:
            if not limit.expired():  # it may have reached its own deadline in this very moment
                limit.reschedule(now)


def tls_context(who: NatsSettings) -> ssl.SSLContext:
    """Return how to speak TLS, 1.3 or later as every server of NATS can; the files are read now. Raises OSError."""
    context = ssl.create_default_context(cafile=who.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if who.cert_file:
        context.load_cert_chain(who.cert_file, who.key_file, password=lambda: "")
    return context


class Bounded:
    """One call's bound; a generator in its place would cost as much as encoding the event."""

    __slots__ = ("_limit", "_limits")

    def __init__(self, limits: set[asyncio.Timeout], seconds: float | None) -> None:
        self._limits = limits
        self._limit = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._limits.add(self._limit)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._limits.discard(self._limit)
        await self._limit.__aexit__(kind, error, trace)


def is_secure(client: Client) -> bool:
    """Return True where the server asked for TLS."""
    return bool(client._server_info.get("tls_required"))  # noqa: SLF001 - nothing public says it


async def end(client: Client, seconds: float) -> None:
    """Close it; one whose connection never stood, or whose server is frozen, would wait for ever."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(seconds):
            await client.close()
    # What failed while it was being made is left open by nats-py.
    if (transport := client._transport) is not None:  # noqa: SLF001 - nothing public closes it
        transport.close()  # type: ignore[no-untyped-call]
