"""How the API v2 names what the items hold: properties for columns, relations as objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shared.local.standins.glpi.page import STATUSES
from shared.local.standins.glpi.store import Row


@dataclass(frozen=True, slots=True)
class Shape:
    """One schema: columns by property, and relations by property with their column and itemtype."""

    itemtype: str
    plain: Mapping[str, str]
    relations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    truths: frozenset[str] = frozenset()


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_TREE = Shape("", _same("id", "name", "completename", "comment"), {"entity": ("entities_id", "Entity")})
SHAPES: Final[dict[str, Shape]] = {
    "Assistance/Ticket": Shape(
        "Ticket",
        {
            **_same("id", "name", "content", "is_deleted", "urgency", "impact", "priority", "actiontime", "type"),
            **_same("date", "date_creation", "date_mod"),
            "external_id": "externalid",
        },
        {
            "status": ("status", ""),
            "category": ("itilcategories_id", "ITILCategory"),
            "location": ("locations_id", "Location"),
            "entity": ("entities_id", "Entity"),
            "request_type": ("requesttypes_id", "RequestType"),
        },
        frozenset({"is_deleted"}),
    ),
    "Timeline/Followup": Shape(
        "ITILFollowup",
        _same("id", "itemtype", "items_id", "content", "is_private", "date_creation", "date_mod"),
        {"request_type": ("requesttypes_id", "RequestType")},
        frozenset({"is_private"}),
    ),
    "Timeline/Solution": Shape("ITILSolution", _same("id", "itemtype", "items_id", "content")),
    "Administration/Group": Shape("Group", _TREE.plain, _TREE.relations),
    "Administration/Entity": Shape("Entity", _TREE.plain),
    "Administration/User": Shape("User", {**_same("id", "realname", "firstname", "is_active"), "username": "name"}),
    "Dropdowns/ITILCategory": Shape("ITILCategory", _TREE.plain, _TREE.relations),
    "Assets/Computer": Shape("Computer", _same("id", "name", "comment", "serial", "uuid", "is_deleted")),
}


def shown(room: str, row: Row, name_of: Callable[[str, int], str]) -> dict[str, Any]:
    """Return an item by its properties."""
    shape = SHAPES[room]
    item: dict[str, Any] = {name: row.get(column) for name, column in shape.plain.items()}
    item |= {name: bool(item[name]) for name in shape.truths}
    for name, (column, itemtype) in shape.relations.items():
        number = row.get(column) or 0
        if name == "status":
            item[name] = {"id": number, "name": STATUSES.get(number, "")}
        else:
            item[name] = {"id": number, "name": name_of(itemtype, number)} if number or name == "entity" else None
    return item


def columns_of(room: str, body: Mapping[str, Any]) -> Row:
    """Return the columns of what was sent; properties that the schema does not have are dropped in silence."""
    shape = SHAPES.get(room, Shape("", {}))
    values: Row = {}
    for name, value in body.items():
        if name in shape.plain and name != "id":
            values[shape.plain[name]] = int(value) if isinstance(value, bool) else value
        elif name in shape.relations:
            values[shape.relations[name][0]] = value.get("id") if isinstance(value, dict) else value
    return values
