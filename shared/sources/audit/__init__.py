"""Dialect `audit`: what was asked of the API server (reference/inputs.md §1.8).

Read are the EventList that the API server's webhook posts, single records, ViaQ's form of OpenShift's
ClusterLogForwarder, and records that a collector has wrapped. One record is one observation; a stage that a later one
repeats is none (shared/sources/audit/record.py).
"""

from collections.abc import Iterator
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.audit.record import observation
from shared.sources.context import Context, at_most, mapping
from shared.sources.wrapped import unwrapped

NAME = "audit"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one record, or a list of them, into observations; Rejected as a whole where one of them is no record."""
    records = at_most(_records(payload))
    if isinstance(records, Rejected):
        return records
    found: list[Observation] = []
    for record, place, cluster in records:
        if not _is_record(record):
            where = "it" if place is None else f"item {place} of the list"
            return Rejected("decode", f"an audit record has an auditID and a stage, and {where} has not")
        seen = observation(record, context.of_cluster(cluster))
        if seen is not None:
            found.append(seen)
    return found


def _records(payload: Any) -> Iterator[tuple[Any, int | None, Any]]:
    """Yield each record, its place in a list where it stands in one, and the cluster that is named beside it."""
    for inner in unwrapped(payload):
        record = mapping(inner.record)
        listed = record.get("items")
        if isinstance(listed, list) and "auditID" not in record:
            yield from ((item, place, inner.cluster) for place, item in enumerate(listed))
        else:
            yield record, None, inner.cluster


def _is_record(item: Any) -> bool:
    get = mapping(item).get
    return isinstance(get("auditID"), str) and isinstance(get("stage"), str) and bool(get("auditID"))
