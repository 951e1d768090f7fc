"""The API v2 of GLPI 11 on the same items, as reference/destinations.md §2.3 reads it: nobody has tried it."""

import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.glpi import rsql
from shared.local.standins.glpi.access import ENTITIES, Access, Visit
from shared.local.standins.glpi.itil import Desk, RefusedError
from shared.local.standins.glpi.schema import NO_RIGHT
from shared.local.standins.glpi.shapes import SHAPES, columns_of, shown
from shared.local.standins.glpi.store import Row

API: Final = "/api.php"
_VERSIONED: Final = re.compile(r"/v\d+(?:\.\d+){0,2}(?=/|$)")
_LIST: Final = re.compile(r"/(?P<room>[A-Za-z]+/[A-Za-z]+)(?:/(?P<id>\d{1,9}))?/?")
_TIMELINE: Final = re.compile(r"/Assistance/Ticket/(?P<id>\d{1,9})/(?P<what>Timeline|TeamMember)(?:/(?P<kind>\w+))?/?")
_NOTES: Final = {"Followup": "ITILFollowup", "Solution": "ITILSolution"}
_MEMBERS: Final = {"Group": ("Group_Ticket", "groups_id"), "User": ("Ticket_User", "users_id")}
_LIMIT: Final = 100
_SECONDS: Final = 3600
_SCOPE: Final = "api"
"""What a token must have been asked for to be let at tickets."""
Clients = Mapping[str, str]
"""Secrets of OAuth clients by their ids."""


class Modern:
    """Answers below `/api.php`."""

    def __init__(self, desk: Desk, access: Access, clients: Clients) -> None:
        self._desk = desk
        self._access = access
        self._clients = clients

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = _VERSIONED.sub("", request.path.removeprefix(API), count=1)
        if path == "/token":
            return self._token(request)
        visit = self._visit(request)
        if isinstance(visit, Response):
            return visit
        if path in {"", "/"}:
            versions = [{"api_version": "2", "version": "2.3.0", "endpoint": f"{request.base}{API}/v2"}]
            return json_response(200, {"message": "Welcome to GLPI API", "api_versions": versions})
        inner = _TIMELINE.fullmatch(path)
        if inner is not None:
            return self._of_ticket(request, visit, int(inner["id"]), inner["what"], inner["kind"] or "")
        found = _LIST.fullmatch(path)
        if found is None or found["room"] not in SHAPES:
            return _error(404, "ERROR_ITEM_NOT_FOUND", "Route not found")
        return self._on(request, visit, SHAPES[found["room"]].itemtype, found["room"], found["id"])

    def _token(self, request: Request) -> Response:
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        secret = self._clients.get(form.get("client_id", ""))
        if secret is None or not secrets.compare_digest(secret.encode(), form.get("client_secret", "").encode()):
            return json_response(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form.get("grant_type") != "password":
            return json_response(400, {"error": "unsupported_grant_type"})
        user = self._access.checked(form.get("username", ""), form.get("password", ""))
        if user is None:
            said = "The user credentials were incorrect."
            return json_response(400, {"error": "invalid_grant", "error_description": said})
        token = secrets.token_urlsafe(48)
        visit = Visit(token, user, self._access.profiles[user.profiles[0]], 0, recursive=True)
        self._access.keep(visit, bearer=True, until=time.time() + _SECONDS, scopes=form.get("scope", "").split())
        return json_response(200, {"token_type": "Bearer", "expires_in": _SECONDS, "access_token": token})

    def _visit(self, request: Request) -> Visit | Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        kept = self._desk.database.session(token) if scheme.lower() == "bearer" else None
        visit = self._access.known(token) if kept and kept.get("bearer") and kept["until"] > time.time() else None
        if visit is None or kept is None:
            return _error(401, "ERROR_UNAUTHENTICATED", "You are not authenticated")
        if _SCOPE not in kept["scopes"]:  # src/Glpi/Api/HL/Middleware/OAuthRequestMiddleware.php
            return _error(403, "ERROR_RIGHT_MISSING", NO_RIGHT)
        profile, entity = request.headers.get("glpi-profile", ""), request.headers.get("glpi-entity", "")
        if profile.isdecimal() and int(profile) in visit.user.profiles:
            visit.profile = self._access.profiles[int(profile)]
        if entity.isdecimal() and int(entity) in {one[0] for one in ENTITIES}:
            visit.entity = int(entity)
            visit.recursive = request.headers.get("glpi-entity-recursive", "") == "true"
        return visit

    def _on(self, request: Request, visit: Visit, itemtype: str, room: str, number: str | None) -> Response:
        if number is None:
            return self._listed(request, visit, room) if request.method == "GET" else self._add(request, visit, room)
        row = self._desk.database.get(itemtype, int(number))
        if row is None or not self._desk.visible(visit, itemtype, row):
            return _error(404, "ERROR_ITEM_NOT_FOUND", "Item not found")
        match request.method:
            case "GET":
                return json_response(200, self._shown(room, row))
            case "PATCH":
                return self._change(request, visit, room, row)
            case "DELETE":
                self._desk.database.update(itemtype, row["id"], {"is_deleted": 1})
                return Response(204)
        return _error(405, "ERROR_METHOD_NOT_ALLOWED", "The method is not allowed")

    def _listed(self, request: Request, visit: Visit, room: str) -> Response:
        query, itemtype = request.query, SHAPES[room].itemtype
        try:
            test = rsql.parse(query["filter"]) if query.get("filter") else _everything
        except rsql.FilterError:
            return _error(400, "ERROR_INVALID_PARAMETER", "Invalid RSQL query")
        rows = [row for row in self._desk.database.all(itemtype) if not row.get("is_deleted")]
        items = [self._shown(room, row) for row in rows if self._desk.visible(visit, itemtype, row)]
        items = [item for item in items if test(item)]
        column, _, order = query.get("sort", "id").partition(":")
        items.sort(key=lambda item: (str(type(item.get(column))), item.get(column)), reverse=order == "desc")
        return _page(query, items)

    def _add(self, request: Request, visit: Visit, room: str) -> Response:
        body = _body(request)
        if isinstance(body, Response):
            return body
        itemtype = SHAPES[room].itemtype
        try:
            row, _ = self._desk.add(visit, itemtype, columns_of(room, body))
        except RefusedError as refused:
            return _refused("create", str(refused))
        href = f"{API}/{room}/{row['id']}"
        return json_response(200, {"id": row["id"], "href": href}, {"Location": href})

    def _change(self, request: Request, visit: Visit, room: str, row: Row) -> Response:
        body = _body(request)
        if isinstance(body, Response):
            return body
        try:
            changed = self._desk.change(visit, SHAPES[room].itemtype, row["id"], columns_of(room, body))
        except RefusedError as refused:
            return _refused("update", str(refused))
        return json_response(200, self._shown(room, changed or row))

    def _of_ticket(self, request: Request, visit: Visit, ticket: int, what: str, kind: str) -> Response:
        row = self._desk.database.get("Ticket", ticket)
        if row is None or not self._desk.visible(visit, "Ticket", row):
            return _error(404, "ERROR_ITEM_NOT_FOUND", "Item not found")
        if request.method == "GET":
            return self._timeline(ticket, kind) if what == "Timeline" else json_response(200, self._team(ticket))
        body = _body(request)
        if isinstance(body, Response):
            return body
        if what == "TeamMember":
            return self._join(ticket, body)
        itemtype = _NOTES.get(kind, "")
        given = {"itemtype": "Ticket", "items_id": ticket, **columns_of(f"Timeline/{kind}", body)}
        try:
            note, _ = self._desk.add(visit, itemtype, given)
        except (RefusedError, KeyError) as refused:
            return _refused("create", str(refused) or NO_RIGHT)
        href = f"{API}/Assistance/Ticket/{ticket}/Timeline/{kind}/{note['id']}"
        return json_response(200, {"id": note["id"], "href": href}, {"Location": href})

    def _timeline(self, ticket: int, kind: str) -> Response:
        kinds = [kind] if kind else list(_NOTES)
        items = [
            {"type": one, "item": self._shown(f"Timeline/{one}", note)}
            for one in kinds
            if one in _NOTES
            for note in self._desk.of(_NOTES[one], "Ticket", ticket)
        ]
        return json_response(200, items)

    def _team(self, ticket: int) -> list[dict[str, Any]]:
        roles = {1: "requester", 2: "assigned", 3: "observer"}
        return [
            {"role": roles[one["type"]], "type": kind, "id": one[column]}
            for kind, (itemtype, column) in _MEMBERS.items()
            for one in self._desk.of(itemtype, "Ticket", ticket)
        ]

    def _join(self, ticket: int, body: dict[str, Any]) -> Response:
        kind, number, role = body.get("type"), body.get("id"), body.get("role")
        if (
            kind not in _MEMBERS
            or role not in {1, 2, 3}
            or self._desk.database.get(str(kind), int(number or 0)) is None
        ):
            return _error(400, "ERROR_INVALID_PARAMETER", "One or more parameters are invalid")
        itemtype, column = _MEMBERS[str(kind)]
        self._desk.database.insert(itemtype, {"tickets_id": ticket, column: number, "type": role})
        return json_response(201, None)

    def _shown(self, room: str, row: Row) -> dict[str, Any]:
        names: Callable[[str, int], str] = lambda itemtype, number: (  # noqa: E731 -- a look-up of this very row
            (self._desk.database.get(itemtype, number) or {}).get("name", "")
        )
        return shown(room, row, names)


def _everything(_item: Mapping[str, Any]) -> bool:
    return True


def _page(query: Mapping[str, str], items: list[dict[str, Any]]) -> Response:
    start, limit = (int(query[name]) if query.get(name, "").isdecimal() else usual for name, usual in
                    (("start", 0), ("limit", _LIMIT)))  # fmt: skip
    part = items[start : start + limit]
    more = start + limit < len(items)
    content_range = f"{start}-{max(0, start + limit - 1)}/{len(items)}"
    return json_response(206 if more else 200, part, {"Content-Range": content_range})


def _body(request: Request) -> dict[str, Any] | Response:
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        return _error(400, "ERROR_INVALID_PARAMETER", "The body is not a JSON object")
    return body


def _error(status: int, code: str, title: str) -> Response:
    return json_response(status, {"status": code, "title": title, "detail": None})


def _refused(action: str, text: str) -> Response:
    """Return what GLPI 11 says where it does not do it for a reason of business: a 500."""
    body: dict[str, Any] = {"status": "ERROR", "title": f"Failed to {action} item(s)", "detail": None}
    if text:
        body["additional_messages"] = [{"priority": "error", "message": text}]
    return json_response(500, body)
