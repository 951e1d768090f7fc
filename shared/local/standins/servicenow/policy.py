"""Business rules and data policies of the incident table, as an instance has them out of the box."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.local.standins.servicenow.schema import Column
from shared.local.standins.servicenow.store import Row, stable_id, stamp

RESOLVED, CLOSED, CANCELED = "6", "7", "8"
_PRIORITY = {
    "1": {"1": "1", "2": "2", "3": "3"},
    "2": {"1": "2", "2": "3", "3": "4"},
    "3": {"1": "3", "2": "4", "3": "5"},
}
_DEFAULTS = {
    "state": "1",
    "impact": "3",
    "urgency": "3",
    "severity": "3",
    "category": "inquiry",
    "active": "true",
    "knowledge": "false",
    "made_sla": "true",
    "notify": "1",
    "escalation": "0",
    "reopen_count": "0",
    "reassignment_count": "0",
}


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


def apply_incident(before: Row | None, values: Row, user: str) -> Row:
    """Return the values to store: computed fields, times and people of transitions. `before` is None on insert."""
    new = {**(_DEFAULTS if before is None else {}), **values}
    old = before or {}
    whole = {**old, **new}
    new["priority"] = _PRIORITY.get(whole["impact"], {}).get(whole["urgency"], "5")
    state = whole["state"]
    new["incident_state"] = state
    now, who = stamp(), stable_id("sys_user", user)
    if before is None:
        new.setdefault("opened_at", now)
        new.setdefault("opened_by", who)
    if state == old.get("state"):
        return new
    if state == RESOLVED:
        new.update(resolved_at=now, resolved_by=who)
    elif state in {CLOSED, CANCELED}:
        new.update(closed_at=now, closed_by=who, active="false")
    else:
        new.update(active="true", resolved_at="", resolved_by="", closed_at="", closed_by="")
        if old.get("state") in {RESOLVED, CLOSED}:
            new["reopen_count"] = str(int(old.get("reopen_count") or 0) + 1)
    return new


def check_incident(
    before: Row | None,
    after: Mapping[str, str],
    roles: tuple[str, ...],
    mandatory: tuple[str, ...],
    *,
    close_code: bool,
) -> Aborted | None:
    """Return why a data policy stops this write, or None."""
    state = after.get("state", "")
    moved = before is None or before["state"] != state
    needed = [name for name in mandatory if not after.get(name)]
    if close_code and state in {RESOLVED, CLOSED}:
        needed += [name for name in ("close_code", "close_notes") if not after.get(name)]
    if needed:
        labels = ", ".join(name.replace("_", " ").capitalize() for name in needed)
        return Aborted(f"Data Policy Exception: The following fields are mandatory: {labels}")
    if state == CLOSED and moved and not {"itil_admin", "admin"} & set(roles):
        return Aborted("ACL Exception Update Failed due to security constraints")
    return None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
