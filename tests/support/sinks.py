"""What stands behind K_SINK in tests: takes CloudEvents and remembers them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.events.cloudevent import OBSERVED, UNREAD, CloudEvent
from shared.events.codec import decode
from shared.runtime.asgi import answer, read_body


@dataclass
class Sink:
    """An ASGI application; `status` says what it answers to an event. With `keep` false it only counts."""

    status: Callable[[CloudEvent], int] = lambda _: 202
    keep: bool = True
    got: list[CloudEvent] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        event = decode(headers, await read_body(receive, 4 << 20, 10))
        assert isinstance(event, CloudEvent)
        status = self.status(event)
        if status < 300:
            self.counts[event.type] += 1
            if self.keep:
                self.got.append(event)
        await answer(send, status)

    def clear(self) -> None:
        """Forget what came."""
        self.got.clear()
        self.counts.clear()

    @property
    def observed(self) -> list[dict[str, Any]]:
        """Return the observations that came."""
        return [event.data for event in self.got if event.type == OBSERVED]

    @property
    def unread(self) -> list[dict[str, Any]]:
        """Return the data of what could not be read."""
        return [event.data for event in self.got if event.type == UNREAD]
