"""Log records as OpenTelemetry's collector exports them in JSON (OTLP, opentelemetry-proto, `logs/v1`, `common/v1`)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from shared.sources.context import mapping

_INTEGER = re.compile(r"-?[0-9]{1,18}")  # what is longer may not be one of 64 bits; it stays a text
_PLAIN = ("stringValue", "boolValue", "doubleValue", "bytesValue")


class Record(NamedTuple):
    """The body of one record, and the attributes of the resource that it comes from."""

    body: Any
    resource: Mapping[str, Any]


def records(export: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records of an export, in order. Never raises."""
    for of_resource in _items(export.get("resourceLogs")):
        resource = pairs(mapping(of_resource.get("resource")).get("attributes"))
        for of_scope in _items(of_resource.get("scopeLogs")):
            for record in _items(of_scope.get("logRecords")):
                yield Record(value(record.get("body")), resource)


def value(told: Any) -> Any:
    """Return what an `AnyValue` holds, as JSON; None where it holds nothing. Whole numbers come as texts."""
    found = mapping(told)
    if "kvlistValue" in found:
        return pairs(mapping(found["kvlistValue"]).get("values"))
    if "arrayValue" in found:
        return [value(item) for item in _items(mapping(found["arrayValue"]).get("values"))]
    if "intValue" in found:
        number = found["intValue"]
        return int(number) if isinstance(number, str) and _INTEGER.fullmatch(number) else number
    return next((found[name] for name in _PLAIN if name in found), None)


def pairs(told: Any) -> dict[str, Any]:
    """Return a list of keys with their values as an object."""
    return {item["key"]: value(item.get("value")) for item in _items(told) if isinstance(item.get("key"), str)}


def _items(told: Any) -> list[dict[str, Any]]:
    return [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []
