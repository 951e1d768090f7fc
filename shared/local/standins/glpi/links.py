"""The links that GLPI's legacy API adds to each item, unless it is told not to."""

from typing import Any

from shared.local.standins.frame import Request
from shared.local.standins.glpi.access import API
from shared.local.standins.glpi.schema import CHILDREN, ITEMTYPES, PARENTS
from shared.local.standins.glpi.store import Row


def linked(request: Request, itemtype: str, row: Row) -> dict[str, Any]:
    """Return an item as it is answered: what it is part of, and what hangs on it, by their addresses."""
    if request.query.get("get_hateoas", "true") in {"0", "false"}:
        return row
    root = f"{request.base}{API}"
    links: list[dict[str, str]] = []
    if row.get("itemtype") in ITEMTYPES and row.get("items_id"):
        links.append({"rel": row["itemtype"], "href": f"{root}/{row['itemtype']}/{row['items_id']}"})
    links += [
        {"rel": parent, "href": f"{root}/{parent}/{row[column]}"}
        for column, parent in PARENTS.items()
        if row.get(column)
    ]
    links += [{"rel": child, "href": f"{root}/{itemtype}/{row['id']}/{child}/"} for child in CHILDREN.get(itemtype, ())]
    return {**row, "links": links} if links else row
