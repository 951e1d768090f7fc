"""How records are written: by the Table API, or through an import set, whose transform upserts (§1.10).

An import set coalesced by `correlation_id` makes one record of one key, whoever else writes at the same time: the
instance holds a mutex on the value. Its answer says little of the record, so that is read once more. The key of a
record cannot be changed by it: taking over the record of an earlier occurrence is the Table API's.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from shared.delivery.failure import Ambiguous, Failure, Refused
from shared.destinations.answer import Answer
from shared.destinations.servicenow.answers import Rows, explained, failure_of
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.references import is_sys_id
from shared.destinations.servicenow.settings import TableSettings

_TAKEN = frozenset({"inserted", "updated", "ignored"})


class Writer(Protocol):
    """A way to write the records of one table. `fields` are those to be read back; `seconds` bounds each call."""

    async def insert(self, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create one record."""

    async def change(self, sys_id: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Change the given fields of one record."""


class Directly:
    """By the Table API."""

    def __init__(self, client: Client, table: str) -> None:
        self._client = client
        self._table = table

    async def insert(self, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create one record."""
        return await self._client.insert(self._table, values, fields, seconds)

    async def change(self, sys_id: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Change the given fields of one record."""
        return await self._client.change(self._table, sys_id, values, fields, seconds)


class ByImport:
    """Through an import set. Every body has its `correlation_id`, never empty: empty ones would share one mutex."""

    def __init__(self, client: Client, table: str, staging: str, prefix: str) -> None:
        self._client = client
        self._table = table
        self._path = f"/api/now/import/{staging}"
        self._prefix = prefix

    async def insert(self, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Create the record of a key, or change it where it is there."""
        body = {
            name if name.startswith(self._prefix) else f"{self._prefix}{name}": text for name, text in values.items()
        }
        answer = await self._client.post(self._path, body, judge_import, seconds / 2)
        if not isinstance(answer, str):
            return answer
        read = await self._client.search(self._table, f"sys_id={answer}", fields, 1, seconds / 2)
        return read if isinstance(read, Rows) else Ambiguous("imported, and not read back")

    async def change(self, sys_id: str, values: Mapping[str, str], fields: str, seconds: float) -> Rows | Failure:
        """Change the record of the key in `values`; its sys_id is the transform's to find."""
        changed = await self.insert(values, fields, seconds)
        if isinstance(changed, Rows) and [row.get("sys_id") for row in changed.rows] != [sys_id]:
            return Refused("the import set changed another record: is its transform coalesced by correlation_id?")
        return changed


def writer_of(client: Client, settings: TableSettings, table: str) -> Writer:
    """Return the way that the settings name. The import set is that of SERVICENOW_TABLE, and of no other table."""
    if settings.import_set and table == settings.table:
        return ByImport(client, table, settings.import_set, settings.import_prefix)
    return Directly(client, table)


def judge_import(answer: Answer, now: float) -> str | Failure:
    """Return the sys_id of the record that was written. A 201 counts only where its row says so."""
    body: Any = answer.json
    rows = body.get("result") if isinstance(body, dict) and answer.status in range(200, 300) else None
    row = rows[0] if isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], dict) else {}
    status, sys_id = row.get("status"), row.get("sys_id")
    if status in _TAKEN and isinstance(sys_id, str) and is_sys_id(sys_id):
        return sys_id
    if status == "error":
        detail = str(row.get("error_message", ""))[:300]
        return Refused(explained(detail) or "the import set's transform refused the row", detail, answer.status)
    if status == "skipped":
        return Refused("the import set's transform skipped the row", "", answer.status)
    return failure_of(answer, now, "POST", writes=True)
