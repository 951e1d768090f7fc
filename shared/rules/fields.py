"""The fields of an observation that a rule may match, and how their values are read."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from shared.events.model import ObjectRef, Observation

Getter = Callable[[Observation], Any]

_OBJECT_PARTS = ("api_version", "kind", "namespace", "name", "field_path")

SIMPLE: dict[str, str] = {
    "reason": "reason",
    "message": "message",
    "type": "type",
    "component": "component",
    "host": "host",
    "cluster": "cluster",
    "dialect": "dialect",
    "operation": "operation",
    "action": "action",
    "count": "count",
    **{part: f"object.{part}" for part in _OBJECT_PARTS},
}
REFERENCES: tuple[str, ...] = tuple(f"{which}.{part}" for which in ("owner", "related") for part in _OBJECT_PARTS)
NAMES: tuple[str, ...] = (*SIMPLE, *REFERENCES)
OPEN: tuple[str, ...] = ("labels.", "annotations.", "original.")
COMBINED = "(combined from similar events): "
"""What client-go puts before the message of a series; a rule means the message behind it."""
NUMERIC = frozenset({"count"})


def known(field: str) -> bool:
    """Return True where a rule may match this field."""
    return field in SIMPLE or field in REFERENCES or any(field.startswith(o) and len(field) > len(o) for o in OPEN)


def getter(field: str) -> Getter:
    """Return a function that reads the field; the value is None or empty where the observation has none.

    Raises KeyError for a field that is not `known`.
    """
    if field == "message":
        return _message
    if field in SIMPLE:
        return attrgetter(SIMPLE[field])
    head, _, rest = field.partition(".")
    if field in REFERENCES:
        return _of_reference(head, rest)
    if head in ("labels", "annotations") and rest:
        return _of_mapping(head, rest)
    if head == "original" and rest:
        return _of_original(rest.split("."))
    raise KeyError(field)


def _message(observation: Observation) -> str:
    return observation.message.removeprefix(COMBINED)


def _of_reference(which: str, part: str) -> Getter:
    def read(observation: Observation) -> Any:
        reference: ObjectRef | None = getattr(observation, which)
        return None if reference is None else getattr(reference, part)

    return read


def _of_mapping(which: str, key: str) -> Getter:
    def read(observation: Observation) -> Any:
        return getattr(observation, which).get(key)

    return read


def _of_original(path: list[str]) -> Getter:
    def read(observation: Observation) -> Any:
        value: Any = observation.original
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and step.isdecimal() and len(step) < len(str(len(value))) + 1:
                value = value[int(step)] if int(step) < len(value) else None
            else:
                return None
        return value

    return read
