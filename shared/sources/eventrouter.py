"""Dialect `eventrouter`: OpenShift's EventRouter, bare or as a log collector ships it (reference/inputs.md §1.8)."""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping
from shared.sources.relayed import relayed_all
from shared.sources.wrapped import unwrapped

NAME = "eventrouter"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode the Event as it is now; what it was before says nothing that its count does not."""
    records = unwrapped(payload)
    return relayed_all(NAME, ((_event(inner.record), context.of_cluster(inner.cluster)) for inner in records))


def _event(told: Any) -> Any:
    record = mapping(told)
    return record.get("event") or mapping(record.get("kubernetes")).get("event")
