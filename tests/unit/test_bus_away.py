"""A bus that is not there: each says where it was looked for, by which setting, and nothing of who we are."""

import asyncio

import pytest

from shared.bus.protocol import BusUnavailableError
from shared.bus.registry import open_bus
from tests.bench.processes import free_port


@pytest.mark.parametrize(
    ("name", "setting", "scheme", "who"),
    [
        ("nats", "NATS_URL", "nats://", {"NATS_USERNAME": "tidings", "NATS_PASSWORD": "hush"}),
        ("kafka", "KAFKA_BROKERS", "", {"KAFKA_USERNAME": "tidings", "KAFKA_PASSWORD": "hush"}),
        ("rabbitmq", "RABBITMQ_URL", "amqp://", {"RABBITMQ_USERNAME": "tidings", "RABBITMQ_PASSWORD": "hush"}),
    ],
)
def test_a_bus_that_is_not_there_is_named_with_its_address_and_setting(
    name: str, setting: str, scheme: str, who: dict[str, str]
) -> None:
    where = f"{scheme}127.0.0.1:{free_port()}"

    async def ask() -> str:
        bus = open_bus(name, {setting: where, **who})
        try:
            with pytest.raises(BusUnavailableError) as first:
                await bus.describe("t")
            with pytest.raises(BusUnavailableError) as again:
                await bus.describe("t")
        finally:
            await bus.close()
        assert str(again.value) == str(first.value)
        return str(first.value)

    said = asyncio.run(ask())
    label = {"nats": "NATS", "kafka": "Kafka", "rabbitmq": "RabbitMQ"}[name]
    assert said == f"{label} cannot be reached at {where}: see {setting}"
