"""Dialect `k8sobjects`: what OpenTelemetry's receiver of that name saw, bare or exported in OTLP's JSON.

Its records are watch events of the API server; where it lists from time to time, the objects themselves
(reference/inputs.md §1.8; opentelemetry-collector-contrib, `receiver/k8sobjectsreceiver`).
"""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping, text
from shared.sources.otlp import value
from shared.sources.relayed import relayed_all
from shared.sources.wrapped import unwrapped

NAME = "k8sobjects"
_OPERATIONS = {"ADDED": "add", "MODIFIED": "update", "DELETED": "delete"}


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode Events and other objects, and what became of them."""
    records = unwrapped(payload)
    return relayed_all(NAME, (_watched(inner.record, context.of_cluster(inner.cluster)) for inner in records))


def _watched(record: Any, context: Context) -> tuple[Any, Context]:
    """Return the object of a record, and the context with what became of it."""
    body = mapping(record).get("body")
    told = record if body is None else value(body)
    operation = _OPERATIONS.get(text(mapping(told).get("type")))
    if operation is None or "object" not in told:
        return told, context
    return told["object"], context._replace(operation=operation)
