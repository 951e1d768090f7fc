"""The legacy REST API of GLPI 10 and 11 (reference/destinations.md §2.1)."""

from collections.abc import Mapping, Sequence
from functools import partial
from html import unescape
from typing import Any, Final

from shared.delivery.failure import Failure, Refused, Temporary
from shared.destinations.caller import Request
from shared.destinations.finding import Finding
from shared.destinations.glpi.answers import NO_ANSWER, Good, added, changed, judge, rows
from shared.destinations.glpi.api import Kind, Relation
from shared.destinations.glpi.calls import new_caller
from shared.destinations.glpi.check import advice, rights_of
from shared.destinations.glpi.record import Row
from shared.destinations.glpi.session import API, Session, named_in
from shared.destinations.glpi.settings import GlpiSettings
from shared.telemetry.metrics import Metrics

MOST: Final = 100
"""Most tickets of one problem, and most notes of one ticket, that are looked at: the newest."""
_NAME, _ID, _STATUS = "1", "2", "12"
_RELATIONS: dict[Relation, int] = {"link": 1, "duplicate": 2, "child": 3}
_KINDS: dict[Kind, tuple[str, str]] = {
    "category": ("ITILCategory", "name"),
    "group": ("Group", "name"),
    "user": ("User", "name"),
    "computer": ("Computer", "name"),
    "appliance": ("Appliance", "externalidentifier"),
}


class Legacy:
    """Tickets by `apirest.php`."""

    links: Final = True

    def __init__(self, settings: GlpiSettings, metrics: Metrics, name: str) -> None:
        self._settings = settings
        self._caller = new_caller(settings, Session(settings), metrics, name)

    def open(self) -> None:
        """Build the HTTP client. Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        self._caller.open()

    async def close(self) -> None:
        """End the session, and close all connections."""
        await self._caller.close()

    async def find(self, needles: Sequence[str], seconds: float) -> list[Row] | Failure:
        """Search titles. `%` would be a wildcard and `^`, `$` anchors over there: keys have none of them (F47)."""
        parameters = {"range": f"0-{MOST - 1}", "sort": _ID, "order": "DESC"}
        for index, field in enumerate((_ID, _NAME, _STATUS)):
            parameters[f"forcedisplay[{index}]"] = field
        for index, needle in enumerate(needles):
            parameters |= {f"criteria[{index}][link]": "OR"} if index else {}
            parameters[f"criteria[{index}][field]"] = _NAME
            parameters[f"criteria[{index}][searchtype]"] = "contains"
            parameters[f"criteria[{index}][value]"] = needle
        answer = await self.get("/search/Ticket", seconds, parameters)
        if not isinstance(answer, Good):
            return answer
        body = answer.value
        if not isinstance(body, dict) or "totalcount" not in body:
            return Temporary(NO_ANSWER, 30.0)
        found = rows(body.get("data", []))  # without a match there is no `data`
        if found is None:
            return Temporary(NO_ANSWER, 30.0)
        names = {_ID: "id", _NAME: "name", _STATUS: "status"}
        return [{word: plain(one.get(number)) for number, word in names.items()} for one in found]

    async def read(self, ticket: str, seconds: float) -> Row | Failure:
        """Return all columns of a ticket."""
        answer = await self.get(f"/Ticket/{ticket}", seconds, {"get_hateoas": "false"})
        if not isinstance(answer, Good):
            return answer
        if not isinstance(answer.value, dict) or plain(answer.value.get("id")) != ticket:
            return Temporary(NO_ANSWER, 30.0)
        return {name: plain(value) for name, value in answer.value.items() if not isinstance(value, dict | list)}

    async def notes(self, ticket: str, seconds: float) -> list[str] | Failure:
        """Return the latest follow-ups and solutions."""
        texts: list[str] = []
        for itemtype in ("ITILFollowup", "ITILSolution"):
            parameters = {"range": f"0-{MOST - 1}", "sort": "id", "order": "DESC", "get_hateoas": "false"}
            answer = await self.get(f"/Ticket/{ticket}/{itemtype}", seconds, parameters)
            if not isinstance(answer, Good):
                return answer
            found = rows(answer.value)
            if found is None:
                return Temporary(NO_ANSWER, 30.0)
            texts += [plain(one.get("content")) for one in found]
        return texts

    async def add(self, values: Mapping[str, object], assets: Mapping[str, str], seconds: float) -> str | Failure:
        """Create a ticket, with its assets linked in the same request."""
        linked = {itemtype: [int(number)] for itemtype, number in assets.items()}
        answer = await self._write("POST", "/Ticket", {**values, **({"items_id": linked} if linked else {})}, seconds)
        return added(answer.value) if isinstance(answer, Good) else answer

    async def change(self, ticket: str, values: Mapping[str, object], seconds: float) -> Failure | None:
        """Change fields."""
        answer = await self._write("PUT", f"/Ticket/{ticket}", {"id": int(ticket), **values}, seconds)
        return changed(answer.value, ticket) if isinstance(answer, Good) else answer

    async def follow(self, ticket: str, html: str, seconds: float, *, reopen: bool = False) -> Failure | None:
        """Add a private follow-up; `add_reopen` refuses the solution and makes the ticket active."""
        values: dict[str, object] = {**_of(ticket), "content": html, "is_private": 1}
        return await self._added("/ITILFollowup", {**values, **({"add_reopen": 1} if reopen else {})}, seconds)

    async def solve(self, ticket: str, html: str, seconds: float) -> Failure | None:
        """Add a solution."""
        return await self._added("/ITILSolution", {**_of(ticket), "content": html}, seconds)

    async def relate(self, ticket: str, other: str, relation: Relation, seconds: float) -> Failure | None:
        """Link two tickets."""
        values = {"tickets_id_1": int(ticket), "tickets_id_2": int(other), "link": _RELATIONS[relation]}
        return await self._added("/Ticket_Ticket", values, seconds)

    async def attach(self, ticket: str, assets: Mapping[str, str], seconds: float) -> Failure | None:
        """Link assets one by one; a link that is there already is refused, which is what was wanted."""
        for itemtype, number in assets.items():
            values = {"itemtype": itemtype, "items_id": int(number), "tickets_id": int(ticket)}
            failure = await self._added("/Item_Ticket", values, seconds)
            if failure is not None and not isinstance(failure, Refused):
                return failure
        return None

    async def lookup(self, kind: Kind, name: str, seconds: float) -> str | Failure:
        """Return the id by name, compared again here; names of trees may be complete, as `Root > Shop`."""
        if kind == "entity":  # those of this user: the right to read all entities is an administrator's
            listed = await self.get("/getMyEntities", seconds, {"is_recursive": "true"})
            if not isinstance(listed, Good):
                return listed
            return named_in(listed.value.get("myentities") if isinstance(listed.value, dict) else None, name)
        itemtype, field = _KINDS[kind]
        needle = name.rpartition(" > ")[2]
        parameters = {f"searchText[{field}]": f"^{needle}$", "range": "0-49", "get_hateoas": "false"}
        answer = await self.get(f"/{itemtype}", seconds, parameters)
        if not isinstance(answer, Good):
            return answer
        for column in (field, "completename"):
            for one in rows(answer.value) or []:
                if unescape(plain(one.get(column))).lower() == name.lower():
                    return plain(one.get("id"))
        return ""

    async def get(self, path: str, seconds: float, parameters: Mapping[str, str] | None = None) -> Good | Failure:
        """Ask for something below the API's path."""
        return await self._caller.call(Request("GET", API + path, parameters), partial(judge, "GET"), seconds)

    async def check(self, seconds: float) -> list[Finding]:
        """Ask for the session, which holds the rights of its profile."""
        url = self._settings.url
        answer = await self.get("/getFullSession", seconds)
        if not isinstance(answer, Good):
            return [(False, advice(answer, url, "GLPI_USER_TOKEN"))]
        session = answer.value.get("session") if isinstance(answer.value, dict) else None
        if not isinstance(session, dict):
            return [(False, advice(Temporary(NO_ANSWER), url, ""))]
        profile = session.get("glpiactiveprofile")
        profile = profile if isinstance(profile, dict) else {}
        entity = plain(session.get("glpiactive_entity_name")) or plain(session.get("glpiactive_entity"))
        lines = [(True, f"{url}: reached over the legacy REST API, credentials taken, tickets go to entity {entity!r}")]
        return lines + rights_of(profile.get("ticket"), plain(profile.get("name")))

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks."""
        return self._caller.clocks()

    async def columns(self, seconds: float) -> frozenset[str] | Failure:
        """Return the columns of any one ticket."""
        answer = await self.get("/Ticket", seconds, {"range": "0-0", "get_hateoas": "false"})
        return answer if not isinstance(answer, Good) else frozenset(next(iter(rows(answer.value) or []), {}))

    def preview_add(self, values: Mapping[str, object]) -> tuple[str, object]:
        """Return URL and body of the request that creates a ticket."""
        return f"{self._settings.url}{API}/Ticket", {"input": dict(values)}

    def preview_change(self, values: Mapping[str, object]) -> tuple[str, str, object]:
        """Return method, URL and body of the request that changes fields."""
        return "PUT", f"{self._settings.url}{API}/Ticket/{{id}}", {"input": {"id": "{id}", **values}}

    def preview_follow(self, html: str, *, reopen: bool) -> list[tuple[str, str, object]]:
        """Return method, URL and body of the request that adds a private follow-up, or with it reopens."""
        body = {"itemtype": "Ticket", "items_id": "{id}", "content": html, "is_private": 1}
        body |= {"add_reopen": 1} if reopen else {}
        return [("POST", f"{self._settings.url}{API}/ITILFollowup", {"input": body})]

    def preview_solve(self, html: str) -> tuple[str, object]:
        """Return URL and body of the request that solves one."""
        body = {"itemtype": "Ticket", "items_id": "{id}", "content": html}
        return f"{self._settings.url}{API}/ITILSolution", {"input": body}

    async def _write(self, method: str, path: str, values: Mapping[str, object], seconds: float) -> Good | Failure:
        return await self._caller.call(
            Request(method, API + path, body={"input": dict(values)}), partial(judge, method), seconds
        )

    async def _added(self, path: str, values: Mapping[str, object], seconds: float) -> Failure | None:
        answer = await self._write("POST", path, values, seconds)
        made = added(answer.value) if isinstance(answer, Good) else answer
        return None if isinstance(made, str) else made


def _of(ticket: str) -> dict[str, object]:
    return {"itemtype": "Ticket", "items_id": int(ticket)}


def plain(value: Any) -> str:
    """Return a JSON value as text."""
    return value if isinstance(value, str) else "" if value is None else str(value)
