"""Dialect `apiserver-reference`: that an object was touched, as ApiServerSource says in mode Reference.

It holds kind, name and namespace and nothing of the object (reference/knative.md §3), and nothing is fetched: that is
the mode for what shall not be read, as Secrets. So it cannot be told what changed, nor whether two are the same.
"""

from typing import Any

from shared.events.model import Observation, Operation
from shared.events.outcome import Rejected
from shared.sources.apiserver_resource import PAST
from shared.sources.context import Context, mapping, name_text
from shared.sources.observed import Told, observed

NAME = "apiserver-reference"
_OPERATIONS: dict[str, Operation] = {"add": "add", "update": "update", "delete": "delete"}


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one reference into one observation of what happened to its object, which nobody looked at."""
    found = mapping(payload)
    kind, name = name_text(found.get("kind")), name_text(found.get("name"))
    if not kind or not name:
        return Rejected("decode", "a reference must have a kind and a name")
    operation = _OPERATIONS.get(context.operation, "update")
    if kind == "Event" and operation == "delete":
        return []  # the cluster forgot it
    place = "/".join(filter(None, (kind, name_text(found.get("namespace")), name)))
    told = Told(
        thing=found,
        message=f"{place} {PAST[operation]}; its source sends references, so nothing of it is known",
        operation=operation,
    )
    return [observed(NAME, context, found, told)]
