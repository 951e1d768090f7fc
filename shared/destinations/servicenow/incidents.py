"""Records of a table of incidents as tickets: what the delivery algorithm asks for, said in Table API requests."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from shared.delivery.failure import Failure, Refused
from shared.delivery.preview import Preview
from shared.delivery.ticket import Found, Mark, Order, is_key
from shared.destinations.finding import Finding
from shared.destinations.http import naming
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.check import check
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.keyed import UNKEYED, Keyed
from shared.destinations.servicenow.lookups import Lookups, groups_and_items, people, sent_as_they_are
from shared.destinations.servicenow.record import (
    CORE_FIELDS,
    JOURNALS,
    Table,
    belongs,
    display_of,
    found_of,
    plain,
    query_of,
)
from shared.destinations.servicenow.references import is_sys_id
from shared.destinations.servicenow.settings import TableSettings
from shared.destinations.servicenow.writing import Directly, writer_of
from shared.events.delivery import DeliveryOperation

_MOST = 100
"""Most records of one problem that are looked at, newest first."""
REFERENCES: Final = frozenset({"assignment_group", "caller_id", "cmdb_ci"})
"""Fields that hold a record's sys_id, and whose names are looked up."""


class Incidents:
    """One table of one instance as a ticket destination. `fields` are those that the mapping can set."""

    journals: Final = JOURNALS

    def __init__(self, client: Client, settings: TableSettings, table: Table, name: str, fields: Iterable[str]) -> None:
        self.name = name
        self._client = client
        self._direct = Directly(client, table.name)
        self._writer = writer_of(client, settings, table.name)
        self._table = table
        self._mapped = frozenset(fields)
        self._settings = settings
        self._lookups = Lookups(
            {**groups_and_items(client, settings), "caller_id": people(client, "caller", settings.caller)}
        )
        self._keyed = Keyed(self._found)
        own = {*CORE_FIELDS, table.parent}
        self._fields = ",".join([*CORE_FIELDS, table.parent, *sorted(self._mapped - own - self.journals)])

    def open(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        with naming("SERVICENOW_CA_FILE"):
            self._client.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        return await check(self._client, self._settings, self._table.name, self._mapped)

    def preview(self, order: Order, operation: DeliveryOperation) -> list[Preview]:
        """Return the request that creates the incident, changes, resolves or reopens it. Names stand for their ids."""
        table = f"{self._settings.instance}/api/now/table/{self._table.name}"
        if operation == "open":
            named = sent_as_they_are(order.fields, self._lookups.fields)
            return [Preview(self.name, "POST", table, created(order, self._table, named, []))]
        body = marked(order, self._table)
        if operation == "resolve":
            body = resolved(body, {}, self._table)
        elif operation == "reopen":
            body["state"] = self._table.states.working
        return [Preview(self.name, "PATCH", f"{table}/{{sys_id}}", body)]

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return the incidents of the episode and of its problem, compared again in code."""
        if not (is_key(episode) and is_key(problem)):
            return Refused("the episode's keys are not keys")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        answer = await self._client.search(self._table.name, query_of(episode, problem), self._fields, _MOST, seconds)
        if not isinstance(answer, Rows):
            return answer
        found = [self._found(row, problem) for row in answer.rows if belongs(row, episode, problem)]
        return await self._merged(found, deadline - loop.time())

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Create a record. A group, caller or item that cannot be found is left to the instance, and never refuses."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        if self._keyed.refuses:
            return UNKEYED
        found, notes = await self._lookups.resolve(self._lookups.of(order.fields), seconds / 2)
        values = created(order, self._table, found, notes)
        answer = await self._writer.insert(values, self._fields, deadline - loop.time())
        return self._keyed.created(self._keyed.one(answer, order.mark))

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields and mark; where people merged it, tell the ticket that stays, and change nothing there."""
        if found.into:
            return await self._tell(found, order, seconds)
        return await self._change(found, order, lambda values: values, seconds)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Set it to Resolved with the close code; the instance closes it by itself later.

        A consequence goes below the ticket of its cause, but for one that people put below another.
        """
        below = {}
        if order.parent is not None and not found.fields.get(self._table.parent):
            below[self._table.parent] = order.parent.ref
        return await self._change(
            found, order, lambda values: resolved({**values, **below}, found.fields, self._table), seconds
        )

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Set it back to In Progress. It is nobody's consequence any more: the end of its cause would end it, too."""
        body = {"state": self._table.states.working}
        if found.mark.standing == "over" and found.fields.get(self._table.parent):
            body[self._table.parent] = ""
        return await self._change(found, order, lambda values: {**values, **body}, seconds)

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Cancel a second incident of ours, with a link to the one that stays."""
        mark = Mark(found.mark.episode, found.mark.problem, found.mark.revision, found.mark.reopened, "void")
        answer = await self._direct.change(found.ref, canceled(mark, keeper, self._table), self._fields, seconds)
        return self._keyed.one(answer, mark)

    async def _change(
        self, found: Found, order: Order, finish: Callable[[dict[str, str]], dict[str, str]], seconds: float
    ) -> Found | Failure:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        values = marked(order, self._table)
        named = self._lookups.taken_from(values)
        values |= (await self._lookups.resolve(named, seconds / 2))[0]
        writer = self._writer if found.mark.episode == order.mark.episode else self._direct
        answer = await writer.change(found.ref, finish(values), self._fields, deadline - loop.time())
        return self._keyed.one(answer, order.mark)

    async def _merged(self, found: Sequence[Found], seconds: float) -> tuple[Found, ...] | Failure:
        """Return the records, those that ended in favour of one that is active with that one's id."""
        parents = {one.fields.get(self._table.parent, "") for one in found if not one.active}
        asked = sorted(sys_id for sys_id in parents if is_sys_id(sys_id))
        if not asked:
            return tuple(found)
        answer = await self._client.search(
            self._table.name, f"sys_idIN{','.join(asked)}", "sys_id,state", len(asked), seconds
        )
        if not isinstance(answer, Rows):
            return tuple(found) if isinstance(answer, Refused) else answer
        standing = {row.get("sys_id", ""): self._table.states.standing(row.get("state", "")) for row in answer.rows}
        active = {sys_id for sys_id in asked if standing.get(sys_id) in {"active", "on-hold"}}
        return tuple(
            replace(one, into=parent)
            if not one.active and (parent := one.fields[self._table.parent]) in active
            else one
            for one in found
        )

    async def _tell(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Add to the journals of the ticket that people merged this one into."""
        notes = plain({name: text for name, text in order.fields.items() if name in self.journals})
        answer = await self._direct.change(found.into, notes, "sys_id", seconds) if notes else Rows(())
        return replace(found, mark=order.mark) if isinstance(answer, Rows) else answer

    def _found(self, row: Mapping[str, str], problem: str) -> Found:
        return found_of(row, problem, self._settings.instance, self._table)


def marked(order: Order, table: Table) -> dict[str, str]:
    """Return the body that every write has: the mapped fields and the mark."""
    values = {name: value for name, value in order.fields.items() if name not in table.ours}
    return {**plain(values), "correlation_id": order.mark.episode, "correlation_display": display_of(order.mark)}


def created(order: Order, table: Table, references: Mapping[str, str], notes: Sequence[str]) -> dict[str, str]:
    """Return the body of a new record; `references` are the sys_ids of what it refers to, by field."""
    values = {name: text for name, text in marked(order, table).items() if name not in REFERENCES} | dict(references)
    follows = f"Follows {order.after.number} ({order.after.link}), which is closed." if order.after else ""
    parts = [part for part in (values.get("work_notes", ""), *notes, follows) if part]
    return plain({**values, "work_notes": "\n".join(parts)}) if parts else values


def resolved(values: dict[str, str], now: Mapping[str, str], table: Table) -> dict[str, str]:
    """Return the body that resolves: a close code that someone chose already stays."""
    code = now.get("close_code") or values.get("close_code") or table.close_code
    notes = values.get("close_notes") or now.get("close_notes") or "The problem ended."
    body = {**values, "state": table.states.resolved, "close_notes": notes}
    return {**body, "close_code": code} if code else body


def canceled(mark: Mark, keeper: Found, table: Table) -> dict[str, str]:
    """Return the body that cancels a second record."""
    return {
        "state": table.states.canceled,
        "correlation_display": display_of(mark),
        "work_notes": f"Opened twice for one problem. {keeper.number} stays: {keeper.link}",
    }
