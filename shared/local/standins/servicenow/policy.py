"""Business rules and data policies of the tables that people work in, as an instance has them out of the box."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.local.standins.servicenow.change_states import moves
from shared.local.standins.servicenow.schema import TABLES, Column
from shared.local.standins.servicenow.store import Row, stable_id, stamp

_PRIORITY = {
    "1": {"1": "1", "2": "2", "3": "3"},
    "2": {"1": "2", "2": "3", "3": "4"},
    "3": {"1": "3", "2": "4", "3": "5"},
}
_DEFAULTS = {
    "impact": "3",
    "urgency": "3",
    "severity": "3",
    "active": "true",
    "knowledge": "false",
    "made_sla": "true",
    "notify": "1",
    "escalation": "0",
    "reopen_count": "0",
    "reassignment_count": "0",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """How one table works: its states, which of them want a close code, and the roles that read, write and close.

    `computed`: the priority follows from impact and urgency. `grouped` are the states that want an assignment group;
    `moves` tells the states that may follow, where not every one may.
    """

    defaults: Mapping[str, str]
    resolved: str
    closed: str
    canceled: str
    coded: frozenset[str]
    readers: frozenset[str]
    writers: frozenset[str]
    closers: frozenset[str]
    computed: bool
    grouped: frozenset[str] = frozenset()
    moves: Callable[[Mapping[str, str]], frozenset[str]] | None = None


_ITIL = frozenset({"itil", "itil_admin", "sn_incident_write", "admin"})
_SECURITY = frozenset({"sn_si.basic", "sn_si.integration_user", "admin"})
_CHANGES = frozenset({"itil", "itil_admin", "sn_change_writer", "admin"})
_CHANGE_DEFAULTS = {
    "state": "-5",
    "type": "normal",
    "active": "true",
    "impact": "3",
    "urgency": "3",
    "priority": "4",
    "risk": "3",
    "approval": "not requested",
    "on_hold": "false",
    "conflict_status": "Not Run",
}
DESKS: Final = {
    "incident": Desk(
        {**_DEFAULTS, "state": "1", "category": "inquiry"},
        *("6", "7", "8", frozenset("67")),
        _ITIL | {"snc_read_only", "sn_incident_read"},
        _ITIL,
        frozenset({"itil_admin", "admin"}),
        computed=True,
    ),
    "sn_si_incident": Desk(
        {**_DEFAULTS, "state": "10", "priority": "4"},
        *("100", "3", "7", frozenset("3")),
        _SECURITY,
        _SECURITY,
        _SECURITY,
        computed=False,
    ),
    "change_request": Desk(
        _CHANGE_DEFAULTS,
        *("", "3", "4", frozenset("3")),
        _CHANGES | {"snc_read_only", "sn_change_read"},
        _CHANGES,
        _CHANGES,
        computed=False,
        grouped=frozenset({"-4", "-3", "-2", "-1", "0", "3"}),
        moves=moves,
    ),
}
"""By table; records of any other are stored as they come."""


_OBSERVERS = frozenset({"sn_ti_observable.write", "sn_ti_observable.admin", "admin"})
_READERS = _OBSERVERS | {"sn_ti_observable.read"}
LISTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "sn_ti_observable": (_READERS, _OBSERVERS),
    "sn_ti_m2m_task_observable": (_READERS, _OBSERVERS),
    "sn_ti_observable_type": (_READERS, frozenset({"admin"})),
}
"""Roles that read, and that write, tables in which nobody works as at a desk. Documented are those of the observables'
own table; that the two beside it go by the same roles is a guess."""


@dataclass(frozen=True, slots=True)
class Aborted:
    """A rule stopped the write; `detail` is what the answer's envelope says."""

    detail: str


def writable(values: Mapping[str, object], columns: Mapping[str, Column]) -> Row:
    """Return what a write may set: unknown and system fields fall away in silence, long texts are cut."""
    row: Row = {}
    for name, value in values.items():
        column = columns.get(name)
        if column is None or name.startswith("sys_") or name == "number":
            continue
        row[name] = _text(value)[: column.length] if column.kind in {"string", "journal"} else _text(value)
    return row


def applied(table: str, before: Row | None, values: Row, user: str) -> Row:
    """Return the values to store: computed fields, times and people of transitions. `before` is None on insert."""
    desk = DESKS.get(table)
    if desk is None:
        return values
    new = {**(desk.defaults if before is None else {}), **values}
    old = before or {}
    whole = {**old, **new}
    if desk.computed:
        new["priority"] = _PRIORITY.get(whole["impact"], {}).get(whole["urgency"], "5")
        new["incident_state"] = whole["state"]
    if before is None:
        new.setdefault("opened_at", stamp())
        new.setdefault("opened_by", stable_id("sys_user", user))
    if whole["state"] == old.get("state"):
        return new
    there = {column.name for column in TABLES[table]}
    moved = _moved(desk, old, whole["state"], user)
    return {**new, **{name: value for name, value in moved.items() if name in there}}


def _moved(desk: Desk, old: Row, state: str, user: str) -> Row:
    """Return what a change of state sets besides."""
    now, who = stamp(), stable_id("sys_user", user)
    if state == desk.resolved:
        return {"resolved_at": now, "resolved_by": who}
    if state in {desk.closed, desk.canceled}:
        return {"closed_at": now, "closed_by": who, "active": "false"}
    new = {"active": "true", **dict.fromkeys(("resolved_at", "resolved_by", "closed_at", "closed_by"), "")}
    if old.get("state") in {desk.resolved, desk.closed}:
        new["reopen_count"] = str(int(old.get("reopen_count") or 0) + 1)
    return new


@dataclass(frozen=True, slots=True)
class Policies:
    """What this instance wants besides: fields that must be filled, and whether an end needs a close code."""

    mandatory: tuple[str, ...]
    close_code: bool


def stopped(
    desk: Desk, before: Row | None, after: Mapping[str, str], roles: tuple[str, ...], policies: Policies
) -> Aborted | None:
    """Return why a data policy stops this write, or None."""
    state = after.get("state", "")
    moved = before is None or before["state"] != state
    needed = [name for name in policies.mandatory if not after.get(name)]
    if policies.close_code and state in desk.coded:
        needed += [name for name in ("close_code", "close_notes") if not after.get(name)]
    if state in desk.grouped and not after.get("assignment_group"):
        needed.append("assignment_group")
    if needed:
        labels = ", ".join(name.replace("_", " ").capitalize() for name in needed)
        return Aborted(f"Data Policy Exception: The following fields are mandatory: {labels}")
    if before is not None and moved and desk.moves is not None and state not in desk.moves(before):
        rule = "Change Model: Check State Transition"
        return Aborted(f"Operation against file 'change_request' was aborted by Business Rule '{rule}^'. Error: no")
    if state == desk.closed and moved and not desk.closers & set(roles):
        return Aborted("ACL Exception Update Failed due to security constraints")
    return None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
