"""The ServiceNow stand-in: Table API, Event Management, OAuth, and a page to read an incident.

From reference/destinations.md §1.1-1.4, §1.7 and §1.12.
"""

import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, html_page, json_response
from shared.local.standins.servicenow import page, schema
from shared.local.standins.servicenow.access import CLIENTS, TOKENS, USERS, Access, Client, RateLimit, User, error
from shared.local.standins.servicenow.batches import PATH as BATCH_PATH
from shared.local.standins.servicenow.batches import Batches
from shared.local.standins.servicenow.changes import PATH as CHANGES_PATH
from shared.local.standins.servicenow.changes import TABLE as CHANGES_TABLE
from shared.local.standins.servicenow.changes import TEMPLATES, Changes
from shared.local.standins.servicenow.events import PATH as EVENTS_PATH
from shared.local.standins.servicenow.events import EventManagement
from shared.local.standins.servicenow.imports import PATH as IMPORT_PATH
from shared.local.standins.servicenow.imports import ImportSets
from shared.local.standins.servicenow.policy import applied, writable
from shared.local.standins.servicenow.query import parse
from shared.local.standins.servicenow.store import Database, Row
from shared.local.standins.servicenow.table import TableAPI
from shared.runtime.asgi import Receive, Scope, Send

_TABLE = re.compile(r"/api/now/(?:(?P<version>v[12])/)?table/(?P<table>\w+)(?:/(?P<sys_id>\w+))?/?")
_WRITES = frozenset({"POST", "PUT", "PATCH"})
_MAX_PAGE = 500
_MEMORY = ":memory:"
TEMPLATE = "Kubernetes roll-out"
"""Name of the standard change template that every instance here has."""


@dataclass(frozen=True, slots=True)
class Options:
    """How this instance is set up; may be replaced while it runs (`app.options = replace(app.options, ...)`)."""

    unique_correlation_id: bool = False
    requests_per_hour: int = 0
    close_code_required: bool = True
    mandatory: tuple[str, ...] = ()
    token_seconds: int = 1800
    hibernating: bool = False
    invalid_query_returns_no_rows: bool = False
    business_rule: str = ""
    """Name of a rule that stops every write to a table that people work in, quoting what was written."""
    batch_role: str = ""
    """Role that the Batch API wants, empty where everybody may."""
    batch_most: int = 1000
    """Requests of a batch that fit into its 30 seconds; those after them are left out."""
    change_models: bool = True
    """Whether changes go by models, of which the next states tell what is waited for."""
    threat_intelligence: bool = True
    """Whether there are observables, which security incidents do without."""
    import_sets: Mapping[str, str] = field(default_factory=lambda: {"u_tidings_incident": "incident"})
    """Staging tables, by the table that their transform writes: coalesced by correlation_id."""


class ServiceNow:
    """One instance: an ASGI app, and helpers for those who look at it or play the people who work in it."""

    def __init__(self, database: Database, access: Access, options: Options, faults: Faults) -> None:
        self.options = options
        self.faults = faults
        self._database = database
        self._access = access
        self._rate = RateLimit()
        self._tables = TableAPI(database)
        self._events = EventManagement(database)
        self._imports = ImportSets(database, self._tables)
        self._batches = Batches(self._api, operation, faults)
        self._changes = Changes(database, self._tables)
        self._frame = Frame(self._handle, self._control, operation, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    def records(self, table: str) -> list[Row]:
        """Return all rows of a table, oldest first."""
        return self._database.find(table, parse("", table, self._database.tables), -1, 0)

    def insert(self, table: str, values: Mapping[str, object], user: str = "admin") -> str:
        """Add a row as a person would, past ACLs and data policies; return its sys_id."""
        row = applied(table, None, writable(values, self._database.tables[table]), user)
        if "sys_class_name" in values:
            row["sys_class_name"] = str(values["sys_class_name"])
        return self._tables.insert(table, row, user)["sys_id"]

    def change(self, table: str, sys_id: str, values: Mapping[str, object], user: str = "admin") -> None:
        """Change a row as a person would, past ACLs and data policies. Raises KeyError where there is none."""
        before = self._database.get(table, sys_id)
        if before is None:
            raise KeyError(sys_id)
        row = applied(table, before, writable(values, self._database.tables[table]), user)
        self._tables.update(table, before, row, user)

    def remove(self, table: str, sys_id: str) -> None:
        """Delete a row."""
        self._database.delete(table, sys_id)

    def journal(self, sys_id: str) -> list[Row]:
        """Return the work notes and comments of a record, oldest first."""
        return self._tables.journal(sys_id)

    def revoke_tokens(self) -> None:
        """Make every OAuth token that was issued so far invalid."""
        self._database.drop_tokens()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _handle(self, request: Request) -> Response:
        if self.options.hibernating:
            return html_page()
        if request.path == "/oauth_token.do":
            if request.method != "POST":
                return error(405, "Method not supported")
            return self._access.issue(request, self.options.token_seconds)
        if not request.path.startswith("/api/"):
            return self._page(request)
        user = self._access.authenticate(request)
        return user if isinstance(user, Response) else self._limited(request, user)

    def _limited(self, request: Request, user: User) -> Response:
        if not self.options.requests_per_hour:
            return self._api(request, user)
        headers, refused = self._rate.spend(self.options.requests_per_hour)
        answer = self._api(request, user) if refused is None else refused
        return Response(answer.status, answer.body, answer.content_type, {**answer.headers, **headers})

    def _api(self, request: Request, user: User) -> Response:
        found = _TABLE.fullmatch(request.path)
        if found is None:
            return self._other(request, user)
        unfit = _negotiate(request)
        if unfit is not None:
            return unfit
        table, sys_id = found["table"], found["sys_id"]
        lacking = table.startswith("sn_ti_") and not self.options.threat_intelligence
        if lacking or table not in self._database.tables:
            return error(400, f"Invalid table {table}")
        try:
            if sys_id is None:
                return self._on_table(request, table, user, old=found["version"] == "v1")
            return self._on_record(request, table, sys_id, user)
        except sqlite3.Error:  # a query longer or deeper than SQLite takes
            return error(500, "Transaction cancelled: maximum execution time exceeded")

    def _other(self, request: Request, user: User) -> Response:
        if request.path == BATCH_PATH:
            return self._batches.take(request, user, self.options.batch_role, self.options.batch_most)
        if request.path == EVENTS_PATH:
            return self._events.take(request, user)
        staging = request.path.removeprefix(IMPORT_PATH)
        if request.path.startswith(IMPORT_PATH) and staging in self.options.import_sets:
            return self._imports.take(request, user, staging, self.options)
        if CHANGES_PATH.fullmatch(request.path):
            return _negotiate(request) or self._changes.take(request, user, self.options)
        return error(400, "Requested URI does not represent any resource")

    def _on_table(self, request: Request, table: str, user: User, *, old: bool) -> Response:
        if request.method == "GET":
            return self._tables.search(request, table, user, self.options, old=old)
        if request.method == "POST":
            return self._tables.create(request, table, user, self.options)
        return error(405, "Method not supported")

    def _on_record(self, request: Request, table: str, sys_id: str, user: User) -> Response:
        match request.method:
            case "GET":
                return self._tables.get(request, table, sys_id, user)
            case "PATCH" | "PUT":
                return self._tables.change(request, table, sys_id, user, self.options)
            case "DELETE":
                return self._tables.delete(table, sys_id, user)
        return error(405, "Method not supported")

    def _page(self, request: Request) -> Response:
        table, sys_id = page.target(request)
        row = self._database.get(table, sys_id) if table else None
        if row is not None:
            references = {
                name: self._database.display(column.reference, row[name])
                for name, column in self._database.tables[table].items()
                if column.kind == "reference"
            }
            return page.record_page(row, references, self.journal(row["sys_id"]))
        if request.path == "/em_alert_list.do":
            return self._alerts(request.query.get("sysparm_query", ""))
        if request.path in {"/", "/incident_list.do"} or "incident_list.do" in request.query_string:
            others = (("Changes", CHANGES_TABLE), ("Security incidents", "sn_si_incident"), ("Alerts", "em_alert"))
            shown = [(title, self.records(table)[-_MAX_PAGE:]) for title, table in others]
            return page.list_page(self.records("incident")[-_MAX_PAGE:], shown, request.base)
        return Response(404, b"<!DOCTYPE html><title>Not found</title>Record not found", "text/html;charset=UTF-8")

    def _alerts(self, query: str) -> Response:
        """Return the page that `servicenow_event` links to: its query finds the alert of a message key."""
        try:
            found = self._database.find("em_alert", parse(query, "em_alert", self._database.tables), _MAX_PAGE, 0)
        except sqlite3.Error:
            return error(500, "Transaction cancelled: maximum execution time exceeded")
        return page.alerts_page(found)

    def _control(self, request: Request) -> Response:
        table = request.path.rpartition("/")[2]
        if request.method == "GET" and request.path.startswith("/_standin/records/") and table in schema.TABLES:
            return json_response(200, self.records(table))
        return json_response(404, {"error": "no such control path"})


def new_app(  # noqa: PLR0913 -- each is one independent choice of the caller, all with defaults
    database: str = _MEMORY,
    *,
    users: tuple[User, ...] = USERS,
    clients: tuple[Client, ...] = CLIENTS,
    tokens: Mapping[str, str] | None = None,
    groups: Sequence[str] = schema.GROUPS,
    custom_columns: Mapping[str, Sequence[str]] | None = None,
    options: Options | None = None,
    faults: Faults | None = None,
) -> ServiceNow:
    """Build an instance on a database file or `:memory:`.

    `groups` are assignment groups by name, and `custom_columns` text columns of the customer's own, by table.
    """
    people, custom = tuple(user.name for user in users), custom_columns or {}
    if database == _MEMORY:
        own = tuple((table, tuple(columns)) for table, columns in custom.items())
        store = Database(_MEMORY, custom, _content(people, tuple(groups), own))
    else:
        store = _seeded(database, people, groups, custom)
    access = Access(store, users, clients, TOKENS if tokens is None else tokens)
    return ServiceNow(store, access, options or Options(), faults or Faults())


@cache
def _content(people: tuple[str, ...], groups: tuple[str, ...], own: tuple[tuple[str, tuple[str, ...]], ...]) -> bytes:
    """Return what a new instance holds: a thousand rows, most of which describe its tables."""
    store = _seeded(_MEMORY, people, groups, dict(own))
    try:
        return store.content()
    finally:
        store.close()


def _seeded(
    database: str, people: Sequence[str], groups: Sequence[str], custom: Mapping[str, Sequence[str]]
) -> Database:
    store = Database(database, custom)
    store.seed("sys_user_group", [{"name": name, "active": "true"} for name in groups], "name")
    store.seed("sys_user", [{"user_name": name, "name": name, "active": "true"} for name in people], "user_name")
    template = {"name": TEMPLATE, "short_description": "Kubernetes roll-out", "active": "true"}
    store.seed(TEMPLATES, [template], "name")
    store.seed("sn_ti_observable_type", [{"name": name} for name in schema.OBSERVABLE_TYPES], "name")
    store.seed_dictionary()
    return store


def operation(request: Request) -> str:
    """Return what a request does, for fault rules and the log."""
    found = _TABLE.fullmatch(request.path)
    if found is not None:
        names = {"POST": "create", "PATCH": "update", "PUT": "update", "DELETE": "delete"}
        return names.get(request.method, "get" if found["sys_id"] else "find")
    if request.path.startswith(IMPORT_PATH):
        return "import"
    if CHANGES_PATH.fullmatch(request.path):
        last = request.path.rpartition("/")[2]
        other = last if last in {"nextstates", "conflict"} else "get"
        return {"POST": "create", "PATCH": "update"}.get(request.method, other)
    return {"/oauth_token.do": "token", EVENTS_PATH: "events", BATCH_PATH: "batch"}.get(request.path, "page")


def _negotiate(request: Request) -> Response | None:
    """Return the refusal of missing or unfit Accept and Content-Type headers."""
    accept = request.headers.get("accept", "")
    if not accept:
        return error(400, "Missing Accept header")
    if not any(kind in accept for kind in ("application/json", "*/*", "application/*")):
        return error(406, "Not acceptable")
    if request.method in _WRITES:
        content = request.headers.get("content-type", "")
        if not content:
            return error(400, "Missing Content-Type header")
        if not content.startswith("application/json"):
            return error(415, "Unsupported media type")
    return None
