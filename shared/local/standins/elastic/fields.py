"""What a mapping of an index says of a document's fields: enough of it to refuse what the original refuses."""

import ipaddress
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_NUMBERS = frozenset({"long", "integer", "short", "byte", "float", "double", "half_float", "scaled_float"})

_OBJECTS = frozenset({"", "object", "flattened", "flat_object", "nested"})


def flattened(properties: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted name and the type of each field of a mapping's `properties`; groups are of type `object`."""
    for name, told in properties.items() if isinstance(properties, dict) else ():
        kind = told.get("type", "object") if isinstance(told, dict) else "object"
        yield f"{prefix}{name}", kind
        if isinstance(told, dict) and "properties" in told:
            yield from flattened(told["properties"], f"{prefix}{name}.")


def leaves(source: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of each field of a document; an object itself comes before what is in it."""
    for name, value in source.items():
        for one in value if isinstance(value, list) else [value]:
            yield f"{prefix}{name}", one
            if isinstance(one, dict):
                yield from leaves(one, f"{prefix}{name}.")


def wrong(source: dict[str, Any], types: dict[str, str], *, lenient: bool) -> str:
    """Return why a document cannot be parsed, empty where it can; `lenient` is `index.mapping.ignore_malformed`."""
    for name, value in leaves(source):
        kind = types.get(name, "")
        if kind == "object" and not isinstance(value, dict | None):
            return f"object mapping for [{name}] tried to parse field [{name}] as object, but found a concrete value"
        if value is None or kind in _OBJECTS or (lenient and name != "@timestamp"):
            continue
        if isinstance(value, dict) or not _fits(kind, value):
            return f"failed to parse field [{name}] of type [{kind}]"
    return ""


def _fits(kind: str, value: Any) -> bool:
    try:
        if kind in _NUMBERS:
            float(value)
        elif kind == "ip":
            ipaddress.ip_address(value)
        elif kind == "date":
            datetime.fromisoformat(value) if isinstance(value, str) else float(value)
        elif kind == "boolean":
            return value in {True, False, "true", "false", ""}
    except (TypeError, ValueError):
        return False
    return True
