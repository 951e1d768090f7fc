"""What both of GLPI's APIs can do for us, so that one ticket system speaks either."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from shared.delivery.failure import Failure
from shared.destinations.finding import Finding
from shared.destinations.glpi.record import Row

Kind = Literal["entity", "category", "group", "user", "computer", "appliance"]
"""What can be looked up by name; an appliance by its external identifier."""
Relation = Literal["link", "duplicate", "child"]


class Api(Protocol):
    """One of GLPI's APIs, with its connections. Values that cannot be are Failures; `seconds` bounds each call."""

    @property
    def links(self) -> bool:
        """Return True where it can link assets to tickets."""

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""

    async def close(self) -> None:
        """End the session, and close all connections."""

    async def find(self, needles: Sequence[str], seconds: float) -> list[Row] | Failure:
        """Return the tickets whose title contains one of the needles, newest first; to be compared again."""

    async def read(self, ticket: str, seconds: float) -> Row | Failure:
        """Return a ticket whole. Gone where there is none."""

    async def notes(self, ticket: str, seconds: float) -> list[str] | Failure:
        """Return the HTML of its latest follow-ups and solutions."""

    async def add(self, values: Mapping[str, object], assets: Mapping[str, str], seconds: float) -> str | Failure:
        """Create a ticket and return its id. `assets` are ids by itemtype."""

    async def change(self, ticket: str, values: Mapping[str, object], seconds: float) -> Failure | None:
        """Change fields of a ticket."""

    async def follow(self, ticket: str, html: str, seconds: float, *, reopen: bool = False) -> Failure | None:
        """Add a private follow-up; with `reopen` it makes a solved ticket active again."""

    async def solve(self, ticket: str, html: str, seconds: float) -> Failure | None:
        """Add a solution, which makes the ticket solved."""

    async def relate(self, ticket: str, other: str, relation: Relation, seconds: float) -> Failure | None:
        """Link two tickets, where the API can."""

    async def attach(self, ticket: str, assets: Mapping[str, str], seconds: float) -> Failure | None:
        """Link assets to a ticket, ids by itemtype, where the API can; those that are linked already stay so."""

    async def lookup(self, kind: Kind, name: str, seconds: float) -> str | Failure:
        """Return the id of what has this name, the empty string where nothing has."""

    async def check(self, seconds: float) -> list[Finding]:
        """Say for `tidings doctor` whether GLPI is reached, knows us, and lets us do what we must. Writes nothing."""

    def clocks(self) -> list[Finding]:
        """Return what it says of the clocks, once there was an answer."""

    async def columns(self, seconds: float) -> frozenset[str] | Failure:
        """Return the fields that tickets have, by the names of mappings; none where there is no ticket to look at."""

    def preview_add(self, values: Mapping[str, object]) -> tuple[str, object]:
        """Return URL and body of the request that creates a ticket."""

    def preview_change(self, values: Mapping[str, object]) -> tuple[str, str, object]:
        """Return method, URL and body of the request that changes fields."""

    def preview_follow(self, html: str, *, reopen: bool) -> list[tuple[str, str, object]]:
        """Return method, URL and body of each request that adds a private follow-up, or with it reopens."""

    def preview_solve(self, html: str) -> tuple[str, object]:
        """Return URL and body of the request that solves one."""
