"""Observables of a security incident: found or made by value and type, and linked once (sn_ti_observable).

Facts: ServiceNow's "Create a security incident observable" (roles, value and type of an observable); the columns
`task` and `observable` of `sn_ti_m2m_task_observable` and the name of a type's record are what integrations of others
read there. They are an addition: no failure here costs a ticket.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from shared.delivery.failure import Failure, Refused
from shared.destinations.servicenow.answers import Rows
from shared.destinations.servicenow.client import Client
from shared.destinations.servicenow.references import KEEP, is_safe, is_sys_id

_log = logging.getLogger(__name__)

OBSERVABLES: Final = "sn_ti_observable"
LINKS: Final = "sn_ti_m2m_task_observable"
TYPES: Final = "sn_ti_observable_type"
TABLES: Final = (OBSERVABLES, LINKS, TYPES)
ROLE: Final = "sn_ti_observable.write"
MOST: Final = 20
"""Most observables of one snapshot."""
_MOST_LINKS: Final = 500
_SCRIPT: Final = "javascript:"  # with which a value in an encoded query is run over there (F47)
_NO_TYPE: Final = (
    "a type of observables is not there, or hidden from who has no role "
    f"{ROLE}: make it, give the role, or take it out of the mapping"
)
_PAUSE: Final = 600.0
"""Seconds after a refusal before they are tried again: a role that was given meanwhile."""


class Observable(NamedTuple):
    """One observable: the name of its type on the instance, and its value."""

    type: str
    value: str


def observables_of(text: str) -> list[Observable]:
    """Return what a mapping says: a group as JSON, of types by name with values one a line."""
    group: Any = orjson.loads(text) if text.startswith("{") else {}
    found = [
        Observable(str(name), value)
        for name, values in group.items()
        for value in str(values).split("\n")
        if _is_safe(value)
    ]
    return list(dict.fromkeys(found))[:MOST]


def _is_safe(value: str) -> bool:
    """Return True where a value may stand in an encoded query (F47)."""
    return bool(value.strip()) and value.isprintable() and "^" not in value and not value.lower().startswith(_SCRIPT)


class Observables:
    """The observables of one instance. Belongs to one event loop."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._types: dict[str, str] = {}  # sys_ids by name in small letters, empty where there is none
        self._types_until = float("-inf")
        self._off_until = float("-inf")
        self._told: set[str] = set()

    async def link(self, task: str, text: str, seconds: float) -> bool:
        """Link a task to the observables of a mapping's text that it is not linked to yet.

        False where that may work later. What the instance refuses counts as done: it is said in the log, once, and
        tried again for snapshots ten minutes later.
        """
        loop = asyncio.get_running_loop()
        wanted = observables_of(text)
        if not wanted or not is_sys_id(task) or loop.time() < self._off_until:
            return True
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                failure = await self._link(task, wanted, seconds)
        except TimeoutError:
            return False
        if isinstance(failure, Refused):
            self._off_until = loop.time() + _PAUSE
            self._tell(
                "observables",
                "observables are not sent: the instance refuses them. The user needs the role "
                f"{ROLE}, and Threat Intelligence must be installed; or take them out of the mapping",
                failure.reason,
            )
        return failure is None or isinstance(failure, Refused)

    async def _link(self, task: str, wanted: list[Observable], seconds: float) -> Failure | None:
        types = await self._types_of(wanted, seconds)
        if not isinstance(types, Mapping):
            return types
        known = [(types[one.type.casefold()], one.value) for one in wanted if types.get(one.type.casefold())]
        rows = await self._client.search(
            LINKS, f"task={task}", "sys_id,task,observable,observable.value,observable.type", _MOST_LINKS, seconds
        )
        if not isinstance(rows, Rows):
            return rows
        there = {
            (row.get("observable.type", ""), row.get("observable.value", "").casefold())
            for row in rows.rows
            if row.get("task") == task
        }
        missing = [(kind, value) for kind, value in known if (kind, value.casefold()) not in there]
        found = await asyncio.gather(*(self._one(task, kind, value, seconds) for kind, value in missing))
        refused = [one for one in found if isinstance(one, Refused)]
        return next((one for one in (*refused, *found) if one is not None), None)

    async def _types_of(self, wanted: list[Observable], seconds: float) -> Mapping[str, str] | Failure:
        """Return the sys_id of each type by its name in small letters, empty where there is none."""
        now = asyncio.get_running_loop().time()
        if now >= self._types_until:
            self._types = {}
        names = {one.type.casefold(): one.type for one in wanted if is_safe(one.type) and "," not in one.type}
        asked = sorted(names[small] for small in names.keys() - self._types.keys())
        if not asked:
            return self._types
        rows = await self._client.search(TYPES, f"nameIN{','.join(asked)}", "sys_id,name", _MOST_LINKS, seconds)
        if not isinstance(rows, Rows):
            return rows
        found = {row.get("name", "").casefold(): row.get("sys_id", "") for row in rows.rows}
        self._types = {**self._types, **{name.casefold(): found.get(name.casefold(), "") for name in asked}}
        self._types_until = now + KEEP
        for name in asked:
            if not self._types[name.casefold()]:
                self._tell(name, _NO_TYPE, "")
        return self._types

    async def _one(self, task: str, kind: str, value: str, seconds: float) -> Failure | None:
        observable = await self._found_or_made(kind, value, seconds)
        if not isinstance(observable, str):
            return observable
        made = await self._client.insert(LINKS, {"task": task, "observable": observable}, "sys_id", seconds)
        return None if isinstance(made, Rows) else made

    async def _found_or_made(self, kind: str, value: str, seconds: float) -> str | Failure:
        found = await self._client.search(
            OBSERVABLES, f"value={value}^type={kind}^ORDERBYsys_created_on", "sys_id,value,type", 5, seconds
        )
        if not isinstance(found, Rows):
            return found
        for row in found.rows:  # compared again: invalid parts of a query are ignored
            if row.get("value", "").casefold() == value.casefold() and row.get("type") == kind:
                return row.get("sys_id", "")
        made = await self._client.insert(OBSERVABLES, {"value": value, "type": kind}, "sys_id,value,type", seconds)
        if not isinstance(made, Rows):
            return made
        kept = len(made.rows) == 1 and made.rows[0].get("value") == value
        return made.rows[0].get("sys_id", "") if kept else Refused("an observable does not keep its value")

    def _tell(self, about: str, what: str, why: str) -> None:
        if about not in self._told:
            self._told.add(about)
            _log.warning(what, extra={"about": about, "why": why})


def requests_of(text: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return table and body of the requests that link observables where none is there yet; names stand for ids."""
    found: list[tuple[str, Mapping[str, str]]] = []
    for one in observables_of(text):
        found.append((OBSERVABLES, {"value": one.value, "type": one.type}))
        found.append((LINKS, {"task": "{sys_id}", "observable": "{sys_id of it}"}))
    return found
