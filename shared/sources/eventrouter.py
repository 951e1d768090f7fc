"""Dialect `eventrouter`: OpenShift's EventRouter, bare or as a log collector ships it (reference/inputs.md §1.8).

Fluentd's collector left `verb` at the root of a record and the Event as it was. Vector's puts `verb` into the Event and
takes the message out of it (openshift/cluster-logging-operator, `internal/generator/vector/filter/openshift/viaq`).
"""

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
    """Return the Event of a record; the ClusterLogForwarder's Vector takes its message out, to the record itself."""
    record = mapping(told)
    carried = mapping(mapping(record.get("kubernetes")).get("event"))
    if not carried:
        return record.get("event")
    event = {key: value for key, value in carried.items() if key != "verb"}
    return event if "message" in event else {**event, "message": record.get("message")}
