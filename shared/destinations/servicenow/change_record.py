"""Change requests: their states, which may follow, and how the API shows one (reference/destinations.md §1.6)."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from shared.delivery.failure import Failure
from shared.delivery.limits import Limit
from shared.delivery.ticket import Found, Standing
from shared.destinations.answer import Answer
from shared.destinations.servicenow.answers import Rows, failure_of
from shared.destinations.servicenow.record import CATEGORY, OF_TASKS, URGENCIES, mark_of
from shared.destinations.servicenow.record import OURS as INCIDENT_OURS

_log = logging.getLogger(__name__)

TABLE: Final = "change_request"
TEMPLATES: Final = "std_change_record_producer"
ROOT: Final = "/api/sn_chg_rest/change"
IMPLEMENT: Final = "-1"
REVIEW: Final = "0"
CLOSED: Final = "3"
CANCELED: Final = "4"
_WALK: Final = ("-5", "-4", "-3", "-2", IMPLEMENT, REVIEW, CLOSED)
"""New, Assess, Authorize, Scheduled, Implement, Review, Closed: a type leaves some of them out."""
LABELS: Final = {
    "-5": "New",
    "-4": "Assess",
    "-3": "Authorize",
    "-2": "Scheduled",
    IMPLEMENT: "Implement",
    REVIEW: "Review",
    CLOSED: "Closed",
    CANCELED: "Canceled",
}

ANNOUNCED: Final = "announced"
"""Field of a mapping that is none of the record: number of a change request that people made beforehand."""
TYPE: Final = "type"
"""Field of a mapping that says by which way a request is made; the record has it from there."""
NOT_SENT: Final = frozenset({ANNOUNCED, TYPE})
CORE_FIELDS: Final = (
    *("sys_id", "number", "state", "on_hold", "correlation_id", "correlation_display", "sys_created_on"),
    *("close_code", "close_notes"),
)
OURS: Final = INCIDENT_OURS - {"priority"}
RESERVED: Final = dict.fromkeys(("open", "update", "resolve", "cancel"), OURS)
NEEDED: Final = ("open",)
FIELDS: Final = {
    **OF_TASKS,
    **URGENCIES,
    "category": CATEGORY,
    "justification": Limit(4000),
    "implementation_plan": Limit(4000),
    "backout_plan": Limit(4000),
    "test_plan": Limit(4000),
    "risk_impact_analysis": Limit(4000),
    TYPE: Limit(choices=("normal", "standard", "emergency")),
}
"""What a change request takes out of the box."""


@dataclass(frozen=True, slots=True)
class Following:
    """The states that a request may be put into, as it says itself."""

    states: frozenset[str]


def standing_of(row: Mapping[str, str], *, over: bool) -> Standing:
    """Return how a request stands; `over`: we told of the end. In Review it is worked on until then."""
    state = row.get("state", "")
    if state in {CLOSED, CANCELED}:
        return "closed"
    if state == REVIEW and over:
        return "resolved"
    return "on-hold" if row.get("on_hold") == "true" else "active"


def found_of(row: Mapping[str, str], key: str, instance: str) -> Found:
    """Return a row as the delivery algorithm sees it."""
    mark = mark_of(row, key)
    return Found(
        ref=row["sys_id"],
        number=row.get("number", ""),
        link=f"{instance}/nav_to.do?uri={TABLE}.do%3Fsys_id%3D{row['sys_id']}",
        created=row.get("sys_created_on", ""),
        standing=standing_of(row, over=mark.standing == "over"),
        mark=mark,
        fields=dict(row),
    )


def step_to(target: str, state: str, following: Following) -> str:
    """Return the furthest state on the way to the target that may follow; empty where none may.

    States that an instance has of its own are people's to leave.
    """
    if state not in _WALK:
        return ""
    ahead = _WALK[_WALK.index(state) + 1 : _WALK.index(target) + 1]
    return next((one for one in reversed(ahead) if one in following.states), "")


def judge_following(answer: Answer, now: float) -> Following | Failure:
    """Read the answer of `nextstates`. By models it names what is waited for as well: such a state may not follow."""
    result = _result(answer)
    states = result.get("available_states")
    if not isinstance(states, list):
        return failure_of(answer, now, "GET", writes=False)
    allowed: dict[str, bool] = {}
    for one in _transitions(result.get("state_transitions")):
        state = _text(one.get("to_state"))
        allowed[state] = allowed.get(state, False) or one.get("transition_available") is True
    return Following(frozenset(state for state in map(_text, states) if allowed.get(state, True)))


def judge_conflicts(answer: Answer, now: float) -> tuple[str, ...] | Failure:
    """Read the answer of `conflict`: a line for people on each. Its `status` is `Conflict` also where there is none."""
    conflicts = _result(answer).get("conflicts")
    if not isinstance(conflicts, list):
        return failure_of(answer, now, "GET", writes=False)
    return tuple(_conflict(one) for one in conflicts if isinstance(one, dict))


def judge_change(method: str, answer: Answer, now: float) -> Rows | Failure:
    """Read the answer of a write: one record, each field with its `value`. Fields left out in silence are logged."""
    result = _result(answer)
    row = {name: _text(_value(value)) for name, value in result.items() if name != "__meta"}
    if not row.get("sys_id"):
        return failure_of(answer, now, method, writes=True)
    meta = result.get("__meta")
    ignored = meta.get("ignoredFields") if isinstance(meta, dict) else None
    if ignored:
        _log.warning("ServiceNow left out fields of a change request", extra={"fields": str(ignored)[:300]})
    return Rows((row,))


judge_created: Final = partial(judge_change, "POST")
judge_patched: Final = partial(judge_change, "PATCH")


def _result(answer: Answer) -> Mapping[str, Any]:
    body = answer.json if answer.status in range(200, 300) else None
    result = body.get("result") if isinstance(body, dict) else None
    return result if isinstance(result, dict) else {}


def _transitions(value: Any) -> Iterable[Mapping[str, Any]]:
    for group in value if isinstance(value, list) else ():
        yield from (one for one in group if isinstance(one, dict)) if isinstance(group, list) else ()


def _conflict(one: Mapping[str, Any]) -> str:
    kind, other = (_shown(one.get(name)) for name in ("type", "conflicting_change"))
    return (f"{kind}: {other}" if other else kind)[:200]


def _shown(value: Any) -> str:
    return _text(value.get("display_value")) if isinstance(value, dict) else _text(value)


def _value(value: Any) -> Any:
    return value.get("value") if isinstance(value, dict) else value


def _text(value: Any) -> str:
    """Return a value as the Table API has it: this one has numbers (`3.0`) and booleans of JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
