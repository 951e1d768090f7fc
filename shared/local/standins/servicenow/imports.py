"""Import sets: one row in, transformed at once, coalesced by correlation_id (reference/destinations.md §1.10)."""

from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.servicenow.access import User, error
from shared.local.standins.servicenow.policy import applied, writable
from shared.local.standins.servicenow.query import Query
from shared.local.standins.servicenow.store import Database, Row
from shared.local.standins.servicenow.table import TableAPI, writes

if TYPE_CHECKING:
    from shared.local.standins.servicenow.app import Options

PATH: Final = "/api/now/import/"
_PREFIX: Final = "u_"


class ImportSets:
    """Takes rows for staging tables; the answer is 201 whatever becomes of the row."""

    def __init__(self, database: Database, tables: TableAPI) -> None:
        self._database = database
        self._tables = tables

    def take(self, request: Request, user: User, staging: str, options: "Options") -> Response:
        """Answer a post of one row."""
        if request.method != "POST":
            return error(405, "Method not supported")
        try:
            body = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            return error(400, "Exception while reading request", "The payload is not valid JSON.")
        table = options.import_sets[staging]
        if not writes(table, user):
            return error(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
        columns = self._database.tables[table]
        values = {
            target: value
            for name, value in body.items()
            if (target := name if name in columns else name.removeprefix(_PREFIX)) in columns
        }
        with self._database.transaction():  # the mutex on the coalesce value
            row = self._transformed(table, writable(values, columns), user, options)
        return json_response(201, {"import_set": "ISET0010001", "staging_table": staging, "result": [row]})

    def _transformed(self, table: str, values: Row, user: User, options: "Options") -> dict[str, Any]:
        told = {"transform_map": "Tidings", "table": table}
        key = values.get("correlation_id", "")
        found = self._database.find(table, Query("correlation_id = ?", (key,), "seq", invalid=False), 1, 0)
        before = found[0] if found else None
        new = applied(table, before, values, user.name)
        refused = self._tables.refused(table, before, {**(before or {}), **new}, user, options)
        if refused is not None:
            detail = orjson.loads(refused.body)["error"]["detail"]
            return {**told, "status": "error", "error_message": detail}
        if before is None:
            row, status = self._tables.insert(table, new, user.name), "inserted"
        elif all(before.get(name) == value for name, value in new.items()):
            row, status = before, "ignored"
        else:
            row, status = self._tables.update(table, before, new, user.name), "updated"
        shown = {"display_name": "number", "display_value": row["number"], "sys_id": row["sys_id"]}
        return {**told, **shown, "status": status}
