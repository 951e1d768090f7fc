"""Dialect `audit`: what was asked of the API server (reference/inputs.md §1.8).

Read are the EventList that the API server's webhook posts, single records, ViaQ's form of OpenShift's
ClusterLogForwarder, and records that a collector has wrapped. One record is one observation; a stage that a later one
repeats is none (shared/sources/audit/record.py).
"""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.audit.record import observation
from shared.sources.context import Context, mapping
from shared.sources.wrapped import unwrapped

NAME = "audit"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one record, or a list of them, into observations; Rejected as a whole where one of them is no record."""
    found: list[Observation] = []
    for inner in unwrapped(payload):
        record = mapping(inner.record)
        listed = record.get("items")
        many = isinstance(listed, list) and "auditID" not in record
        for place, item in enumerate(listed if many and isinstance(listed, list) else [record]):
            if not _is_record(item):
                where = f"item {place} of the list" if many else "it"
                return Rejected("decode", f"an audit record has an auditID and a stage, and {where} has not")
            seen = observation(item, context.of_cluster(inner.cluster))
            if seen is not None:
                found.append(seen)
    return found


def _is_record(item: Any) -> bool:
    get = mapping(item).get
    return isinstance(get("auditID"), str) and isinstance(get("stage"), str) and bool(get("auditID"))
