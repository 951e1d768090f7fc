"""What the log writes: pieces of work that wait, and the transaction that several of them share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.events.cloudevent import CloudEvent
from shared.local.broker.cursor import Cursor
from shared.local.broker.records import Letter


@dataclass(slots=True, eq=False)
class Work:
    """What shall become durable together: events to add, a delivery's end, a letter to write or to settle."""

    events: Sequence[tuple[CloudEvent, bytes]] = ()
    ended: tuple[Cursor, int] | None = None
    letter: Letter | None = None
    settled: int = 0
    done: "asyncio.Future[bool] | None" = None  # set once it waits in the queue

    @property
    def size(self) -> int:
        """Return the bytes of its events."""
        return sum(len(body) for _, body in self.events)


@dataclass(slots=True)
class Draft:
    """One transaction while it is put together."""

    endings: list[tuple[Cursor, int]]
    works: list[Work] = field(default_factory=list)
    events: list[tuple[CloudEvent, bytes]] = field(default_factory=list)
    ended: dict[Cursor, list[int]] = field(default_factory=dict)
