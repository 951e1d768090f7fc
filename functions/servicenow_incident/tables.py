"""One function for several tables: each episode goes to the one that takes its category."""

from collections.abc import Mapping

from shared.delivery.claim import Memory
from shared.delivery.preview import Preview
from shared.destinations.finding import Finding
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Rejected
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.ticketing import Ticketing


class ByTable:
    """Deliveries to one instance by category. They share the store and the client, which the last of them closes.

    A category never changes while a problem lasts, unless a rule does: then the new table gets a ticket of its own.
    """

    def __init__(self, name: str, tables: Mapping[str, Ticketing], otherwise: Ticketing) -> None:
        self.name = name
        self._tables = tables
        self._otherwise = otherwise
        self._all = list(dict.fromkeys([*tables.values(), otherwise]))

    async def start(self) -> None:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        for one in self._all:
            await one.start()

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Deliver one snapshot to the table of its category; reply with the report of what took effect."""
        category = event.data.get("category") if isinstance(event.data, dict) else None
        return await self._of(category).handle(event, call)

    def readiness(self) -> Readiness:
        """Return ready once started."""
        return self._otherwise.readiness()

    async def stop(self) -> None:
        """Close the connections and the store."""
        for one in self._all:
            await one.stop()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says of each table. Raises SettingsError."""
        lines = [line for one in self._all for line in await one.check()]
        return list(dict.fromkeys(lines))

    def preview(self, subject: Episode, told: Memory | None = None) -> list[Preview] | Rejected:
        """Return the requests that this snapshot would cause in its table. No I/O."""
        return self._of(subject.category).preview(subject, told)

    def _of(self, category: object) -> Ticketing:
        return self._tables.get(category, self._otherwise) if isinstance(category, str) else self._otherwise
