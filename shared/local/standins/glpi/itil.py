"""What GLPI does with tickets, changes, problems and what hangs on them, whichever API asks."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.local.standins.glpi.access import CREATE, READ_ALL, READ_MY, UPDATE, Visit
from shared.local.standins.glpi.schema import ITEMTYPES, ITIL, NO_RIGHT, SINCE_11, grade, priority
from shared.local.standins.glpi.store import Database, DuplicateError, Row

NEW, ASSIGNED, SOLVED, CLOSED = 1, 2, 5, 6
ALREADY_SOLVED: Final = "The item is already solved, did anyone pushed a solution before you?"
_REFUSED_SOLUTION = 4
_NAME = 255
_TEXTS = ("name", "content")
_ACTORS: dict[str, tuple[str, str, int]] = {
    "_users_id_requester": ("Ticket_User", "users_id", 1),
    "_users_id_assign": ("Ticket_User", "users_id", 2),
    "_users_id_observer": ("Ticket_User", "users_id", 3),
    "_groups_id_requester": ("Group_Ticket", "groups_id", 1),
    "_groups_id_assign": ("Group_Ticket", "groups_id", 2),
    "_groups_id_observer": ("Group_Ticket", "groups_id", 3),
}
_GROUPS: Final = {"Item_Ticket": ("itemtype", "items_id", "tickets_id")}
"""What is looked for before it is made, so that a second one is refused without a word."""


class RefusedError(Exception):
    """GLPI does not do it; the text is for people, and may be empty."""


class Desk:
    """The items of one GLPI. A GLPI 10 `encodes`: its texts come back with `& < >` as entities."""

    def __init__(self, database: Database, zone: str, rule: Callable[[Row], Row], version: str) -> None:
        self.database = database
        self.version = version
        self.encodes = version.startswith("10.")
        self.rule = rule
        self._zone = UTC if zone == "UTC" else ZoneInfo(zone)

    def now(self) -> str:
        """Return now as GLPI writes times: of the server's zone, seconds."""
        return datetime.now(self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def visible(self, visit: Visit, itemtype: str, row: Row) -> bool:
        """Return True where this session sees the item."""
        if itemtype in ITIL:
            own = visit.may(READ_MY) and row["users_id_recipient"] == visit.user.id
            inside = row["entities_id"] == visit.entity or (visit.recursive and visit.entity == 0)
            return inside and (visit.may(READ_ALL) or own)
        return visit.profile.assets or not ITEMTYPES[itemtype].asset

    def add(self, visit: Visit, itemtype: str, given: Mapping[str, Any]) -> tuple[Row, str]:
        """Create an item; return it and what people are told. Raises RefusedError."""
        with self.database.transaction():
            if itemtype in ITIL:
                row = self._add_itil(visit, itemtype, given)
            elif itemtype in {"ITILFollowup", "ITILSolution"}:
                row = self._add_note(visit, itemtype, given)
            else:
                if ITEMTYPES[itemtype].asset and not visit.profile.assets:
                    raise RefusedError(NO_RIGHT)
                row = self._insert(itemtype, self._columns(itemtype, given))
            return row, self._says(itemtype, row)

    def change(self, visit: Visit, itemtype: str, number: int, given: Mapping[str, Any]) -> Row | None:
        """Change an item; return None where there is none. Raises RefusedError."""
        with self.database.transaction():
            row = self.database.get(itemtype, number)
            if row is None:
                return None
            values = {name: text for name, text in self._columns(itemtype, given).items() if name in given}
            if itemtype in ITIL:
                if not visit.may(UPDATE) or (row["status"] == CLOSED and "status" not in values):
                    raise RefusedError("")
                values = self._itil_values(itemtype, {**row, **values}, values)
                values["users_id_lastupdater"] = visit.user.id
            stamp = {"date_mod": self.now()} if "date_mod" in ITEMTYPES[itemtype].columns else {}
            return self.database.update(itemtype, number, {**values, **stamp})

    def of(self, itemtype: str, parent: str, number: int) -> list[Row]:
        """Return the items that hang on another one."""
        column = f"{parent.lower()}s_id"
        rows = self.database.all(itemtype)
        if "itemtype" in ITEMTYPES[itemtype].columns and column not in ITEMTYPES[itemtype].columns:
            return [row for row in rows if (row["itemtype"], row["items_id"]) == (parent, number)]
        return [row for row in rows if row.get(column) == number]

    def _add_itil(self, visit: Visit, itemtype: str, given: Mapping[str, Any]) -> Row:
        if not visit.may(CREATE):
            raise RefusedError(NO_RIGHT)
        values = self._itil_values(itemtype, {**ITEMTYPES[itemtype].columns, **self._columns(itemtype, given)}, {})
        now = self.now()
        values |= {"date": now, "date_mod": now, "date_creation": now}
        values |= {"users_id_recipient": visit.user.id, "users_id_lastupdater": visit.user.id}
        if "entities_id" not in given:
            values["entities_id"] = visit.entity
        if itemtype == "Ticket" and any(given.get(name) for name in ("_users_id_assign", "_groups_id_assign")):
            values["status"] = max(values["status"], ASSIGNED)
        row = self._insert(itemtype, self.rule(values))
        if itemtype == "Ticket":
            self._link(row["id"], given)
        return row

    def _link(self, ticket: int, given: Mapping[str, Any]) -> None:
        """Note the actors and the items that a new ticket names."""
        for name, (itemtype, column, kind) in _ACTORS.items():
            members = given.get(name) or []
            for member in members if isinstance(members, list) else [members]:
                self.database.insert(itemtype, {"tickets_id": ticket, column: int(member), "type": kind})
        items = given.get("items_id")
        for itemtype, numbers in items.items() if isinstance(items, dict) else ():
            for number in numbers if isinstance(numbers, list) else [numbers]:
                if itemtype in ITEMTYPES and self.database.get(itemtype, int(number)) is not None:
                    self._insert("Item_Ticket", {"itemtype": itemtype, "items_id": int(number), "tickets_id": ticket})

    def _add_note(self, visit: Visit, itemtype: str, given: Mapping[str, Any]) -> Row:
        given = {"itemtype": "Ticket", "items_id": given["tickets_id"], **given} if "tickets_id" in given else given
        values = {**ITEMTYPES[itemtype].columns, **self._columns(itemtype, given)}
        parent = str(values["itemtype"])
        row = self.database.get(parent, int(values["items_id"])) if parent in ITIL else None
        if row is None or not self.visible(visit, parent, row):
            raise RefusedError(NO_RIGHT)
        now = self.now()
        values |= {"users_id": visit.user.id, "date_creation": now, "date_mod": now}
        if itemtype == "ITILFollowup":
            made = self._insert(itemtype, {**values, "date": now})
            if given.get("add_reopen") and row["status"] == SOLVED:
                self._reopen(parent, row)
            return made
        if row["status"] == CLOSED or not visit.may(UPDATE):
            raise RefusedError(NO_RIGHT)
        if row["status"] == SOLVED:
            raise RefusedError(ALREADY_SOLVED)
        made = self._insert(itemtype, values)
        self.database.update(parent, row["id"], {"status": SOLVED, "solvedate": now, "date_mod": now})
        return made

    def _reopen(self, parent: str, row: Row) -> None:
        for solution in self.of("ITILSolution", parent, row["id"]):
            self.database.update("ITILSolution", solution["id"], {"status": _REFUSED_SOLUTION})
        assigned = any(one["type"] == 2 for one in self.of("Group_Ticket", parent, row["id"]))  # noqa: PLR2004
        status = ASSIGNED if parent == "Ticket" and assigned else NEW
        self.database.update(parent, row["id"], {"status": status, "solvedate": None, "date_mod": self.now()})

    def _itil_values(self, itemtype: str, whole: Row, values: Row) -> Row:
        """Return the values with what GLPI makes of them; those of a new item where `values` is empty."""
        values = values or whole
        if {"urgency", "impact"} & values.keys():
            urgency, impact = grade(whole["urgency"]), grade(whole["impact"])
            values |= {"urgency": urgency, "impact": impact, "priority": priority(urgency, impact)}
        elif "priority" in values:
            del values["priority"]
        status = values.get("status")
        if itemtype == "Ticket" and status in {SOLVED, CLOSED} and not whole.get("solvedate"):
            values["solvedate"] = self.now()
        if itemtype == "Ticket" and status == CLOSED:
            values["closedate"] = self.now()
        return values

    def _columns(self, itemtype: str, given: Mapping[str, Any]) -> Row:
        """Return the values that are columns; all others are dropped in silence."""
        columns = ITEMTYPES[itemtype].columns | ({} if self.encodes else SINCE_11.get(itemtype, {}))
        values: Row = {}
        for name, value in given.items():
            if name not in columns or isinstance(value, dict | list):
                continue
            if name in _TEXTS and isinstance(value, str):
                values[name] = self._text(value[:_NAME] if name == "name" else value)
            elif isinstance(columns[name], int) and str(value).lstrip("-").isdecimal():
                values[name] = int(value)
            else:
                values[name] = value
        return values

    def _text(self, value: str) -> str:
        if not self.encodes:
            return value
        return value.replace("&", "&#38;").replace("<", "&#60;").replace(">", "&#62;")

    def _insert(self, itemtype: str, values: Mapping[str, Any]) -> Row:
        looked = _GROUPS.get(itemtype, ())
        for other in self.database.all(itemtype) if looked else ():
            if all(other[name] == values[name] for name in looked):
                raise RefusedError("")
        try:
            return self.database.insert(itemtype, {**ITEMTYPES[itemtype].columns, **values}, ITEMTYPES[itemtype].unique)
        except DuplicateError as duplicate:
            raise RefusedError(f"Duplicate entry '{duplicate}' for key 'unicity'") from None

    def _says(self, itemtype: str, row: Row) -> str:
        says = ITEMTYPES[itemtype].says
        if not says:
            return ""
        linked = self.database.get(row["itemtype"], row["items_id"]) if "{item}" in says else None
        name = row.get("name") or f"{itemtype} - ID {row['id']}"
        item = (linked or {}).get("name", "")
        return "Item successfully added: " + says.format(id=row["id"], name=name, item=item)
