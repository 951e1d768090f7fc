"""The rigs of the bus contract by the name of the bus; a bus that has none fails the contract."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.support.buses import embedded, kafka, nats, rabbitmq

RIGS: dict[str, Callable[[Path], AbstractContextManager[Any]]] = {
    "embedded": embedded.running,
    "nats": nats.running,
    "kafka": kafka.running,
    "rabbitmq": rabbitmq.running,
}
