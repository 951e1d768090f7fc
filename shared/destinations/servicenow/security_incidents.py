"""Security incidents with their observables: incidents of another table, and what is linked to each of them."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import replace

from shared.delivery.failure import Failure
from shared.delivery.preview import Preview
from shared.delivery.ticket import Found, Order
from shared.destinations.finding import Finding
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.incidents import Incidents
from shared.destinations.servicenow.observables import Observables, requests_of
from shared.destinations.servicenow.observables_check import check_observables
from shared.destinations.servicenow.security_record import OBSERVABLES, TABLE
from shared.destinations.servicenow.settings import TableSettings
from shared.events.delivery import DeliveryOperation

_UNREAD = frozenset({OBSERVABLES})
_MOST_KNOWN = 500


class SecurityIncidents:
    """The security incidents of one instance as a ticket destination. `fields` are those that the mapping can set.

    `types` are the names of the types of observables that it can set.
    """

    def __init__(
        self, client: Client, settings: TableSettings, name: str, fields: Iterable[str], types: Iterable[str]
    ) -> None:
        own = frozenset(fields) - _UNREAD
        self._incidents = Incidents(client, settings, settings.table_of(TABLE), name, own)
        self._observables = Observables(client)
        self._client = client
        self._instance = settings.instance
        self._types = frozenset(types)
        self._known: dict[str, str] = {}  # what was linked lately, by incident: no search shows it
        self.name = name
        self.journals = self._incidents.journals

    def open(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        self._incidents.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._incidents.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        lines = await self._incidents.check()
        reached = bool(lines and lines[0][0])
        return [*lines, *await check_observables(self._client, self._types)] if reached else lines

    def preview(self, order: Order, operation: DeliveryOperation) -> list[Preview]:
        """Return the request of the incident, and those that link its observables where none is there yet."""
        bare, text = _apart(order)
        tables = f"{self._instance}/api/now/table"
        return [
            *self._incidents.preview(bare, operation),
            *(Preview(self.name, "POST", f"{tables}/{table}", body) for table, body in requests_of(text)),
        ]

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return the incidents of the episode and of its problem."""
        found = await self._incidents.find(episode, problem, seconds)
        if not isinstance(found, tuple):
            return found
        return tuple(_as_linked(one, self._known.get(one.ref, "")) for one in found)

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Create a record, and link its observables."""
        bare, text = _apart(order)
        return await self._linked(self._incidents.create(bare, seconds), text, seconds)

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields and mark, and link what is new of its observables."""
        bare, text = _apart(order)
        return await self._linked(self._incidents.update(found, bare, seconds), text, seconds)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Put it to the state of what ended by itself, and link what is new of its observables."""
        bare, text = _apart(order)
        return await self._linked(self._incidents.resolve(found, bare, seconds), text, seconds)

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Set it back to work, and link what is new of its observables."""
        bare, text = _apart(order)
        return await self._linked(self._incidents.reopen(found, bare, seconds), text, seconds)

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Cancel a second incident of ours, with a link to the one that stays."""
        return await self._incidents.cancel(found, keeper, seconds)

    async def _linked(self, sent: Awaitable[Found | Failure], text: str, seconds: float) -> Found | Failure:
        """Return the record as it was written, with the observables where they are linked in half of what is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        record = await sent
        if not isinstance(record, Found):
            return record
        linked = bool(text) and await self._observables.link(record.ref, text, (deadline - loop.time()) / 2)
        if linked:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[record.ref] = text
        return _as_linked(record, text if linked else "")


def _apart(order: Order) -> tuple[Order, str]:
    """Return an order without the observables, and those."""
    fields = {name: text for name, text in order.fields.items() if name not in _UNREAD}
    return replace(order, fields=fields), order.fields.get(OBSERVABLES, "")


def _as_linked(record: Found, text: str) -> Found:
    return replace(record, fields={**record.fields, OBSERVABLES: text}, unread=_UNREAD)
