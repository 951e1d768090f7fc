"""What `tidings doctor` says of observables, without writing anything."""

from collections.abc import Collection

from shared.delivery.failure import Refused
from shared.destinations.finding import Finding
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.observables import ROLE, TABLES, TYPES

_SECONDS = 10.0
_MOST = 500
_OR = f"is Threat Intelligence installed, and has the user the role {ROLE}? Else take them out of the mapping"


async def check_observables(client: Client, types: Collection[str]) -> list[Finding]:
    """Return lines for people; `types` are the names that the mapping gives types of observables.

    None of them is bad: without observables there are the same tickets.
    """
    if not types:
        return [(True, "the mapping names no observables")]
    known: set[str] = set()
    for table in TABLES:
        rows = await client.search(table, "ORDERBYname" if table == TYPES else "", "sys_id,name", _MOST, _SECONDS)
        if not isinstance(rows, Rows):
            why = rows.reason if isinstance(rows, Refused) else "it cannot be asked now"
            return [(None, f"observables are not sent: {table}: {why}: {_OR}")]
        known |= {row.get("name", "").casefold() for row in rows.rows} if table == TYPES else set()
    if not known:
        return [(None, f"observables are not sent: no record of {TYPES} can be seen: {_OR}")]
    missing = sorted(name for name in types if name.casefold() not in known)
    lines: list[Finding] = [(None, f"the right to link observables cannot be seen without writing: it is {ROLE}")]
    if missing:
        lines.append(
            (None, f"{TYPES} has no {', '.join(missing)}: not sent; make them, or take them out of the mapping")
        )
    return lines
