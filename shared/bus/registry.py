"""The buses by name. A new bus is one entry here: the command line, docs and contract tests follow."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from shared.bus.protocol import Bus
from shared.settings.environment import Environ, Settings, SettingsError, read


class Registered(NamedTuple):
    """One kind of bus: its settings, the setting by which it is known to be wanted, and how it is opened.

    `client` is the package that speaks to it, in the extra of the bus's name; empty where none is needed.
    """

    settings: Callable[[], type[Settings]]
    wanted: str
    open: Callable[[Any], Bus]
    help: str
    client: str = ""


def _embedded_settings() -> type[Settings]:
    from shared.bus.settings import EmbeddedSettings  # models cost start-up time where nothing of a bus is used

    return EmbeddedSettings


def _embedded(settings: Any) -> Bus:
    from shared.bus.embedded import EmbeddedBus  # only the bus that is used is imported

    return EmbeddedBus(settings.path)


def _nats_settings() -> type[Settings]:
    from shared.settings.nats import NatsSettings

    return NatsSettings


def _nats(settings: Any) -> Bus:
    from shared.bus.nats import NatsBus

    return NatsBus(settings)


def _kafka_settings() -> type[Settings]:
    from shared.bus.settings import KafkaSettings

    return KafkaSettings


def _kafka(settings: Any) -> Bus:
    from shared.bus.kafka import KafkaBus

    return KafkaBus(settings)


def _rabbitmq_settings() -> type[Settings]:
    from shared.bus.settings import RabbitmqSettings

    return RabbitmqSettings


def _rabbitmq(settings: Any) -> Bus:
    from shared.bus.rabbitmq import RabbitmqBus

    return RabbitmqBus(settings)


BUSES: dict[str, Registered] = {
    "embedded": Registered(_embedded_settings, "EMBEDDED_BUS", _embedded, "one SQLite file on this machine"),
    "nats": Registered(_nats_settings, "NATS_URL", _nats, "NATS JetStream", "nats"),
    "kafka": Registered(_kafka_settings, "KAFKA_BROKERS", _kafka, "Apache Kafka, Red Hat AMQ Streams", "aiokafka"),
    "rabbitmq": Registered(
        _rabbitmq_settings, "RABBITMQ_URL", _rabbitmq, "RabbitMQ: quorum queues and streams", "aio_pika"
    ),
}


_EXTRAS = {"nats": "nkeys"}


def configured(environ: Environ) -> list[str]:
    """Return the names of the buses that the settings lead to."""
    return [name for name, bus in BUSES.items() if environ.get(bus.wanted) or environ.get(f"{bus.wanted}_FILE")]


def chosen(environ: Environ) -> str:
    """Return the name of the bus that the settings mean: BUS, else the only one that is configured.

    Raises SettingsError where they mean none, or several.
    """
    from shared.bus.settings import BusSettings  # a model, as above

    name = read(BusSettings, environ).name
    if name:
        return name
    there = configured(environ)
    if len(there) == 1:
        return there[0]
    if there:
        raise SettingsError([f"BUS is not set: {' and '.join(there)} are configured, name one of them"])
    wanted = ", ".join(bus.wanted for bus in BUSES.values())
    raise SettingsError([f"no bus is configured: set one of {wanted}"])


def or_embedded(environ: Environ, data: Path) -> dict[str, str]:
    """Return the settings that make the embedded bus in the data folder of `tidings up` the one that is meant.

    None, where the settings mean another one.
    """
    if environ.get("BUS", "embedded") != "embedded" or configured(environ):
        return {}
    return {"BUS": "embedded", BUSES["embedded"].wanted: str(data / "bus.db")}


def opener(name: str, environ: Environ) -> Callable[[], Bus]:
    """Return what opens a bus: its settings are read, its client is known to be there and not yet imported.

    Raises SettingsError.
    """
    bus = BUSES[name]
    settings = read(bus.settings(), environ)
    if name not in configured(environ):
        raise SettingsError([f"{bus.wanted} is not set, and {name} is where the bus is to be"])
    if bus.client and find_spec(bus.client) is None:
        missing = f"the client for {name} is not installed"
        where = f"requirements/{_EXTRAS.get(name, 'bus')}.txt has it (the extra `{_EXTRAS.get(name, name)}`)"
        raise SettingsError([f"{bus.wanted}: {missing}: {where}"])
    return lambda: bus.open(settings)


def open_bus(name: str, environ: Environ) -> Bus:
    """Return a bus by its name; no I/O happens before its first use. Raises SettingsError, also where it is missing."""
    return opener(name, environ)()
