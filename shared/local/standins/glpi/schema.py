"""What GLPI's items have: columns with their first values, unique keys, and what they are called when they are made.

From reference/destinations.md §2 and a recorded dialogue with GLPI 10.0.14.
"""

from dataclasses import dataclass
from typing import Any, Final

NO_RIGHT: Final = "You don't have permission to perform this action."
_ITIL: Final[dict[str, Any]] = {
    "name": "",
    "entities_id": 0,
    "is_recursive": 0,
    "is_deleted": 0,
    "status": 1,
    "content": None,
    "date_mod": None,
    "date": None,
    "solvedate": None,
    "closedate": None,
    "time_to_resolve": None,
    "users_id_recipient": 0,
    "users_id_lastupdater": 0,
    "urgency": 3,
    "impact": 3,
    "priority": 3,
    "itilcategories_id": 0,
    "actiontime": 0,
    "begin_waiting_date": None,
    "waiting_duration": 0,
    "close_delay_stat": 0,
    "solve_delay_stat": 0,
    "date_creation": None,
    "locations_id": 0,
}
_VALIDATED: Final[dict[str, Any]] = {"global_validation": 1, "validation_percent": 0}
_CHANGE: Final = dict.fromkeys(
    ("impactcontent", "controlistcontent", "rolloutplancontent", "backoutplancontent", "checklistcontent")
)
_NAMED: Final[dict[str, Any]] = {"entities_id": 0, "is_recursive": 0, "name": "", "is_deleted": 0, "comment": None}
_TREE: Final[dict[str, Any]] = {"entities_id": 0, "is_recursive": 1, "name": "", "completename": "", "comment": None}


@dataclass(frozen=True, slots=True)
class Itemtype:
    """One kind of item. `says` is what its creation is told as: `{name}`, or a text; `{id}` stands for its id."""

    columns: dict[str, Any]
    unique: tuple[str, ...] = ()
    says: str = "{name}"
    asset: bool = False


ITEMTYPES: Final[dict[str, Itemtype]] = {
    "Ticket": Itemtype(
        {**{k: v for k, v in _ITIL.items() if k != "is_recursive"}, **_VALIDATED, "requesttypes_id": 1, "type": 1},
        says="{name} ({id})",
    ),
    "Change": Itemtype({**_ITIL, **_CHANGE, **_VALIDATED}, says="{name} ({id})"),
    "Problem": Itemtype({**_ITIL, "impactcontent": None, "causecontent": None, "symptomcontent": None},
                        says="{name} ({id})"),
    "ITILFollowup": Itemtype(
        {"itemtype": "", "items_id": 0, "date": None, "users_id": 0, "content": None, "is_private": 0,
         "requesttypes_id": 0, "date_mod": None, "date_creation": None},
        says="",
    ),
    "ITILSolution": Itemtype(
        {"itemtype": "", "items_id": 0, "solutiontypes_id": 0, "content": None, "date_creation": None,
         "date_mod": None, "users_id": 0, "status": 2},
        says="{id}",
    ),
    "Ticket_Ticket": Itemtype(
        {"tickets_id_1": 0, "tickets_id_2": 0, "link": 1}, ("tickets_id_1", "tickets_id_2"), says=""
    ),
    "Ticket_User": Itemtype({"tickets_id": 0, "users_id": 0, "type": 1, "use_notification": 1}, says=""),
    "Group_Ticket": Itemtype({"tickets_id": 0, "groups_id": 0, "type": 1}, says=""),
    "Item_Ticket": Itemtype({"itemtype": "", "items_id": 0, "tickets_id": 0}, says="{item}"),
    "Computer": Itemtype({**_NAMED, "serial": None, "uuid": None, "otherserial": None}, asset=True),
    "Appliance": Itemtype(
        {**_NAMED, "appliancetypes_id": 0, "locations_id": 0, "manufacturers_id": 0, "applianceenvironments_id": 0,
         "users_id": 0, "states_id": 0, "externalidentifier": None},
        ("externalidentifier",),
        asset=True,
    ),
    "Appliance_Item": Itemtype(
        {"appliances_id": 0, "items_id": 0, "itemtype": ""}, ("appliances_id", "items_id", "itemtype"),
        says="Item - ID {id}", asset=True,
    ),
    "Cluster": Itemtype({**_NAMED, "uuid": None}, asset=True),
    "Item_Cluster": Itemtype(
        {"clusters_id": 0, "itemtype": "", "items_id": 0}, ("clusters_id", "itemtype", "items_id"),
        says="Cluster item - ID {id}", asset=True,
    ),
    "ComputerVirtualMachine": Itemtype(
        {"computers_id": 0, "name": "", "uuid": "", "vcpu": 0, "ram": "", "is_deleted": 0}, asset=True
    ),
    "DatabaseInstance": Itemtype(dict(_NAMED), asset=True),
    "Change_Item": Itemtype(
        {"changes_id": 0, "itemtype": "", "items_id": 0}, ("changes_id", "itemtype", "items_id"),
        says="Change item - ID {id}",
    ),
    "Change_Ticket": Itemtype(
        {"changes_id": 0, "tickets_id": 0}, ("changes_id", "tickets_id"), says="Link Ticket/Change - ID {id}"
    ),
    "Entity": Itemtype({"name": "", "entities_id": None, "completename": "", "level": 1}),
    "ITILCategory": Itemtype({**_TREE, "itilcategories_id": 0, "is_incident": 1, "is_request": 1}),
    "Group": Itemtype({**_TREE, "groups_id": 0, "is_assign": 1, "is_requester": 1}),
    "User": Itemtype({"name": "", "realname": "", "firstname": "", "is_active": 1, "is_deleted": 0, "entities_id": 0}),
}  # fmt: skip
SINCE_11: Final[dict[str, dict[str, Any]]] = {"Ticket": {"externalid": None}}
"""Columns that GLPI 10 does not have."""
ITIL: Final = frozenset({"Ticket", "Change", "Problem"})
ALIASES: Final = {"TicketFollowup": "ITILFollowup"}
"""Old names that still answer."""
CHILDREN: Final[dict[str, tuple[str, ...]]] = {
    "Ticket": (
        "Document_Item", "TicketTask", "TicketValidation", "TicketCost", "Problem_Ticket", "Change_Ticket",
        "Item_Ticket", "ITILSolution", "ITILFollowup",
    ),
}  # fmt: skip
"""Relations that a list or an item names in its links."""
PARENTS: Final[dict[str, str]] = {
    "entities_id": "Entity",
    "itilcategories_id": "ITILCategory",
    "tickets_id": "Ticket",
    "changes_id": "Change",
    "users_id_recipient": "User",
}
SEARCH: Final[dict[str, dict[str, str]]] = {
    "Ticket": {
        "1": "name", "2": "id", "3": "priority", "7": "itilcategories_id", "10": "urgency", "11": "impact",
        "12": "status", "14": "type", "15": "date", "16": "closedate", "17": "solvedate", "19": "date_mod",
        "21": "content", "80": "entities_id",
    },
    "*": {"1": "name", "2": "id", "19": "date_mod", "80": "entities_id"},
}  # fmt: skip
"""Search options by number, as far as they are columns."""
_PRIORITIES: Final = {1: "11222", 2: "12233", 3: "22344", 4: "23445", 5: "23455"}
"""GLPI's first matrix: by urgency, the priorities for impacts 1 to 5."""


def grade(value: Any) -> int:
    """Return an urgency or impact; what is none becomes 3."""
    return int(value) if str(value) in {"1", "2", "3", "4", "5"} else 3


def priority(urgency: int, impact: int) -> int:
    """Return the priority of the matrix."""
    return int(_PRIORITIES[urgency][impact - 1])
