"""The values of OpenTelemetry's protocol in JSON (OTLP; opentelemetry-proto, `common/v1`)."""

import re
from typing import Any

from shared.sources.context import mapping

_INTEGER = re.compile(r"-?[0-9]{1,18}")  # what is longer may not be one of 64 bits; it stays a text
_PLAIN = ("stringValue", "boolValue", "doubleValue", "bytesValue")


def value(told: Any) -> Any:
    """Return what an `AnyValue` holds, as JSON; None where it holds nothing. Whole numbers come as texts."""
    found = mapping(told)
    if "kvlistValue" in found:
        return _object(mapping(found["kvlistValue"]).get("values"))
    if "arrayValue" in found:
        return [value(item) for item in _items(mapping(found["arrayValue"]).get("values"))]
    if "intValue" in found:
        number = found["intValue"]
        return int(number) if isinstance(number, str) and _INTEGER.fullmatch(number) else number
    return next((found[name] for name in _PLAIN if name in found), None)


def _object(told: Any) -> dict[str, Any]:
    return {item["key"]: value(item.get("value")) for item in _items(told) if isinstance(item.get("key"), str)}


def _items(told: Any) -> list[dict[str, Any]]:
    return [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
