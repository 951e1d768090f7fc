"""Dialect `event-exporter`: what kubernetes-event-exporter sends where it has no `layout` (reference/inputs.md §1.4).

A core/v1 Event without `kind`, with `clusterName` and with labels, annotations and owners of the involved object. It
is the same Event that others send, and has the same identity.
"""

from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources import kubernetes_event
from shared.sources.context import Context, mapping

NAME = "event-exporter"


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one Event into one observation; an exporter that was told no `clusterName` sends an empty one."""
    found = kubernetes_event.decode(payload, context.of_cluster(mapping(payload).get("clusterName")))
    if isinstance(found, Rejected):
        return found
    return [seen.model_copy(update={"dialect": NAME}) for seen in found]
