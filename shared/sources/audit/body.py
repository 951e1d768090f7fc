"""The object that a request sent, whichever way it sent it: whole, as a merge patch, or as a list of changes."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.sources.context import mapping

_MOST_STEPS = 32
_MOST_CHANGES = 200


def as_object(request: Any) -> Mapping[str, Any]:
    """Return what a request says of an object as that object would show it; of a JSON Patch what it puts where."""
    if not isinstance(request, list):
        return mapping(request)
    merged: dict[str, Any] = {}
    for change in request[:_MOST_CHANGES]:
        path = mapping(change).get("path")
        if isinstance(path, str) and (not path or path.startswith("/")):  # the empty one is the object as a whole
            nested = _nested(steps_of(path), mapping(change).get("value"))
            _merge(merged, nested if isinstance(nested, dict) else {})
    return merged


def steps_of(path: str) -> list[str]:
    """Return the keys and places of a JSON Pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/", _MOST_STEPS)[1:]]


def _nested(steps: list[str], value: Any) -> Any:
    for step in reversed(steps):
        value = [value] if step == "-" or step.isdecimal() else {step: value}
    return value


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Put one object into another; lists are put end to end, for which place is which says nothing here."""
    for key, value in more.items():
        present = into.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge(present, value)
        elif isinstance(present, list) and isinstance(value, list):
            into[key] = [*present, *value]
        else:
            into[key] = dict(value) if isinstance(value, dict) else value


def pod_spec(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the specification of the pods that an object is or makes: Pod, Deployment, Job, CronJob and their like."""
    spec = mapping(thing.get("spec"))
    template = spec.get("template") or mapping(mapping(spec.get("jobTemplate")).get("spec")).get("template")
    return mapping(mapping(template).get("spec")) if isinstance(template, dict) else spec


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the containers of a pod of all three sorts."""
    for sort in ("containers", "initContainers", "ephemeralContainers"):
        yield from items(spec.get(sort))


def items(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def words(value: Any) -> frozenset[str]:
    """Return the texts of a list."""
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
