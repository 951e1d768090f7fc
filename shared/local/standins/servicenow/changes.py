"""The change management API: change requests by type, their next states and conflicts (reference/destinations.md §1.6).

Answers are 200 also for a create; every field is shown as `display_value` and `value`, numbers as JSON has them; fields
that cannot be set are left out in silence and named in `__meta.ignoredFields`.
"""

import re
from typing import TYPE_CHECKING, Any, Final

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.servicenow.access import User, error
from shared.local.standins.servicenow.change_states import TYPES, next_states
from shared.local.standins.servicenow.policy import DESKS, applied, writable
from shared.local.standins.servicenow.query import Query, parse
from shared.local.standins.servicenow.schema import Column, labels
from shared.local.standins.servicenow.store import Database, Row
from shared.local.standins.servicenow.table import TableAPI, body_of, writes

if TYPE_CHECKING:
    from shared.local.standins.servicenow.app import Options

PATH: Final = re.compile(r"/api/sn_chg_rest/(?:v\d+/)?change(?:/(?P<rest>[\w/]*))?")
TABLE: Final = "change_request"
TEMPLATES: Final = "std_change_record_producer"
_TEMPLATED: Final = ("short_description", "description", "implementation_plan", "backout_plan", "test_plan")
_SYSTEM: Final = frozenset({"type", "std_change_producer_version"})
_NOT_FOUND: Final = "Record doesn't exist or ACL restricts the record retrieval"
_LIMIT: Final = 500


class Changes:
    """Creates, reads and moves change requests."""

    def __init__(self, database: Database, tables: TableAPI) -> None:
        self._database = database
        self._tables = tables

    def take(self, request: Request, user: User, options: "Options") -> Response:
        """Answer one request below `/api/sn_chg_rest/change`."""
        found = PATH.fullmatch(request.path)
        parts = [part for part in (found["rest"] or "" if found else "").split("/") if part]
        if not DESKS[TABLE].readers & set(user.roles):
            return error(403, "Operation Failed", "ACL Exception Read Failed due to security constraints")
        if request.method == "POST":
            return self._create(request, parts, user, options)
        kind = parts.pop(0) if parts and parts[0] in TYPES else ""
        if not parts or parts == ["template"]:
            return self._listed(request, TEMPLATES if parts else TABLE, kind)
        row = self._database.get(TABLE, parts[0])
        if row is None or kind not in {"", row["type"]}:
            return error(404, "No Record found", _NOT_FOUND)
        return self._on_record(request, row, parts[1:], user, options)

    def _on_record(self, request: Request, row: Row, rest: list[str], user: User, options: "Options") -> Response:
        match request.method, rest:
            case "GET", []:
                return json_response(200, {"result": self._shown(TABLE, row)})
            case "PATCH", []:
                return self._change(request, row, user, options)
            case "GET", ["nextstates"]:
                return json_response(200, {"result": next_states(row, models=options.change_models)})
            case "GET", ["conflict"]:
                return json_response(200, {"result": self._conflicts(row)})
        return error(405, "Method not supported")

    def _create(self, request: Request, parts: list[str], user: User, options: "Options") -> Response:
        body = body_of(request)
        if isinstance(body, Response):
            return body
        kind = parts[0] if parts else str(body.get("type", "normal"))
        if kind not in TYPES or len(parts) != (2 if kind == "standard" else min(len(parts), 1)):
            return error(400, "Requested URI does not represent any resource")
        if not writes(TABLE, user):
            return error(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
        template: Row = {}
        if kind == "standard":
            found = self._database.get(TEMPLATES, parts[1])
            if found is None or found["active"] != "true":
                return error(404, "No Record found", "The standard change template does not exist or is not active")
            template = {name: found[name] for name in _TEMPLATED if found[name]}
            template |= {"std_change_producer_version": found["sys_id"], "approval": "approved", "category": "Standard"}
        values, ignored = self._settable(body)
        new = applied(TABLE, None, {**template, **values, "type": kind}, user.name)
        refused = self._tables.refused(TABLE, None, new, user, options)
        if refused is not None:
            return refused
        return self._written(self._tables.insert(TABLE, new, user.name), ignored)

    def _change(self, request: Request, row: Row, user: User, options: "Options") -> Response:
        body = body_of(request)
        if isinstance(body, Response):
            return body
        if not writes(TABLE, user):
            return error(403, "Operation Failed", "ACL Exception Update Failed due to security constraints")
        values, ignored = self._settable(body)
        new = applied(TABLE, row, values, user.name)
        refused = self._tables.refused(TABLE, row, {**row, **new}, user, options)
        if refused is not None:
            return refused
        return self._written(self._tables.update(TABLE, row, new, user.name), ignored)

    def _listed(self, request: Request, table: str, kind: str) -> Response:
        if request.method != "GET":
            return error(405, "Method not supported")
        query = request.query.get("sysparm_query", "")
        query = f"type={kind}^{query}" if kind and table == TABLE else query
        rows = self._database.find(table, parse(query, table, self._database.tables), _LIMIT, 0)
        return json_response(200, {"result": [self._shown(table, row) for row in rows]})

    def _conflicts(self, row: Row) -> dict[str, Any]:
        found = self._database.find("conflict", Query("change = ?", (row["sys_id"],), "seq", invalid=False), _LIMIT, 0)
        return {
            "status": "Conflict" if found else row["conflict_status"],
            "last_run": row["conflict_last_run"],
            "record_count": str(len(found)),
            "job_status": "2",
            "conflicts": [self._shown("conflict", one) for one in found],
        }

    def _settable(self, body: dict[str, Any]) -> tuple[Row, list[str]]:
        values = writable(body, self._database.tables[TABLE])
        values = {name: value for name, value in values.items() if name not in _SYSTEM}
        return values, sorted(set(body) - set(values))

    def _written(self, row: Row, ignored: list[str]) -> Response:
        shown = self._shown(TABLE, row)
        return json_response(200, {"result": {**shown, "__meta": {"ignoredFields": ignored}} if ignored else shown})

    def _shown(self, table: str, row: Row) -> dict[str, Any]:
        return {
            column.name: {"display_value": self._display(table, column, row), "value": _value(column, row)}
            for column in self._database.tables[table].values()
        }

    def _display(self, table: str, column: Column, row: Row) -> str:
        value = row[column.name]
        if column.kind == "reference":
            return self._database.display(column.reference, value)
        return labels(table, column.name).get(value, value)


def _value(column: Column, row: Row) -> Any:
    """Return a value as this API has it: numbers and booleans of JSON, journals empty."""
    value = row[column.name]
    if column.kind == "boolean":
        return value == "true"
    if column.kind == "integer" and re.fullmatch(r"-?\d+", value):
        return float(value)
    return value
