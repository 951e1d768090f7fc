"""From a classified observation to what it says of a roll-out: what `changes` tells, and Events about it."""

from collections.abc import Mapping
from typing import Any, Final

from shared.episodes.rollout_fold import DONE, FAILED, HEARD, START, Fact
from shared.episodes.snapshot import mark_of
from shared.events.difference import MAX_PATH, MOST, Row
from shared.events.model import Classified, Observation, policy_time
from shared.sources.context import mapping, number, text
from shared.sources.rollouts import KINDS, Standing, begins, standing

DELETED: Final = "deleted"
_OF_POOL: Final = "MachineConfigPool"
_MEANS: Final = {
    "RolloutStarted": START,
    "RolloutCompleted": DONE,
    "ProgressDeadlineExceeded": FAILED,
    "MachineConfigPoolDegraded": FAILED,
    "ScalingReplicaSet": HEARD,
    "SuccessfulCreate": HEARD,
}
_MEANS_OF_POOL: Final = {"Updating": START, "Completed": DONE}
_MAX_VALUE: Final = 64
_MAX_MESSAGE: Final = 300
_MAX_NAME: Final = 128


def concerns(classified: Classified) -> bool:
    """Return True where an observation may say something of a roll-out. Cheap: asked of every observation."""
    return classified.observation.object.kind in KINDS and _meaning(classified.observation) is not None


def fact_of(classified: Classified) -> Fact | None:
    """Return what an observation says of a roll-out of its object, None where it says nothing of one."""
    seen = classified.observation
    meaning = _meaning(seen) if seen.object.kind in KINDS else None
    if meaning is None:
        return None
    change = mapping(seen.original.get("change")) if not seen.reason else {}
    rows = _fields(change)
    how = _standing(seen)
    return Fact(
        time=policy_time(seen).timestamp(),
        kind=meaning,
        mark=mark_of(classified),
        shown=seen.time.timestamp(),
        reason=DELETED if seen.operation == "delete" else seen.reason[:_MAX_NAME],
        message=seen.message[:_MAX_MESSAGE],
        severity=classified.verdict.severity,
        fields=rows,
        number=max(number(change.get("number")), len(rows)),
        user=text(change.get("user"), _MAX_NAME),
        manager=text(mapping(change.get("by")).get("name"), _MAX_NAME),
        plan=text(change.get("plan"), _MAX_NAME),
        updated=how.updated,
        total=how.total,
    )


def _meaning(seen: Observation) -> int | None:
    if seen.operation == "delete":
        return FAILED
    if seen.reason:
        own = _MEANS_OF_POOL.get(seen.reason) if seen.object.kind == _OF_POOL else None
        return _MEANS.get(seen.reason) if own is None else own
    rows = mapping(seen.original.get("change")).get("fields")
    paths = [text(mapping(row).get("path")) for row in rows] if isinstance(rows, list) else []
    return START if begins(seen.object.kind, seen.original, paths) else None


def _fields(change: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = change.get("fields")
    listed = [mapping(row) for row in rows[:MOST]] if isinstance(rows, list) else []
    return tuple(
        (text(row.get("path"), MAX_PATH), _value(row.get("before")), _value(row.get("after"))) for row in listed
    )


def _value(value: Any) -> str | None:
    return value[:_MAX_VALUE] if isinstance(value, str) else None


def _standing(seen: Observation) -> Standing:
    """Return how far it is, where the object itself was sent, and not an Event about it."""
    if seen.operation == "event":
        return Standing()
    found = standing(seen.object.kind, seen.original)
    return found if found.updated <= found.total else Standing(found.total, found.total)
