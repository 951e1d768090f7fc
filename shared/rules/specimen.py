"""Build an observation from the short form that pack tests use: what is left out has a sensible value."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from shared.events.identity import digest, fingerprint
from shared.events.model import ObjectRef, Observation
from shared.events.problem import did_you_mean
from shared.rules import fields

TIME = datetime(2026, 1, 1, 12, tzinfo=UTC)
_CLUSTER_SCOPED = frozenset({"Node", "Namespace", "PersistentVolume", "ClusterVersion", "ClusterOperator"})
_WHOLE = ("labels", "annotations", "original", "owner", "related", "uid", "host")
_DEFAULTS: dict[str, Any] = {"kind": "Pod", "name": "example", "type": "Normal", "cluster": "test"}
KEYS = (*fields.NAMES, *_WHOLE)


def build(event: dict[str, Any]) -> Observation | tuple[str, str]:
    """Return the observation, or what is wrong with the short form and what to write instead."""
    values: dict[str, Any] = {**_DEFAULTS}
    for key, value in event.items():
        if key not in _WHOLE and not fields.known(key):
            hint = "quote the text before it: inside braces a comma ends it" if value is None else ""
            return f'an observation has no field "{key}"', hint or did_you_mean(key, KEYS)
        if not _put(values, key, value):
            return f'"{key}" and "{key.partition(".")[0]}" do not go together', "write one mapping, or dotted keys only"
    thing = {key: values.pop(key) for key in (*ObjectRef.model_fields,) if key in values}
    if str(thing["kind"]) not in _CLUSTER_SCOPED:
        thing.setdefault("namespace", "default")
    operation = values.get("operation", "event")
    values.setdefault("dialect", "kubernetes-event" if operation == "event" else "apiserver-resource")
    values.setdefault("fingerprint", fingerprint(str(values.get("message", ""))))
    identity = digest("specimen", repr(sorted(event.items(), key=repr)))
    try:
        return Observation.model_validate(
            {"identity": identity, "object": thing, "time": TIME, "received": TIME, **values}, strict=False
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}", "see docs/rules.md, tests"


def _put(values: dict[str, Any], key: str, value: Any) -> bool:
    """Set a field; a dotted one in the mapping that it is part of. False where that is no mapping."""
    head, _, rest = key.partition(".")
    if not rest:
        values[key] = value
        return True
    steps = rest.split(".") if head == "original" else [rest]
    inside = values.setdefault(head, {})
    for step in steps[:-1]:
        inside = inside.setdefault(step, {}) if isinstance(inside, dict) else None
    if not isinstance(inside, dict):
        return False
    inside[steps[-1]] = value
    return True
