"""What is carried: one event in the Broker's topic, and one Trigger's delivery of it."""

from collections.abc import Callable
from typing import Any


class Record:
    """One event: when the cluster sent it, in which partition it is, and what will become of it (`about`).

    `calls` are the requests that it makes of a ticket system; `storm` says that it is one of a storm.
    """

    __slots__ = ("about", "calls", "partition", "sent", "storm")

    def __init__(self, sent: float, partition: int, about: Any = None, *, calls: int = 0, storm: bool = False) -> None:
        self.sent = sent
        self.partition = partition
        self.about = about
        self.calls = calls
        self.storm = storm


class Delivery:
    """A record on its way to a function: how often it was tried, and how many requests this try still makes."""

    __slots__ = ("answered", "left", "record", "tries")

    def __init__(self, record: Record, answered: Callable[["Delivery", bool], None]) -> None:
        self.record = record
        self.answered = answered
        self.tries = 0
        self.left = record.calls
