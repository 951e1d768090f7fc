"""What an object says of itself, as the API server has it. Pure."""

from collections.abc import Mapping
from typing import Any


def annotations(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the annotations of an object."""
    found = member(thing, "metadata", "annotations")
    return found if isinstance(found, Mapping) else {}


def member(thing: Any, *path: str) -> Any:
    """Return what an object has at a path, None where there is nothing."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, Mapping) else None
    return thing


def set_by(thing: Mapping[str, Any], manager: str, *path: str) -> bool:
    """Return True where a manager was the last to set a member, as the API server writes it down (managedFields)."""
    entries = member(thing, "metadata", "managedFields")
    fields = [f"f:{name}" for name in path]
    return isinstance(entries, list) and any(
        member(one, "manager") == manager and member(one, "fieldsV1", *fields) is not None for one in entries
    )


def controller_of(thing: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the reference to what controls an object, None where nothing does."""
    owners = member(thing, "metadata", "ownerReferences")
    found = [one for one in owners if isinstance(one, Mapping)] if isinstance(owners, list) else []
    return next((one for one in found if one.get("controller") is True), None)
