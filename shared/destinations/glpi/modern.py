"""The API v2 of GLPI 11 (reference/destinations.md §2.3, which was read and not tried)."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.caller import Request
from shared.destinations.finding import Finding
from shared.destinations.glpi.answers import (
    FOREIGN,
    NO_ANSWER,
    NO_SUCH_PATH,
    NOT_GLPI,
    Good,
    passing_failure,
    rows,
)
from shared.destinations.glpi.api import Kind, Relation
from shared.destinations.glpi.calls import new_caller
from shared.destinations.glpi.check import advice
from shared.destinations.glpi.oauth import Bearer
from shared.destinations.glpi.record import Row, tag_of
from shared.destinations.glpi.settings import GlpiSettings
from shared.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

API: Final = "/api.php/v2"
_TICKETS: Final = f"{API}/Assistance/Ticket"
_MOST = 100
_NOT_MADE: Final = Ambiguous("GLPI said that it did not")
"""What a business reason looks like: 500 with messages. It is asked again before it is believed."""
_REFUSED: Final = Refused("GLPI did not do it: a right is missing, or a rule or a mandatory field of its template")
_NESTED: Final = {"itilcategories_id": "category", "entities_id": "entity", "locations_id": "location",
                  "requesttypes_id": "request_type", "status": "status"}  # fmt: skip
_RENAMED: Final = {"externalid": "external_id"}
_MEMBERS: Final = {"_groups_id_assign": ("Group", 2), "_users_id_requester": ("User", 1)}
"""Fields that this API has as members of a team, with type and role (1 requester, 2 assigned)."""
_ROLES: Final = {"requester": 1, "1": 1, "assigned": 2, "2": 2, "observer": 3, "3": 3}
"""Roles as they are written by number and read by name."""
_KINDS: Final[dict[Kind, tuple[str, str]]] = {
    "entity": ("Administration/Entity", "name"),
    "category": ("Dropdowns/ITILCategory", "name"),
    "group": ("Administration/Group", "name"),
    "user": ("Administration/User", "username"),
}


def judge(method: str, path: str, answer: Answer) -> Good | Failure:
    """Say what an answer of this API means. Only what is below a ticket can be gone; else there is no API at all."""
    if answer.status in range(200, 300) and (answer.json is not None or answer.status in {201, 204}):
        return Good(answer.json)
    body = answer.json if isinstance(answer.json, dict) else {}
    if method != "GET" and answer.status == 500 and "title" in body:  # noqa: PLR2004
        said = str(body.get("additional_messages") or body["title"])[:300]
        _log.warning("GLPI did not do it", extra={"status": answer.status, "method": method, "detail": said})
        return _NOT_MADE
    ours = isinstance(body.get("status"), str)  # else it is no error in GLPI's form
    if answer.status == 404 and ours and path.startswith(f"{_TICKETS}/"):  # noqa: PLR2004
        return Gone()
    if answer.status in NO_SUCH_PATH:
        return NOT_GLPI
    passing = passing_failure(method, answer)
    if passing is not None:
        return passing
    detail = f"{body.get('status', '')}: {body.get('detail') or body.get('title', '')}"[:300]
    _log.warning("GLPI refused a request", extra={"status": answer.status, "method": method, "detail": detail})
    return Refused(_refusal(answer.status) if ours else FOREIGN, detail)


class Modern:
    """Tickets by `api.php/v2`. It links neither assets nor tickets: this API has no way to."""

    links: Final = False

    def __init__(self, settings: GlpiSettings, metrics: Metrics, name: str) -> None:
        self._settings = settings
        self._caller = new_caller(settings, Bearer(settings), metrics, name)

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        self._caller.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._caller.close()

    async def find(self, needles: Sequence[str], seconds: float) -> list[Row] | Failure:
        """Search titles; keys hold nothing that RSQL or LIKE would take for its own (F47)."""
        filters = ",".join(f'name=like="*{needle}*"' for needle in needles)
        parameters = {"filter": filters, "sort": "id:desc", "start": "0", "limit": str(_MOST)}
        found = await self._list(_TICKETS, parameters, seconds)
        return [_row(one) for one in found] if isinstance(found, list) else found

    async def read(self, ticket: str, seconds: float) -> Row | Failure:
        """Return a ticket whole."""
        answer = await self._get(f"{_TICKETS}/{ticket}", seconds)
        if not isinstance(answer, Good):
            return answer
        row = _row(answer.value) if isinstance(answer.value, dict) else {}
        return row if row.get("id") == ticket else Temporary(NO_ANSWER, 30.0)

    async def notes(self, ticket: str, seconds: float) -> list[str] | Failure:
        """Return follow-ups and solutions."""
        texts: list[str] = []
        for kind in ("Followup", "Solution"):
            found = await self._list(f"{_TICKETS}/{ticket}/Timeline/{kind}", {}, seconds)
            if not isinstance(found, list):
                return found
            items = [one.get("item", one) for one in found]
            texts += [_text(item.get("content")) for item in items if isinstance(item, dict)]
        return texts

    async def add(self, values: Mapping[str, object], assets: Mapping[str, str], seconds: float) -> str | Failure:
        """Create a ticket, then its team. Where GLPI says no it is asked whether it is there, and once more."""
        del assets
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        body = _body(values)
        answer = await self._write("POST", _TICKETS, body, seconds)
        if answer == _NOT_MADE:
            found = await self.find((tag_of(str(values.get("externalid", ""))),), deadline - loop.time())
            if found == []:
                answer = await self._write("POST", _TICKETS, body, deadline - loop.time())
                answer = _REFUSED if answer == _NOT_MADE else answer
        if not isinstance(answer, Good):
            return answer
        number = _text(answer.value.get("id")) if isinstance(answer.value, dict) else ""
        if not number.isdecimal():
            return Ambiguous(NO_ANSWER)
        for field, (kind, role) in _MEMBERS.items():
            if field in values:
                await self._join(number, {"type": kind, "id": values[field], "role": role}, deadline - loop.time())
        return number

    async def change(self, ticket: str, values: Mapping[str, object], seconds: float) -> Failure | None:
        """Change fields, and add to the team who is not in it: GLPI would take anybody twice."""
        deadline = asyncio.get_running_loop().time() + seconds
        wanted = [(kind, values[field], role) for field, (kind, role) in _MEMBERS.items() if field in values]
        there = await self._team(ticket, seconds) if wanted else frozenset()
        for kind, number, role in wanted:
            if (kind, _text(number), role) not in there:
                left = deadline - asyncio.get_running_loop().time()
                await self._join(ticket, {"type": kind, "id": number, "role": role}, left)
        body, left = _body(values), deadline - asyncio.get_running_loop().time()
        return _ended(await self._write("PATCH", f"{_TICKETS}/{ticket}", body, left)) if body else None

    async def follow(self, ticket: str, html: str, seconds: float, *, reopen: bool = False) -> Failure | None:
        """Add a private follow-up. Nothing in it reopens a ticket here: that is done before, by its status."""
        deadline = asyncio.get_running_loop().time() + seconds
        failure = await self.change(ticket, {"status": 2}, seconds) if reopen else None
        if failure is not None:
            return failure
        left = deadline - asyncio.get_running_loop().time()
        body = {"content": html, "is_private": True}
        return _ended(await self._write("POST", f"{_TICKETS}/{ticket}/Timeline/Followup", body, left))

    async def solve(self, ticket: str, html: str, seconds: float) -> Failure | None:
        """Add a solution."""
        return _ended(await self._write("POST", f"{_TICKETS}/{ticket}/Timeline/Solution", {"content": html}, seconds))

    async def relate(self, ticket: str, other: str, relation: Relation, seconds: float) -> Failure | None:
        """Do nothing: the texts name the other ticket."""

    async def attach(self, ticket: str, assets: Mapping[str, str], seconds: float) -> Failure | None:
        """Do nothing: this API links no assets."""

    async def lookup(self, kind: Kind, name: str, seconds: float) -> str | Failure:
        """Return the id by name, compared again here; names of trees may be complete, as `Root > Shop`."""
        if kind not in _KINDS or '"' in name or "\\" in name:
            return ""
        path, field = _KINDS[kind]
        needle = name.rpartition(" > ")[2]
        found = await self._list(f"{API}/{path}", {"filter": f'{field}=="{needle}"', "limit": "50"}, seconds)
        if not isinstance(found, list):
            return found
        for column in (field, "completename"):
            for one in found:
                if _text(one.get(column)).lower() == name.lower():
                    return _text(one.get("id"))
        return ""

    async def check(self, seconds: float) -> list[Finding]:
        """Ask for a ticket: reach, credentials and the right to see them."""
        url = self._settings.url
        answer = await self._list(_TICKETS, {"limit": "1"}, seconds)
        if not isinstance(answer, list):
            return [(False, advice(answer, url, "GLPI_USERNAME, GLPI_PASSWORD, GLPI_CLIENT_ID and GLPI_CLIENT_SECRET"))]
        return [
            (True, f"{url}: reached over the API v2, credentials taken, tickets can be read"),
            (None, "the right to create cannot be seen over this API: the profile needs CREATE, UPDATE and READALL"),
        ]

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks."""
        return self._caller.clocks()

    async def columns(self, seconds: float) -> frozenset[str] | Failure:
        """Return the properties of any one ticket."""
        found = await self._list(_TICKETS, {"limit": "1"}, seconds)
        return found if not isinstance(found, list) else frozenset(_row(found[0]) if found else ())

    def preview_add(self, values: Mapping[str, object]) -> tuple[str, object]:
        """Return URL and body of the request that creates a ticket."""
        return f"{self._settings.url}{_TICKETS}", _body(values)

    def preview_change(self, values: Mapping[str, object]) -> tuple[str, str, object]:
        """Return method, URL and body of the request that changes fields."""
        return "PATCH", f"{self._settings.url}{_TICKETS}/{{id}}", _body(values)

    def preview_follow(self, html: str, *, reopen: bool) -> list[tuple[str, str, object]]:
        """Return method, URL and body of each request that adds a private follow-up, or before it reopens."""
        url = f"{self._settings.url}{_TICKETS}/{{id}}/Timeline/Followup"
        before = [self.preview_change({"status": 2})] if reopen else []
        return [*before, ("POST", url, {"content": html, "is_private": True})]

    def preview_solve(self, html: str) -> tuple[str, object]:
        """Return URL and body of the request that solves one."""
        return f"{self._settings.url}{_TICKETS}/{{id}}/Timeline/Solution", {"content": html}

    async def _team(self, ticket: str, seconds: float) -> frozenset[tuple[str, str, int]]:
        """Return kind, id and role of those in the team; nobody where that cannot be asked."""
        found = await self._list(f"{_TICKETS}/{ticket}/TeamMember", {}, seconds)
        members = found if isinstance(found, list) else []
        return frozenset(
            (_text(one.get("type")), _text(one.get("id")), _ROLES.get(_text(one.get("role")), 0)) for one in members
        )

    async def _join(self, ticket: str, member: Mapping[str, object], seconds: float) -> None:
        """Add a member to the team; a ticket without one is better than none."""
        failure = _ended(await self._write("POST", f"{_TICKETS}/{ticket}/TeamMember", member, max(seconds, 0.0)))
        if failure is not None:
            _log.warning("a member of the team could not be added", extra={"number": ticket, "why": failure.reason})

    async def _get(self, path: str, seconds: float, parameters: Mapping[str, str] | None = None) -> Good | Failure:
        return await self._caller.call(Request("GET", path, parameters), partial(judge, "GET", path), seconds)

    async def _list(self, path: str, parameters: Mapping[str, str], seconds: float) -> list[dict[str, Any]] | Failure:
        answer = await self._get(path, seconds, parameters)
        if not isinstance(answer, Good):
            return answer
        found = rows(answer.value)
        return Temporary(NO_ANSWER, 30.0) if found is None else found

    async def _write(self, method: str, path: str, body: Mapping[str, object], seconds: float) -> Good | Failure:
        return await self._caller.call(Request(method, path, body=dict(body)), partial(judge, method, path), seconds)


def _ended(answer: Good | Failure) -> Failure | None:
    """Return how a write to a ticket that is there ended; that GLPI said no is believed: nothing was made twice."""
    return _REFUSED if answer == _NOT_MADE else None if isinstance(answer, Good) else answer


def _body(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by the names of this API; what is a relation is an object with an id."""
    body: dict[str, object] = {}
    for name, value in values.items():
        if name in _NESTED:
            body[_NESTED[name]] = {"id": value}
        elif name not in _MEMBERS:
            body[_RENAMED.get(name, name)] = value
    return body


def _row(item: Mapping[str, Any]) -> Row:
    """Return a ticket by the names that the legacy API and mappings have."""
    row = {name: _text(value) for name, value in item.items() if not isinstance(value, dict | list)}
    for name, member in _NESTED.items():
        inner = item.get(member)
        row[name] = _text(inner.get("id") if isinstance(inner, dict) else inner)
    return row


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _refusal(status: int) -> str:
    return {
        400: "the request is malformed to GLPI (400)",
        403: "not allowed by the rights of its profile (403)",
    }.get(status, "refused by its status code")
