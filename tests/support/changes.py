"""Changes for delivery tests."""

from typing import Any

from shared.events.change import Change
from shared.events.episode import Episode
from tests.support.tickets import START, episode, resolved


def change_of(one: Episode, **changes: Any) -> Change:
    """Return a roll-out that says what an episode says, at the same revision."""
    over = one.state == "resolved"
    values: dict[str, Any] = {
        "id": one.id,
        "key": one.problem_key,
        "revision": one.revision,
        "state": "completed" if over else "running",
        "transition": "completed" if over else "started",
        "cluster": one.cluster,
        "object": {"kind": "Deployment", "namespace": "shop", "name": "api", "uid": "uid-1"},
        "scope": one.scope,
        "category": "infrastructure",
        "subcategory": "workload",
        "severity": one.severity,
        "summary": one.summary,
        "message": one.message,
        "what": "spec.template.spec.containers[api].image shop/api:1 → shop/api:2",
        "fields": [{"path": "spec.template.spec.containers[api].image", "before": "shop/api:1", "after": "shop/api:2"}],
        "number": 1,
        "user": "alice",
        "manager": "argocd",
        "progress": {"updated": 3 if over else 1, "total": 3},
        "started": START,
        "last_seen": one.last_seen,
        "ended": one.resolved,
        "ended_by": "RolloutCompleted" if over else "",
    }
    return Change.model_validate({**values, **changes})


def running(revision: int = 1, **changes: Any) -> Change:
    """Return a roll-out of a Deployment that is under way, with changes."""
    return change_of(episode(revision, summary="Roll-out of Deployment/shop/api"), **changes)


def completed(revision: int = 2, **changes: Any) -> Change:
    """Return the same roll-out, complete."""
    return change_of(resolved(revision, summary="Roll-out of Deployment/shop/api"), **changes)


def failed(revision: int = 2, **changes: Any) -> Change:
    """Return the same roll-out, failed at its deadline."""
    told = {"state": "failed", "transition": "failed", "ended_by": "ProgressDeadlineExceeded", "severity": "high"}
    return completed(revision, **{**told, "message": "ReplicaSet has timed out progressing", **changes})
