"""The GLPI stand-in: the legacy REST API, the API v2 of GLPI 11, and a page to read a ticket.

From reference/destinations.md §2.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, html_page, json_response
from shared.local.standins.glpi import modern, page
from shared.local.standins.glpi.access import API, APP_TOKEN, ENTITIES, PROFILES, USERS, Access, Profile, User, Visit
from shared.local.standins.glpi.itil import Desk
from shared.local.standins.glpi.legacy import Legacy
from shared.local.standins.glpi.store import Database, Row
from shared.runtime.asgi import Receive, Scope, Send

CLIENTS: Final = {"tidings-client": "tidings-secret"}
"""OAuth clients of the API v2, with their secrets."""
_MAX_PAGE = 500
_TICKET = re.compile(r"/Assistance/Ticket(?:/\d+)?(?P<inner>/(?:Timeline|TeamMember).*)?/?$")
_ITEM = re.compile(r"/(?P<itemtype>[A-Za-z_]+)(?P<rest>/.*)?")
_WRITES = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_NOTES = {"ITILFollowup": "followup", "TicketFollowup": "followup", "ITILSolution": "solution"}


@dataclass(frozen=True, slots=True)
class Options:
    """How this GLPI is set up; may be replaced while it runs (`app.options = replace(app.options, ...)`)."""

    database_down: bool = False
    """True for a GLPI that answers everything with 200 and a page, as it does without its database."""
    rule: Callable[[Row], Row] = lambda row: row
    """What the business rules for tickets make of a new one."""


class Glpi:
    """One GLPI: an ASGI app, and helpers for those who look at it or play the people who work in it."""

    def __init__(self, database: Database, desk: Desk, access: Access, options: Options, faults: Faults) -> None:
        self.options = options
        self.faults = faults
        self.access = access
        self._database = database
        self._desk = desk
        desk.rule = self._ruled
        self._legacy = Legacy(desk, access)
        self._modern = modern.Modern(desk, access, CLIENTS)
        self._frame = Frame(self._handle, self._control, operation, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    def records(self, itemtype: str) -> list[Row]:
        """Return all items of a type, oldest first."""
        return self._database.all(itemtype)

    def insert(self, itemtype: str, values: Mapping[str, Any]) -> int:
        """Add an item as an administrator would; return its id."""
        row, _ = self._desk.add(self._administrator(), itemtype, values)
        return int(row["id"])

    def change(self, itemtype: str, number: int, values: Mapping[str, Any]) -> None:
        """Change an item as an administrator would. Raises KeyError where there is none."""
        if self._desk.change(self._administrator(), itemtype, number, values) is None:
            raise KeyError(number)

    def notes(self, ticket: int) -> list[tuple[str, Row]]:
        """Return the follow-ups and solutions of a ticket with what they are called, oldest first."""
        found = [(itemtype, row) for itemtype in ("ITILFollowup", "ITILSolution") for row in self._of(itemtype, ticket)]
        return sorted(found, key=lambda one: str(one[1]["date_creation"]))

    def kill_sessions(self) -> None:
        """Forget every session and token that was given so far."""
        self._database.drop_sessions()

    def sessions(self) -> int:
        """Return how many sessions there are."""
        return self._database.sessions()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _ruled(self, row: Row) -> Row:
        return self.options.rule(row)

    def _administrator(self) -> Visit:
        return Visit("", USERS[0], PROFILES[0], 0, recursive=True)

    def _of(self, itemtype: str, ticket: int) -> list[Row]:
        return self._desk.of(itemtype, "Ticket", ticket)

    def _handle(self, request: Request) -> Response:
        if self.options.database_down:
            return html_page()
        if request.path.startswith(API):
            return self._legacy.handle(request)
        if request.path.startswith(modern.API):
            return self._modern.handle(request)
        return self._page(request)

    def _page(self, request: Request) -> Response:
        number = page.target(request)
        row = self._database.get("Ticket", number) if number else None
        if row is not None:
            links = [f"{one['itemtype']} {one['items_id']}" for one in self._of("Item_Ticket", number)]
            return page.ticket_page(row, self.notes(number), links)
        if request.path in {"/", "/front/ticket.php"}:
            return page.list_page(self.records("Ticket")[-_MAX_PAGE:], request.base)
        return Response(404, b"<!DOCTYPE html><title>Not found</title>Item not found", "text/html;charset=UTF-8")

    def _control(self, request: Request) -> Response:
        itemtype = request.path.rpartition("/")[2]
        if request.method == "GET" and request.path.startswith("/_standin/records/"):
            return json_response(200, self.records(itemtype))
        return json_response(404, {"error": "no such control path"})


def new_app(  # noqa: PLR0913 -- each is one independent choice of the caller, all with defaults
    database: str = ":memory:",
    *,
    users: tuple[User, ...] = USERS,
    profiles: tuple[Profile, ...] = PROFILES,
    app_token: str = APP_TOKEN,
    groups: Sequence[str] = ("Platform Engineering", "Service Desk"),
    categories: Sequence[str] = ("Incidents", "Incidents > Kubernetes"),
    version: str = "10.0.14",
    zone: str = "UTC",
    options: Options | None = None,
    faults: Faults | None = None,
) -> Glpi:
    """Build a GLPI on a database file or `:memory:`.

    `groups` and `categories` are there by their complete names; `zone` is that of its times.
    """
    store = Database(database)
    for number, name, complete in ENTITIES:
        store.seed("Entity", {"name": name, "completename": complete, "entities_id": 0 if number else None}, number)
    for itemtype, names in (("Group", groups), ("ITILCategory", categories)):
        for number, complete in enumerate(names, 1):
            row = {"name": complete.rpartition(" > ")[2], "completename": complete, "entities_id": 0}
            store.seed(itemtype, row, number)
    for user in users:
        store.seed("User", {"name": user.name, "is_active": 1, "is_deleted": 0, "entities_id": 0}, user.id)
    access = Access(store, users, profiles, app_token)
    desk = Desk(store, zone, lambda row: row, version)
    return Glpi(store, desk, access, options or Options(), faults or Faults())


def operation(request: Request) -> str:
    """Return what a request does, for fault rules and the log."""
    if request.path.startswith(modern.API):
        return _modern_operation(request)
    if not request.path.startswith(API):
        return "page"
    path = request.path.removeprefix(API)
    if path.startswith("/search/"):
        return "find"
    found = _ITEM.fullmatch(path)
    itemtype = found["itemtype"] if found else ""
    if itemtype[:1].islower():
        return itemtype
    if request.method in _WRITES:
        return _NOTES.get(itemtype) or (_WRITES[request.method] if itemtype == "Ticket" else "link")
    return "read" if itemtype == "Ticket" else "lookup"


def _modern_operation(request: Request) -> str:
    if request.path.endswith("/token"):
        return "token"
    found = _TICKET.search(request.path)
    if found is None:
        return "lookup"
    inner = found["inner"] or ""
    if request.method == "GET":
        return "read" if inner or "filter=" not in request.query_string else "find"
    if inner:
        return "followup" if "Followup" in inner else "solution" if "Solution" in inner else "link"
    return _WRITES.get(request.method, "")
