"""What a function is to its host: something that handles one CloudEvent and says how that ended."""

from typing import NamedTuple, Protocol

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Outcome
from shared.runtime.asgi import Receive, Scope, Send


class Call(NamedTuple):
    """What the edge tells a function about one request besides the event.

    `deadline` is seconds of the running event loop's clock (`loop.time()`): the handler must have answered by then, or
    the broker gives up and sends again.
    """

    deadline: float


class Result(NamedTuple):
    """How it ended and the one CloudEvent to reply with, if any. A reply is only sent with Done, Duplicate, Ignored."""

    outcome: Outcome
    reply: CloudEvent | None = None


class Readiness(NamedTuple):
    """Whether the function can do its work now; `problems` are constant texts that name what is missing.

    `notes` are constant texts of what people should know though nothing is missing.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Return True where nothing is missing."""
        return not self.problems


class Function(Protocol):
    """One Tidings function. Built by `functions.<name>.new(settings)`, which must not do I/O."""

    name: str

    async def start(self) -> None:
        """Open what it needs; failing here means the function does not become ready."""

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Handle one event. Must not raise for anything that an event or a foreign system can cause."""

    def readiness(self) -> Readiness:
        """Return whether it can work, without I/O."""

    async def stop(self) -> None:
        """Finish and release everything that `start` opened."""


class Requests(Protocol):
    """What a function takes besides CloudEvents of a broker: its attribute `requests`, where it has one."""

    def takes(self, method: str, path: str) -> bool:
        """Return True for requests that are the function's own."""

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Answer one of them; `path` is what is below where the function is mounted."""


class Publisher(Protocol):
    """Where a function sends events besides its one reply: the broker, by K_SINK or in process."""

    async def publish(self, event: CloudEvent) -> bool:
        """Return True once the broker has durably accepted the event; False where it did not, for any reason."""
