"""How this process comes to Kafka: the options of every client of it, and why it does not get there.

aiokafka keeps trying by itself, and says the same of an unknown authority and of a wrong password: so after a failure
the handshake is made once more, by hand, to see which it was.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from shared.bus import tls
from shared.bus.kafka_record import partition_of
from shared.bus.protocol import SECONDS, BusUnavailableError
from shared.bus.protocol import unavailable as unavailable_bus
from shared.bus.settings import KafkaSettings
from shared.settings.addresses import unreached

_REQUEST_MS = 8000  # less than a call's deadline: what is given up has left the producer's memory by then
_PROBE_SECONDS = 2.0
_START_SECONDS = 5.0
_RETRY_SECONDS = 1.0
_END_SECONDS = 3.0
_BATCH_BYTES = 256 * 1024
SMALLEST_BATCH = 4 * 1024
_PORT = 9092
_REFUSED = "Kafka refuses our credentials, or they are not those of this listener"
_LACKING: Mapping[type[Exception], str] = {
    TopicAuthorizationFailedError: "a topic",
    GroupAuthorizationFailedError: "a consumer group",
    ClusterAuthorizationFailedError: "the cluster",
}

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it says each try of each broker; we say what it means


class KafkaLink:
    """Makes clients; the producer is one for the process, made by the first who publishes."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._not_before = 0.0
        self._away = unreached("Kafka", settings.brokers, "KAFKA_BROKERS")
        self._why = self._away
        self.batch_bytes = _BATCH_BYTES
        """Bytes of a batch of the producer that is there now; an event that is larger has one of its own."""
        self._endings: set[asyncio.Task[None]] = set()

    async def producer(self) -> AIOKafkaProducer:
        """Return the producer, started. Raises BusUnavailableError."""
        if self._producer is None:
            async with self._making:
                if self._producer is None:  # it was not made while we waited
                    if time.monotonic() < self._not_before:
                        raise BusUnavailableError(self._why)
                    self._producer = await self._started_producer()
                return self._producer
        return self._producer

    def discard(self, producer: AIOKafkaProducer, *, too_large: bool = False) -> None:
        """Have another producer made, for one of which a publish failed; with smaller batches where one was too large.

        Its next sequence number may be one that the broker never expects: it would refuse all that follow.
        """
        stop = producer.stop
        if self._producer is producer:
            self._producer = None
            if too_large:
                self.batch_bytes = max(SMALLEST_BATCH, self.batch_bytes // 2)
            ending = asyncio.create_task(_ended(stop()))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def is_discarded(self, producer: AIOKafkaProducer) -> bool:
        """Return whether another producer stands, or will stand, in the place of this one."""
        return self._producer is not producer

    async def _started_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **await self._options(),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=self.batch_bytes,
            partitioner=partition_of,
        )
        try:
            await self._start(producer)
        except BusUnavailableError as error:
            self._not_before, self._why = time.monotonic() + _RETRY_SECONDS, str(error)
            raise
        return producer

    async def consumer(self, *topics: str, **options: Any) -> AIOKafkaConsumer:
        """Return a consumer, not started: whoever has it may still subscribe.

        Where it was to read what retention has taken, it goes on with the oldest that there is.
        """
        return AIOKafkaConsumer(
            *topics,
            **await self._options(),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            **options,
        )

    async def start(self, consumer: AIOKafkaConsumer) -> None:
        """Start a consumer. Raises BusUnavailableError."""
        await self._start(consumer)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Give an admin client for one piece of work. Raises BusUnavailableError."""
        admin = AIOKafkaAdminClient(**await self._options())
        try:
            await self._start(admin)
            async with asyncio.timeout(SECONDS):
                yield admin
        except (OSError, KafkaError, TimeoutError) as error:
            raise unavailable(error) from error
        finally:
            await _ended(admin.close())

    async def close(self) -> None:
        """End the producer; what it has is sent or given up."""
        producer: Any = self._producer
        if producer is not None:
            await _ended(producer.stop())
        await asyncio.gather(*self._endings)

    async def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "bootstrap_servers": settings.brokers,
            "client_id": "tidings",
            "request_timeout_ms": _REQUEST_MS,
            "retry_backoff_ms": 100,
            "metadata_max_age_ms": 60_000,
        }
        if settings.secure:
            options["ssl_context"] = await tls.context(settings.ca_file, settings.cert_file, settings.key_file)
        if settings.password is not None:
            options["sasl_mechanism"] = "SCRAM-SHA-512"
            options["sasl_plain_username"] = settings.username
            options["sasl_plain_password"] = settings.password.value()
        sasl = "SASL_" if settings.password is not None else ""
        options["security_protocol"] = sasl + ("SSL" if settings.secure else "PLAINTEXT")
        return options

    async def _start(self, client: AIOKafkaProducer | AIOKafkaConsumer | AIOKafkaAdminClient) -> None:
        try:
            async with asyncio.timeout(_START_SECONDS):
                await client.start()
        except (OSError, KafkaError, TimeoutError) as error:
            stop = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
            await _ended(stop())
            known = isinstance(error, TimeoutError) or type(error) in _LACKING
            raise (unavailable(error) if known else BusUnavailableError(await self._cause())) from error

    async def _cause(self) -> str:
        """Return why nobody could be reached: by a handshake with each broker that was named."""
        settings = self._settings
        context = (
            await tls.context(settings.ca_file, settings.cert_file, settings.key_file) if settings.secure else None
        )
        found = self._away
        for one in settings.brokers.split(","):
            parts = urlsplit(f"//{one}")
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    _, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORT, ssl=context)
            except ssl.SSLCertVerificationError:
                found = "the certificate of Kafka cannot be verified: see KAFKA_CA_FILE, and the certificate's dates"
            except (OSError, TimeoutError):
                continue
            else:
                writer.close()
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(_PROBE_SECONDS):
                        await writer.wait_closed()
                return _REFUSED
        return found


def unavailable(error: Exception) -> BusUnavailableError:
    """Return what to raise for what aiokafka raised."""
    if (on := _LACKING.get(type(error))) is not None:
        return BusUnavailableError(f"Kafka refuses it: our user has not the right on {on}, see its ACLs")
    return unavailable_bus("Kafka", error)


async def _ended(ending: Any) -> None:
    """Wait for the end of a client, but not for long: its brokers may be gone."""
    with contextlib.suppress(OSError, KafkaError, TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await ending


async def stopped(consumer: AIOKafkaConsumer) -> None:
    """End a consumer."""
    await _ended(consumer.stop())
