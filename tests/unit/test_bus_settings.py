"""Settings of the buses: nothing secret in an address, nothing secret in the clear."""

import pytest

from shared.bus.names import misnamed
from shared.bus.settings import KafkaSettings, RabbitmqSettings
from shared.settings.environment import Settings, SettingsError, read
from shared.settings.nats import NatsSettings

TLS = "tls://nats.example"


@pytest.mark.parametrize(
    ("model", "environment", "text"),
    [
        (NatsSettings, {"NATS_URL": "http://nats"}, "must be an address such as nats://"),
        (NatsSettings, {"NATS_URL": "nats://app:geheim@nats"}, "must not hold a user or password"),
        (NatsSettings, {"NATS_URL": "nats://app:geheim"}, "must be an address such as nats://"),
        (NatsSettings, {"NATS_URL": "nats://[::1"}, "must be an address such as nats://"),
        (RabbitmqSettings, {"RABBITMQ_URL": "amqps://app:geheim"}, "must be an address such as amqps://"),
        (NatsSettings, {"NATS_URL": "nats://a,tls://b"}, "all servers have tls://, or none"),
        (NatsSettings, {"NATS_URL": "nats://nats.example", "NATS_CA_FILE": "ca"}, "need a NATS_URL of tls://"),
        (
            NatsSettings,
            {"NATS_URL": "nats://nats.example", "NATS_USERNAME": "app", "NATS_PASSWORD": "geheim"},
            "NATS_PASSWORD is only sent over TLS",
        ),
        (NatsSettings, {"NATS_URL": TLS, "NATS_USERNAME": "app"}, "go together"),
        (
            NatsSettings,
            {"NATS_URL": TLS, "NATS_NKEY": "geheim", "NATS_CREDS": "geheim"},
            "one way to sign in is enough",
        ),
        (NatsSettings, {"NATS_URL": TLS, "NATS_KEY_FILE": "key"}, "NATS_KEY_FILE needs NATS_CERT_FILE"),
        (KafkaSettings, {"KAFKA_BROKERS": "http://kafka/"}, "must be host:port"),
        (KafkaSettings, {"KAFKA_BROKERS": "kafka:9092,app:geheim"}, "must be host:port"),
        (
            KafkaSettings,
            {"KAFKA_BROKERS": "kafka:9092", "KAFKA_USERNAME": "app", "KAFKA_PASSWORD": "geheim"},
            "KAFKA_USERNAME needs TLS",
        ),
        (KafkaSettings, {"KAFKA_BROKERS": "kafka:9092", "KAFKA_USERNAME": "app"}, "belong together"),
        (RabbitmqSettings, {"RABBITMQ_URL": "amqp://rabbit.example"}, "in the clear"),
        (RabbitmqSettings, {"RABBITMQ_URL": "amqps://app:geheim@rabbit"}, "must not hold a user or password"),
        (RabbitmqSettings, {"RABBITMQ_URL": "amqps://app:12/geheim@rabbit"}, "must not hold a user or password"),
        (NatsSettings, {"NATS_URL": "nats://app/geheim@nats"}, "must not hold a user or password"),
        (RabbitmqSettings, {"RABBITMQ_URL": "amqps://a,amqps://b"}, "one address"),
    ],
)
def test_what_cannot_work_is_said_without_what_is_secret(
    model: type[Settings], environment: dict[str, str], text: str
) -> None:
    with pytest.raises(SettingsError, match=text) as raised:
        read(model, environment)
    assert "geheim" not in str(raised.value)


def test_an_address_is_completed() -> None:
    nats = read(NatsSettings, {"NATS_URL": "nats://a, nats://[::1]:9999, b"})
    assert nats.servers == ["nats://a:4222", "nats://[::1]:9999", "nats://b:4222"]
    assert not nats.tls
    assert read(RabbitmqSettings, {"RABBITMQ_URL": "amqps://r/vhost"}).url == "amqps://r:5671/vhost"


def test_what_the_requirements_set_is_taken_as_it_stands() -> None:
    nats = read(NatsSettings, {"NATS_URL": "nats://nats.event-bus.svc.cluster.local:4222"})
    assert nats.servers == ["nats://nats.event-bus.svc.cluster.local:4222"]
    kafka = read(KafkaSettings, {"KAFKA_BROKERS": "a:9092, b:9092", "KAFKA_TOPICS": "kubernetes-events"})
    assert (kafka.brokers, kafka.secure) == ("a:9092,b:9092", False)


@pytest.mark.parametrize(
    ("bus", "name", "is_one"),
    [
        ("nats", "kubernetes-events", True),
        ("nats", "KN_SHOP__DEAD_LETTERS", True),
        ("nats", "their.topic", False),
        ("kafka", "their.topic", True),
        ("rabbitmq", "their.topic", True),
        ("rabbitmq", "Orders:Placed", True),  # as MassTransit names its exchanges
        ("embedded", "Störungen", True),
        ("nats", ">", False),
        ("kafka", "a b", False),
        ("kafka", "..", False),
        ("rabbitmq", "", False),
        ("", "a\n", False),
        ("kafka", "a" * 249, True),
        ("kafka", "a" * 250, False),
    ],
)
def test_a_name_that_a_bus_does_not_take_is_told(bus: str, name: str, *, is_one: bool) -> None:
    assert (misnamed(bus, [name]) == []) is is_one
    assert misnamed(bus, ["a"], "b.c") == (
        ["'b.c' is no group of nats: it has letters, digits, _ and -"] if bus == "nats" else []
    )
    assert misnamed(bus, ["a"], "g" * 101) == [
        f"{'g' * 101!r} is no group of {bus or 'a bus'}: it has 1 to 100 signs that can be printed"
    ]
