"""Records of a table of incidents as tickets: what the delivery algorithm asks for, said in Table API requests."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from shared.delivery.failure import Ambiguous, Failure, Refused
from shared.delivery.preview import Preview
from shared.delivery.ticket import Found, Mark, Order, is_key
from shared.destinations.http import naming
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.check import check
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.groups import Groups
from shared.destinations.servicenow.record import (
    CORE_FIELDS,
    Table,
    belongs,
    display_of,
    found_of,
    query_of,
)
from shared.destinations.servicenow.settings import TableSettings

_MOST = 100
"""Most records of one problem that are looked at, newest first."""
_GROUP: Final = "assignment_group"
_UNKEYED: Final = Refused("the record does not keep its correlation_id: a field or a right is missing")
_PAUSE: Final = 600.0
"""Seconds without creating after a record came without its key: nobody finds it, each snapshot would make another."""


class Incidents:
    """One table of one instance as a ticket destination. `fields` are those that the mapping can set."""

    journals: Final = frozenset({"work_notes", "comments"})

    def __init__(self, client: Client, settings: TableSettings, table: Table, name: str, fields: Iterable[str]) -> None:
        self.name = name
        self._client = client
        self._table = table
        self._mapped = frozenset(fields)
        self._settings = settings
        self._groups = Groups(client, settings.group)
        self._unkeyed_until = float("-inf")
        self._fields = ",".join([*CORE_FIELDS, *sorted(self._mapped - set(CORE_FIELDS) - self.journals)])

    def open(self) -> None:
        """Build the HTTP client. Raises SettingsError for a CA file that cannot be used."""
        with naming("SERVICENOW_CA_FILE"):
            self._client.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says."""
        return await check(self._client, self._table, self._settings.group, self._mapped)

    def preview(self, order: Order, *, over: bool) -> list[Preview]:
        """Return the request that creates the incident, or with `over` resolves it."""
        settings = self._settings
        table = f"{settings.instance}/api/now/table/{self._table.name}"
        if over:
            body = resolved(marked(order, self._table), {}, self._table)
            return [Preview(self.name, "PATCH", f"{table}/{{sys_id}}", body)]
        body = created(order, self._table, settings.caller, order.fields.get(_GROUP, ""), "")
        return [Preview(self.name, "POST", table, body)]

    async def find(self, episode: str, problem: str, seconds: float) -> tuple[Found, ...] | Failure:
        """Return the incidents of the episode and of its problem, compared again in code."""
        if not (is_key(episode) and is_key(problem)):
            return Refused("the episode's keys are not keys")
        answer = await self._client.search(self._table.name, query_of(episode, problem), self._fields, _MOST, seconds)
        if not isinstance(answer, Rows):
            return answer
        return tuple(self._found(row, problem) for row in answer.rows if belongs(row, episode, problem))

    async def create(self, order: Order, seconds: float) -> Found | Failure:
        """Create an incident. A group that cannot be found is left to the instance and said in the work notes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        if loop.time() < self._unkeyed_until:
            return _UNKEYED
        group = await self._groups.resolve(order.fields.get(_GROUP, ""), seconds / 2)
        values = created(order, self._table, self._settings.caller, group.sys_id, group.note)
        answer = await self._client.insert(self._table.name, values, self._fields, deadline - loop.time())
        found = self._one(answer, order.mark)
        if found == _UNKEYED:
            self._unkeyed_until = loop.time() + _PAUSE
        return found

    async def update(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Change fields and mark."""
        return await self._change(found, order, lambda values: values, seconds)

    async def resolve(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Set it to Resolved with the close code; the instance closes it by itself later."""
        return await self._change(found, order, lambda values: resolved(values, found.fields, self._table), seconds)

    async def reopen(self, found: Found, order: Order, seconds: float) -> Found | Failure:
        """Set it back to In Progress."""
        return await self._change(found, order, lambda values: {**values, "state": self._table.states.working}, seconds)

    async def cancel(self, found: Found, keeper: Found, seconds: float) -> Found | Failure:
        """Cancel a second incident of ours, with a link to the one that stays."""
        mark = Mark(found.mark.episode, found.mark.problem, found.mark.revision, found.mark.reopened, "void")
        answer = await self._client.change(
            self._table.name, found.ref, canceled(mark, keeper, self._table), self._fields, seconds
        )
        return self._one(answer, mark)

    async def _change(
        self, found: Found, order: Order, finish: Callable[[dict[str, str]], dict[str, str]], seconds: float
    ) -> Found | Failure:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        values = marked(order, self._table)
        if _GROUP in values:
            group = await self._groups.resolve(values.pop(_GROUP), seconds / 2)
            values |= {_GROUP: group.sys_id} if group.sys_id else {}
        answer = await self._client.change(
            self._table.name, found.ref, finish(values), self._fields, deadline - loop.time()
        )
        return self._one(answer, order.mark)

    def _one(self, answer: Rows | Failure, mark: Mark) -> Found | Failure:
        if not isinstance(answer, Rows):
            return answer
        if len(answer.rows) != 1 or not answer.rows[0].get("sys_id"):
            return Ambiguous("no record in the answer; the instance may be asleep")
        row = answer.rows[0]
        if row.get("correlation_id") != mark.episode:
            return _UNKEYED
        return self._found(row, mark.problem)

    def _found(self, row: Mapping[str, str], problem: str) -> Found:
        return found_of(row, problem, self._settings.instance, self._table)


def marked(order: Order, table: Table) -> dict[str, str]:
    """Return the body that every write has: the mapped fields and the mark."""
    values = {name: value for name, value in order.fields.items() if name not in table.ours}
    return {**values, "correlation_id": order.mark.episode, "correlation_display": display_of(order.mark)}


def created(order: Order, table: Table, caller: str, group: str, note: str) -> dict[str, str]:
    """Return the body of a new incident."""
    values = marked(order, table)
    values.pop(_GROUP, None)
    if group:
        values[_GROUP] = group
    if caller:
        values.setdefault("caller_id", caller)
    follows = f"Follows {order.after.number} ({order.after.link}), which is closed." if order.after else ""
    notes = "\n".join(part for part in (values.get("work_notes", ""), note, follows) if part)
    return {**values, "work_notes": notes} if notes else values


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
