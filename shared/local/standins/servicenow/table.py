"""The Table API on the stand-in's database (reference/destinations.md §1.1)."""

from typing import TYPE_CHECKING, Any

import orjson

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.servicenow.access import User, error
from shared.local.standins.servicenow.policy import DESKS, LISTS, Policies, applied, stopped, writable
from shared.local.standins.servicenow.query import parse
from shared.local.standins.servicenow.schema import Column, labels
from shared.local.standins.servicenow.store import Database, Row, stable_id

if TYPE_CHECKING:
    from shared.local.standins.servicenow.app import Options

_LIMIT = 10_000
_DIGITS = 9
_HIDDEN = "Record doesn't exist or ACL restricts the record retrieval"


class TableAPI:
    """Create, read, change, list and delete records as the Table API does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, request: Request, table: str, user: User, options: "Options", *, old: bool) -> Response:
        """Answer GET on a table. `old` is version 1 of the API, which says 404 where nothing matches."""
        query = request.query
        parsed = parse(query.get("sysparm_query", ""), table, self._database.tables)
        if _hidden(table, user) or (parsed.invalid and options.invalid_query_returns_no_rows):
            rows, total = [], 0
        else:
            limit, offset = _number(query, "sysparm_limit", _LIMIT), _number(query, "sysparm_offset", 0)
            rows = self._database.find(table, parsed, limit, offset)
            total = self._database.count(table, parsed)
        if old and not rows:
            return error(404, "No Record found", _HIDDEN)
        headers: dict[str, str] = {}
        if query.get("sysparm_no_count") != "true":
            headers["X-Total-Count"] = str(total)
        if query.get("sysparm_suppress_pagination_header") != "true":
            headers["Link"] = _links(request, total)
        return json_response(200, {"result": [self._shown(request, table, row) for row in rows]}, headers)

    def get(self, request: Request, table: str, sys_id: str, user: User) -> Response:
        """Answer GET on one record."""
        row = self._visible(table, sys_id, user)
        if row is None:
            return error(404, "No Record found", _HIDDEN)
        return json_response(200, {"result": self._shown(request, table, row)})

    def create(self, request: Request, table: str, user: User, options: "Options") -> Response:
        """Answer POST: one record, whatever else the body holds."""
        body = body_of(request)
        if isinstance(body, Response):
            return body
        if not writes(table, user):
            return error(403, "Operation Failed", "ACL Exception Insert Failed due to security constraints")
        values = self._values(request, table, body)
        values = applied(table, None, values, user.name)
        refused = self.refused(table, None, values, user, options)
        if refused is not None:
            return refused
        row = self.insert(table, values, user.name)
        location = f"{request.base}/api/now/table/{table}/{row['sys_id']}"
        return self._written(request, table, row, 201, {"Location": location})

    def change(self, request: Request, table: str, sys_id: str, user: User, options: "Options") -> Response:
        """Answer PATCH and PUT: only the given fields change."""
        body = body_of(request)
        if isinstance(body, Response):
            return body
        before = self._visible(table, sys_id, user)
        if before is None:
            return error(404, "No Record found", _HIDDEN)
        if not writes(table, user):
            return error(403, "Operation Failed", "ACL Exception Update Failed due to security constraints")
        values = self._values(request, table, body)
        values = applied(table, before, values, user.name)
        refused = self.refused(table, before, {**before, **values}, user, options)
        if refused is not None:
            return refused
        row = self.update(table, before, values, user.name)
        return self._written(request, table, row, 200, {})

    def delete(self, table: str, sys_id: str, user: User) -> Response:
        """Answer DELETE."""
        if self._visible(table, sys_id, user) is None:
            return error(404, "No Record found", _HIDDEN)
        if "admin" not in user.roles:
            return error(403, "Operation Failed", "ACL Exception Delete Failed due to security constraints")
        self._database.delete(table, sys_id)
        return Response(204)

    def insert(self, table: str, values: Row, user: str) -> Row:
        """Store a new row; texts for its journal fields become entries of their own."""
        with self._database.transaction():
            row = self._database.insert(table, self._without_journal(table, values), user)
            self._note(table, row["sys_id"], values, user)
        return row

    def update(self, table: str, before: Row, values: Row, user: str) -> Row:
        """Store changed values; texts for journal fields are appended to the journal, each time again."""
        with self._database.transaction():
            row = self._database.update(table, before, self._without_journal(table, values), user)
            self._note(table, row["sys_id"], values, user)
        return row

    def journal(self, sys_id: str) -> list[Row]:
        """Return the journal entries of a record, oldest first."""
        query = parse(f"element_id={sys_id}", "sys_journal_field", self._database.tables)
        return self._database.find("sys_journal_field", query, -1, 0)

    def _visible(self, table: str, sys_id: str, user: User) -> Row | None:
        if _hidden(table, user):
            return None
        return self._database.get(table, sys_id)

    def _values(self, request: Request, table: str, body: dict[str, Any]) -> Row:
        columns = self._database.tables[table]
        values = writable(body, columns)
        if request.query.get("sysparm_input_display_value") == "true":
            for name, value in values.items():
                values[name] = self._from_display(table, columns[name], value)
        return values

    def _from_display(self, table: str, column: Column, value: str) -> str:
        if column.kind == "reference":
            return self._database.by_display(column.reference, value) or value
        shown = labels(table, column.name)
        return next((number for number, label in shown.items() if label == value), value)

    def refused(self, table: str, before: Row | None, after: Row, user: User, options: "Options") -> Response | None:
        """Return the answer of a policy, rule or unique index that stops a write, None where nothing does."""
        desk = DESKS.get(table)
        if desk is None:
            return None
        if options.business_rule:
            rule = f"{options.business_rule}^{stable_id('sys_script', options.business_rule)}"
            text = after.get("short_description", "")
            detail = f"Operation against file '{table}' was aborted by Business Rule '{rule}'. Error: not so: {text}"
            return error(403, "Operation Failed", detail)
        aborted = stopped(desk, before, after, user.roles, Policies(options.mandatory, options.close_code_required))
        if aborted is not None:
            return error(403, "Operation Failed", aborted.detail)
        key = after.get("correlation_id", "")
        changed = key and (before is None or before["correlation_id"] != key)
        if options.unique_correlation_id and changed and self._database.taken(table, "correlation_id", key):
            detail = f"Unique Key violation detected by database (Duplicate entry '{key}' for key 'correlation_id')"
            return error(403, "Operation Failed", detail)
        return None

    def _without_journal(self, table: str, values: Row) -> Row:
        columns = self._database.tables[table]
        return {name: value for name, value in values.items() if columns[name].kind != "journal"}

    def _note(self, table: str, sys_id: str, values: Row, user: str) -> None:
        for name, value in values.items():
            if value and self._database.tables[table][name].kind == "journal":
                entry = {"element_id": sys_id, "element": name, "name": table, "value": value}
                self._database.insert("sys_journal_field", entry, user)

    def _written(self, request: Request, table: str, row: Row, status: int, headers: dict[str, str]) -> Response:
        if request.headers.get("x-no-response-body", "").lower() == "true":
            return Response(status, headers=headers)
        return json_response(status, {"result": self._shown(request, table, row)}, headers)

    def _shown(self, request: Request, table: str, row: Row) -> dict[str, Any]:
        query = request.query
        wanted = [name for name in query.get("sysparm_fields", "").split(",") if name]
        mode = query.get("sysparm_display_value", "false")
        bare = query.get("sysparm_exclude_reference_link") == "true"
        columns = self._database.tables[table]
        shown = {
            name: self._value(request.base, column, row, mode, bare=bare)
            for name, column in columns.items()
            if not wanted or name in wanted
        }
        return shown | {name: self._far(columns, row, name) for name in wanted if "." in name}

    def _far(self, columns: dict[str, Column], row: Row, path: str) -> str:
        """Return a field of the record that a reference leads to, as `cluster.name`; nothing where there is none."""
        name, _, far = path.partition(".")
        column = columns.get(name)
        other = self._database.get(column.reference, row[name]) if column is not None and column.reference else None
        return (other or {}).get(far, "")

    def _value(self, base: str, column: Column, row: Row, mode: str, *, bare: bool) -> Any:
        value = row[column.name]
        link = f"{base}/api/now/table/{column.reference}/{value}" if column.kind == "reference" and value else ""
        if mode not in {"true", "all"}:
            return {"link": link, "value": value} if link and not bare else value
        display = self._display(column, row)
        if mode == "true":
            return {"display_value": display, "link": link} if link and not bare else display
        shown = {"display_value": display, "value": value}
        return {**shown, "link": link} if link and not bare else shown

    def _display(self, column: Column, row: Row) -> str:
        value = row[column.name]
        if column.kind == "reference":
            return self._database.display(column.reference, value)
        if column.kind == "journal":
            entries = [entry for entry in self.journal(row["sys_id"]) if entry["element"] == column.name]
            label = column.name.replace("_", " ").capitalize()
            return "".join(
                f"{entry['sys_created_on']} - {entry['sys_created_by']} ({label})\n{entry['value']}\n\n"
                for entry in reversed(entries)
            )
        return labels(row["sys_class_name"], column.name).get(value, value)


def _hidden(table: str, user: User) -> bool:
    """Return True where an ACL hides the table's records."""
    readers = DESKS[table].readers if table in DESKS else LISTS[table][0] if table in LISTS else None
    return readers is not None and not readers & set(user.roles)


def writes(table: str, user: User) -> bool:
    """Return True where the user may write there."""
    writers = LISTS[table][1] if table in LISTS else DESKS.get(table, DESKS["incident"]).writers
    return bool(writers & set(user.roles))


def body_of(request: Request) -> dict[str, Any] | Response:
    """Return the object of a request's body, or the refusal of what is none."""
    try:
        value = orjson.loads(request.body) if request.body else {}
    except orjson.JSONDecodeError:
        return error(400, "Exception while reading request", "The payload is not valid JSON.")
    if isinstance(value, list):
        value = value[0] if value else {}
    if not isinstance(value, dict):
        return error(400, "Exception while reading request", "The payload is not an object.")
    return value


def _number(query: dict[str, str], name: str, default: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= _DIGITS else default


def _links(request: Request, total: int) -> str:
    limit = max(1, _number(request.query, "sysparm_limit", _LIMIT))
    offset = _number(request.query, "sysparm_offset", 0)
    last = max(0, (total - 1) // limit * limit)
    wanted = {"first": 0, "prev": offset - limit, "next": offset + limit, "last": last}
    rest = "&".join(part for part in request.query_string.split("&") if not part.startswith("sysparm_offset="))
    return ",".join(
        f'<{request.base}{request.path}?{rest}&sysparm_offset={start}>;rel="{name}"'
        for name, start in wanted.items()
        if 0 <= start <= last
    )
