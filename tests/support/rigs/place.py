"""What every rig has: where the stand-in is served, and how its function is run against it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from shared.events.change import Change
from shared.events.cloudevent import CloudEvent, type_of_change, type_of_transition
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import InProgress, Retry
from shared.local.standins.faults import Faults, Rule
from shared.runtime.function import Call, Result
from shared.runtime.registry import load
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.records import classified_event
from tests.support.rigs.transport import served
from tests.support.tickets import Clock, episode

T = TypeVar("T")
R = TypeVar("R", bound="Rig")
Standing = Literal["active", "resolved", "closed", "void"]


class App(Protocol):
    """A stand-in of ours."""

    faults: Faults

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""

    def close(self) -> None:
        """Close its database."""


@dataclass(frozen=True)
class Ticket:
    """A ticket over there, in the suite's words. `text` is title and description, `notes` what was added later."""

    ref: str
    number: str
    standing: Standing
    text: str
    notes: tuple[str, ...]


@dataclass
class Place(Generic[R]):
    """A served stand-in, and a store for the claims of the functions that are played against it."""

    rig: R
    url: str
    app: Any
    settings: Mapping[str, str]
    metrics: Metrics = field(default_factory=Metrics)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        """Keep claims where the clock can be moved."""
        self.store = MemoryStore(self.clock)

    @property
    def shares(self) -> bool:
        """Return whether what waits at the same time shares a call."""
        return bool(getattr(self.rig, "shares", True))

    @property
    def returns(self) -> bool:
        """Return whether what it is told of can come back after its end."""
        return bool(getattr(self.rig, "returns", True))

    @property
    def stranger(self) -> str:
        """Return the type of an event that is none of its business."""
        return str(getattr(self.rig, "stranger", "dev.tidings.problem.opened.v1"))

    @property
    def foreign(self) -> tuple[Rule, ...]:
        """Return what a 200 can be that is not the system's own; a system that takes any answer has pages alone."""
        any_ = (Rule(do="html"), Rule(do="body", body=""), Rule(do="body", body="[]"), Rule(do="body", body="{}"))
        found: tuple[Rule, ...] = getattr(self.rig, "foreign", any_)
        return found

    def play(self, main: Callable[["Delivering"], Awaitable[T]], **settings: str) -> T:
        """Run a scenario with a started function; an empty setting takes one away."""
        environ = {name: text for name, text in {**self.settings, **settings}.items() if text}

        async def scenario() -> T:
            function: Any = load(self.rig.function, environ, self.metrics, store=self.store)
            tickets = getattr(function, "_tickets", None)
            claims = getattr(function, "_claims", None) if tickets is None else tickets._claims
            if claims is not None:
                claims.clock = self.clock
            await function.start()
            try:
                return await main(Delivering(function, self.rig))
            finally:
                await function.stop()

        return asyncio.run(scenario())


class Rig(Protocol):
    """One destination: the names and the ways of its stand-in; see `transport` for one that does not speak HTTP."""

    @property
    def function(self) -> str:
        """Return the function's name."""

    @property
    def writes(self) -> str:
        """Return the stand-in's name of the operation that creates, for fault rules."""

    @property
    def url(self) -> str:
        """Return the setting that holds the address."""

    @property
    def secret(self) -> str:
        """Return the setting that holds the credential."""

    @property
    def ca(self) -> str:
        """Return the setting that holds the CA file."""

    @property
    def hurried(self) -> Mapping[str, str]:
        """Return settings with which a request takes half a second at most."""

    def opened(self) -> App:
        """Return a new stand-in."""

    def settings(self, url: str) -> dict[str, str]:
        """Return the settings that lead the function to it."""


class TicketRig(Rig, Protocol):
    """A destination of tickets."""

    @property
    def reads(self) -> str:
        """Return the stand-in's name of the operation that finds, for fault rules."""

    @property
    def nothing(self) -> str:
        """Return the body of an answer that says that nothing was found."""

    @property
    def refusal(self) -> str:
        """Return the body of an answer that refuses a ticket for good."""

    def tickets(self, app: Any) -> list[Ticket]:
        """Return all tickets, oldest first."""

    def by_hand(self, app: Any, ticket: Ticket, standing: Standing) -> None:
        """Change a ticket's standing as a person would."""

    def second(self, app: Any, episode: Episode) -> None:
        """Make a ticket of the episode behind our back, as a create does that commits late."""


class RecordRig(Rig, Protocol):
    """A destination of records."""

    @property
    def refuses_copies(self) -> bool:
        """Return True where it knows what it has by the identity, and takes no copy."""

    def records(self, app: Any) -> list[str]:
        """Return the identities of all records in the order of their arrival, repeated ones as well."""


@dataclass(frozen=True)
class Told:
    """One request that came, in the suite's words. `again`: its key came before."""

    key: str
    operation: str
    revision: int
    again: bool


class NoticeRig(RecordRig, Protocol):
    """A destination that is told and cannot be asked."""

    def told(self, app: Any) -> list[Told]:
        """Return all requests about episodes in the order of their arrival, repeated ones as well."""


@dataclass(frozen=True)
class Upserted:
    """What a system that upserts knows of one key. `over` says that it was told of the end."""

    key: str
    over: bool
    text: str


class UpsertRig(Rig, Protocol):
    """A destination that upserts by key."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Return bodies of answers with status 200 that say, or leave open, that nothing was taken."""

    def key(self, episode: Episode) -> str:
        """Return the key that the episode has over there."""

    def told(self, app: Any) -> list[Upserted]:
        """Return what is known over there, one for each key, oldest first."""


class Delivering:
    """A started function, called as the edge calls it."""

    def __init__(self, function: Any, rig: Any = None) -> None:
        self.function = function
        self._subject: Callable[[Episode], Any] = getattr(rig, "subject", lambda one: one)

    def preview(self, one: Episode) -> list[Any]:
        """Return what it would send of an episode, or of what the rig tells instead."""
        found: list[Any] = self.function.preview(self._subject(one))
        return found

    async def __call__(self, one: Episode | Classified, seconds: float = 10.0) -> Result:
        event = event_of(self._subject(one)) if isinstance(one, Episode) else classified_event(one)
        result: Result = await self.function.handle(event, Call(asyncio.get_running_loop().time() + seconds))
        return result


def event_of(one: Episode | Change) -> CloudEvent:
    """Return the correlator's event of a snapshot, as JSON brought it here."""
    typed = type_of_change if isinstance(one, Change) else type_of_transition
    return CloudEvent(
        id=f"{one.id}-{one.revision}",
        source="tidings/correlator",
        type=typed(one.transition),
        extensions={"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"},
        data=one.model_dump(mode="json"),
    )


@contextmanager
def placed(
    rig: R, certificate: Path | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> Iterator[Place[R]]:
    """Serve a new stand-in, by TLS of this version at most where there is a certificate."""
    with served(rig, certificate, newest) as (app, url):
        yield Place(rig, url, app, rig.settings(url))


Tickets = Place[TicketRig]
"""Where the tickets of one system are."""


Upserts = Place[UpsertRig]
"""Where the records of one system are that upserts by key."""


def standings(place: Tickets) -> list[str]:
    """Return how each ticket stands over there."""
    return [ticket.standing for ticket in place.rig.tickets(place.app)]


async def settle(deliver: Delivering, place: Tickets, turns: int = 8) -> list[type]:
    """Deliver again as a broker does until the answer is final."""
    outcomes: list[type] = []
    for _ in range(turns):
        outcomes.append(type((await deliver(episode())).outcome))
        if outcomes[-1] not in {Retry, InProgress}:
            break
        place.clock.now += 60
    return outcomes


def told(place: Upserts) -> list[Upserted]:
    """Return what the system was told, in order."""
    return place.rig.told(place.app)
