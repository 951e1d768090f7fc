"""The legacy REST API on the stand-in's items (reference/destinations.md §2.1)."""

import re
from typing import Any, Final

from shared.local.standins.frame import Request, Response, json_response
from shared.local.standins.glpi import search
from shared.local.standins.glpi.access import API, Access, Visit, error
from shared.local.standins.glpi.itil import Desk, RefusedError
from shared.local.standins.glpi.links import linked
from shared.local.standins.glpi.schema import ALIASES, ITEMTYPES, NO_RIGHT
from shared.local.standins.glpi.sessions import SESSION_PATHS, Sessions, payload
from shared.local.standins.glpi.store import Row

_PATH = re.compile(r"/(?P<itemtype>[A-Za-z_]+)(?:/(?P<id>\d{1,9}))?(?:/(?P<sub>[A-Za-z_]+))?/?")
_SEARCH = re.compile(r"/search/(?P<itemtype>[A-Za-z_]+)/?")
_OPTIONS = re.compile(r"/listSearchOptions/(?P<itemtype>[A-Za-z_]+)/?")
_BAD_TYPE: Final = "resource not found or not an instance of CommonDBTM"
_GONE: Final = "Item not found"


class Legacy:
    """Answers below `/apirest.php`."""

    def __init__(self, desk: Desk, access: Access) -> None:
        self._desk = desk
        self._access = access
        self._sessions = Sessions(desk.database, access, desk.version)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path.removeprefix(API).rstrip("/") or "/"
        if path == "/initSession":
            return self._access.application(request) or self._access.begin(request)
        visit = self._access.application(request) or self._access.visit(request)
        if isinstance(visit, Response):
            return visit
        found = _SEARCH.fullmatch(path)
        if found is not None:
            return self._search(request, visit, found["itemtype"])
        options = _OPTIONS.fullmatch(path)
        if options is not None:
            return json_response(200, search.described(options["itemtype"]))
        if path in SESSION_PATHS:
            return self._sessions.handle(request, visit, path)
        return self._items(request, visit, path)

    def _items(self, request: Request, visit: Visit, path: str) -> Response:
        found = _PATH.fullmatch(path)
        itemtype = ALIASES.get(found["itemtype"], found["itemtype"]) if found else ""
        if found is None or itemtype not in ITEMTYPES or (found["sub"] and found["sub"] not in ITEMTYPES):
            return error(request, 400, "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM", _BAD_TYPE)
        number = int(found["id"]) if found["id"] else None
        if request.method == "GET":
            return self._read(request, visit, itemtype, number, found["sub"])
        if found["sub"] and number is not None:
            return self._write(request, visit, found["sub"], None, {"itemtype": itemtype, "items_id": number})
        return self._write(request, visit, found["itemtype"], number, {})

    def _write(self, request: Request, visit: Visit, called: str, number: int | None, parent: Row) -> Response:
        itemtype = ALIASES.get(called, called)
        body = payload(request)
        if isinstance(body, Response):
            return body
        given = body.get("input")
        if parent and isinstance(given, dict):
            given = {**parent, **given}
        if request.method == "DELETE" and number is not None:
            given = {"id": number}
        if not isinstance(given, dict | list) or not all(isinstance(one, dict) for one in _listed(given)):
            return error(request, 400, "ERROR_BAD_ARRAY", "input parameter must be an array of objects")
        match request.method:
            case "POST":
                return self._add(request, visit, itemtype, given, called=called)
            case "PUT" | "PATCH":
                return self._change(visit, itemtype, number, given)
            case "DELETE":
                return self._delete(request, itemtype, given)
        return error(request, 405, "ERROR_METHOD_NOT_ALLOWED", "the method is not allowed")

    def _read(self, request: Request, visit: Visit, itemtype: str, number: int | None, sub: str | None) -> Response:
        database = self._desk.database
        if number is None:
            rows = [row for row in database.all(itemtype) if not row.get("is_deleted")]
            rows = [row for row in rows if self._desk.visible(visit, itemtype, row)]
            return self._list(request, itemtype, search.texts_matching(rows, request.query))
        row = database.get(itemtype, number)
        if row is None:
            return error(request, 404, "ERROR_ITEM_NOT_FOUND", _GONE, documented=False)
        if not self._desk.visible(visit, itemtype, row):
            return error(request, 403, "ERROR_RIGHT_MISSING", NO_RIGHT, documented=False)
        if sub:
            return self._list(request, sub, self._desk.of(sub, itemtype, number))
        return json_response(200, linked(request, itemtype, row))

    def _list(self, request: Request, itemtype: str, rows: list[Row]) -> Response:
        query = request.query
        column = query.get("sort", "id")
        if column != "id" and column not in ITEMTYPES[itemtype].columns:
            return error(request, 400, "ERROR", f"sort param is not a field of glpi_{itemtype.lower()}s")
        rows = sorted(
            rows, key=lambda row: (str(type(row.get(column))), row.get(column)), reverse=query.get("order") == "DESC"
        )
        wanted = search.wanted_range(query)
        if wanted.first > len(rows):
            return _beyond(request, len(rows))
        shown = rows[wanted.first : wanted.last + 1]
        only = query.get("only_id", "") in {"1", "true"}
        items = [linked(request, itemtype, {"id": row["id"]} if only else row) for row in shown]
        return json_response(206 if len(shown) < len(rows) else 200, items, _headers(itemtype, wanted, shown, rows))

    def _search(self, request: Request, visit: Visit, itemtype: str) -> Response:
        if itemtype not in ITEMTYPES:
            return error(request, 400, "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM", _BAD_TYPE)
        rows = [row for row in self._desk.database.all(itemtype) if not row.get("is_deleted")]
        rows = [row for row in rows if self._desk.visible(visit, itemtype, row)]
        query, numbers = request.query, search.options(itemtype)
        try:
            rows = search.matching(itemtype, rows, request.query_string)
        except search.BadFieldError:
            return error(request, 400, "ERROR", "Bad field ID in search criteria")
        sort, order = query.get("sort", "1"), query.get("order", "ASC")
        column = numbers.get(sort, "id")
        rows.sort(key=lambda row: (str(type(row[column])), row[column]), reverse=order == "DESC")
        wanted = search.wanted_range(query)
        if wanted.first > len(rows):
            return _beyond(request, len(rows))
        shown = rows[wanted.first : wanted.last + 1]
        forced = [value for name, value in search.parameters(request.query_string) if name.startswith("forcedisplay")]
        columns = {number: numbers[number] for number in forced or ("1", "80") if number in numbers}
        answer: dict[str, Any] = {"totalcount": len(rows), "count": len(shown), "sort": [sort], "order": [order]}
        if shown:
            answer["data"] = [{number: row[column] for number, column in columns.items()} for row in shown]
        answer["content-range"] = f"{wanted.first}-{wanted.first + len(shown) - 1}/{len(rows)}"
        return json_response(206 if len(shown) < len(rows) else 200, answer, _headers(itemtype, wanted, shown, rows))

    def _add(self, request: Request, visit: Visit, itemtype: str, given: Any, *, called: str) -> Response:
        made: list[dict[str, Any]] = []
        for one in _listed(given):
            try:
                row, text = self._desk.add(visit, itemtype, one)
                made.append({"id": row["id"], "message": text})
            except RefusedError as refused:
                made.append({"id": False, "message": str(refused)})
        places = [f"{request.base}{API}/{called}/{one['id']}" for one in made if one["id"]]
        if isinstance(given, dict):
            if not places:
                return json_response(400, ["ERROR_GLPI_ADD", made[0]["message"]])
            return json_response(201, made[0], {"location": places[0]})
        if not places:
            return json_response(400, ["ERROR_GLPI_ADD", made])
        if len(places) < len(made):
            return json_response(207, ["ERROR_GLPI_PARTIAL_ADD", made])
        return json_response(201, made, {"link": ",".join(places)})

    def _change(self, visit: Visit, itemtype: str, number: int | None, given: Any) -> Response:
        done: list[dict[str, Any]] = []
        text: str | None = None
        for one in _listed(given):
            wanted = number if number is not None else _number(one.get("id"))
            try:
                if self._desk.change(visit, itemtype, wanted, one) is not None:
                    done.append({str(wanted): True, "message": ""})
            except RefusedError as refused:
                text = str(refused)
        if not done:
            return json_response(400, ["ERROR_GLPI_UPDATE", text])
        if len(done) < len(_listed(given)):
            return json_response(207, ["ERROR_GLPI_PARTIAL_UPDATE", done])
        return json_response(200, done)

    def _delete(self, request: Request, itemtype: str, given: Any) -> Response:
        done: list[dict[str, Any]] = []
        purge = request.query.get("force_purge", "") in {"1", "true"}
        for one in _listed(given):
            number = _number(one.get("id"))
            row = self._desk.database.get(itemtype, number)
            if row is None:
                done.append({str(number): False, "message": _GONE})
                continue
            if purge or "is_deleted" not in row:
                self._desk.database.delete(itemtype, number)
            else:
                self._desk.database.update(itemtype, number, {"is_deleted": 1})
            done.append({str(number): True, "message": ""})
        good = sum(1 for one in done if True in one.values())
        if not good:
            return json_response(400, ["ERROR_GLPI_DELETE", done])
        return (
            json_response(200, done) if good == len(done) else json_response(207, ["ERROR_GLPI_PARTIAL_DELETE", done])
        )


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _number(value: Any) -> int:
    return int(value) if str(value).isdecimal() else 0


def _beyond(request: Request, total: int) -> Response:
    text = f"Provided range exceed total count of data: {total}"
    return error(request, 400, "ERROR_RANGE_EXCEED_TOTAL", text)


def _headers(itemtype: str, wanted: search.Range, shown: list[Row], rows: list[Row]) -> dict[str, str]:
    headers = {"Accept-Range": f"{itemtype} {search.MOST}"}
    if shown:
        headers["Content-Range"] = f"{wanted.first}-{wanted.first + len(shown) - 1}/{len(rows)}"
    return headers
