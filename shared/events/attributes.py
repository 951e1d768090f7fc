"""Extension attributes of Tidings' own events, always all set so that Trigger filters are safe (architecture.md §2)."""

from typing import TYPE_CHECKING

from shared.events.identity import scope_key
from shared.events.model import Observation, Verdict

if TYPE_CHECKING:
    from shared.events.change import Change  # models that the classifier's start need not build
    from shared.events.episode import Episode

NONE = "-"
"""Stands where an attribute has no value: an absent one would make filters behave differently by broker."""

NAMES = (
    *("cluster", "category", "subcategory", "severity", "phase", "reason", "kind"),
    *("namespace", "name", "problemkey", "partitionkey"),
)
"""All of them."""

_MAX_BYTES = 256
_MAX_BYTES_EACH = 4  # of one character in UTF-8


def of(observation: Observation, verdict: Verdict) -> dict[str, str]:
    """Return the extension attributes of a classified observation."""
    thing = observation.object
    return {
        "cluster": clean(observation.cluster),
        "category": verdict.category,
        "subcategory": verdict.subcategory,
        "severity": verdict.severity,
        "phase": verdict.phase,
        "reason": clean(observation.reason),
        "kind": clean(thing.kind),
        "namespace": clean(thing.namespace),
        "name": clean(thing.name),
        "problemkey": verdict.problem_key or NONE,
        "partitionkey": scope_key(observation.cluster, thing, observation.owner, observation.host),
    }


def of_episode(episode: "Episode") -> dict[str, str]:
    """Return the extension attributes of an episode's snapshot; severity is the highest that it reached."""
    return _of_snapshot(episode, "recovery" if episode.state == "resolved" else "problem", episode.problem_key)


def of_change(change: "Change") -> dict[str, str]:
    """Return the extension attributes of a change's snapshot. It has no problem, hence no problem key."""
    return _of_snapshot(change, "change", NONE)


def _of_snapshot(snapshot: "Episode | Change", phase: str, problem_key: str) -> dict[str, str]:
    thing = snapshot.object
    return {
        "cluster": clean(snapshot.cluster),
        "category": snapshot.category,
        "subcategory": snapshot.subcategory,
        "severity": snapshot.severity,
        "phase": phase,
        "reason": clean(snapshot.reason),
        "kind": clean(thing.kind),
        "namespace": clean(thing.namespace),
        "name": clean(thing.name),
        "problemkey": problem_key,
        "partitionkey": snapshot.scope,
    }


def clean(value: str) -> str:
    """Return the value as an attribute may carry it: never empty, no control characters, at most 256 bytes (F46)."""
    if not value.isprintable():
        value = "".join([character if character.isprintable() else " " for character in value])
    text = value.strip()
    if len(text) * _MAX_BYTES_EACH > _MAX_BYTES:
        text = text.encode(errors="ignore")[:_MAX_BYTES].decode(errors="ignore").rstrip()
    return text or NONE
