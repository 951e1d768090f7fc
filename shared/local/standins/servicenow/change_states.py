"""The state model of change requests: which state may follow, by type, approval and hold (reference §1.6).

A normal change waits for approval in Assess and Authorize, an emergency in Authorize; a standard one is approved.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.local.standins.servicenow.schema import CHOICES_OF

NEW: Final = "-5"
CLOSED: Final = "3"
CANCELED: Final = "4"
_REVIEW: Final = "0"
_APPROVALS: Final = frozenset({"-4", "-3"})
_WALKS: Final = {
    "normal": (NEW, "-4", "-3", "-2", "-1", _REVIEW, CLOSED),
    "emergency": (NEW, "-3", "-2", "-1", _REVIEW, CLOSED),
    "standard": (NEW, "-2", "-1", _REVIEW, CLOSED),
}
TYPES: Final = tuple(_WALKS)


def moves(row: Mapping[str, str]) -> frozenset[str]:
    """Return the states that a record may be put into, its own among them."""
    waits = {to for to, condition in _next(row).items() if condition}
    return frozenset({row["state"], *_next(row)} - waits)


def next_states(row: Mapping[str, str], *, models: bool) -> dict[str, Any]:
    """Return what the API says of them: where changes go by `models`, also what is waited for."""
    following = _next(row)
    labels = CHOICES_OF["change_request"]["state"]
    shown = [*following, row["state"]] if models else sorted(moves(row))
    answer = {"available_states": shown, "state_label": {state: labels[state] for state in shown}}
    transitions = [[_transition(row["state"], to, condition, labels)] for to, condition in following.items()]
    return {**answer, "state_transitions": transitions} if models else answer


def _next(row: Mapping[str, str]) -> dict[str, str]:
    """Return the states that follow by the model, each with the condition that is not met, empty where all are."""
    walk, state = _WALKS[row["type"]], row["state"]
    if state not in walk or state == CLOSED:
        return {}
    held = "Not On hold" if row["on_hold"] == "true" else ""
    waiting = "Change is approved" if state in _APPROVALS and row["approval"] != "approved" else ""
    following = {walk[walk.index(state) + 1]: held or waiting}
    return following if state == _REVIEW else {**following, CANCELED: ""}


def _transition(state: str, to: str, condition: str, labels: Mapping[str, str]) -> dict[str, Any]:
    conditions = [{"passed": False, "condition": {"name": condition, "description": None, "sys_id": ""}}]
    return {
        "sys_id": "",
        "display_value": f"{labels[state]} to {labels[to]}",
        "from_state": state,
        "to_state": to,
        "transition_available": not condition,
        "automatic_transition": False,
        "conditions": conditions if condition else [],
    }
