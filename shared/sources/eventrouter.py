"""Dialect `eventrouter`: OpenShift's EventRouter, bare or as ViaQ's collector ships it (reference/inputs.md §1.8)."""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping
from shared.sources.relayed import relayed
from shared.sources.viaq import in_cluster

NAME = "eventrouter"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode the Event as it is now; what it was before says nothing that its count does not."""
    record = mapping(payload)
    event = record.get("event") or mapping(record.get("kubernetes")).get("event")
    return relayed(NAME, event, in_cluster(record, context))
