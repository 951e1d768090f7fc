"""Dialect `k8sobjects`: what OpenTelemetry's receiver of that name saw, bare or exported in OTLP's JSON.

Its records are watch events of the API server; where it lists from time to time, the objects themselves
(reference/inputs.md §1.8; opentelemetry-collector-contrib, `receiver/k8sobjectsreceiver`).
"""

from dataclasses import replace
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping, text
from shared.sources.otlp import records
from shared.sources.relayed import relayed

NAME = "k8sobjects"
_OPERATIONS = {"ADDED": "add", "MODIFIED": "update", "DELETED": "delete"}
_NONE = Rejected("decode", "there is no log record in it")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode Events and other objects, and what became of them. A record that cannot be read refuses them all."""
    found = mapping(payload)
    if "resourceLogs" not in found:
        return _watched(found, context)
    seen: list[Observation] = []
    record = None
    for record in records(found):
        read = _watched(record.body, context.of_cluster(record.resource.get("k8s.cluster.name")))
        if isinstance(read, Rejected):
            return read
        seen += read
    return _NONE if record is None else seen


def _watched(told: Any, context: Context) -> list[Observation] | Rejected:
    found = mapping(told)
    operation = _OPERATIONS.get(text(found.get("type")))
    if "object" not in found or operation is None:
        return relayed(NAME, told, context)
    return relayed(NAME, found["object"], replace(context, operation=operation))
