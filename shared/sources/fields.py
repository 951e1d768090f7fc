"""Fields by path: what a site's own layout of an exporter says, where no dialect knows it (reference/inputs.md §1.4).

For each path of `intake` a table of members of an observation, each with the dotted path at which the payload has it.
"""

from collections.abc import Mapping
from typing import Any, get_args

from shared.events.model import Observation, Operation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, text
from shared.sources.forms import value_at
from shared.sources.observed import Told, observed

NAME = "mapped"
"""The dialect of such observations."""

Fields = Mapping[str, str]

_OBJECT = {
    "kind": "kind",
    "namespace": "namespace",
    "name": "name",
    "api_version": "apiVersion",
    "uid": "uid",
    "field_path": "fieldPath",
}
_OPERATIONS: dict[str, Operation] = {name: name for name in get_args(Operation)}
_PLAIN = ("reason", "message", "type", "component", "host", "action", "source_uid", "resource_version")
NEEDED = ("kind", "name", "message")
"""Without them nothing can be said of an observation."""

KNOWN = (*_OBJECT, *_PLAIN, "cluster", "id", "time", "first_time", "count", "operation", "labels", "annotations")
"""Every member that a table may name."""


def decode(payload: Any, context: Context, fields: Fields) -> list[Observation] | Rejected:
    """Decode a payload by a table: every leaf of a layout is a text, so that numbers are read from texts, too."""
    found = {name: value_at(payload, path) for name, path in fields.items()}
    if not text(found.get("kind")) or not text(found.get("name")):
        return Rejected("decode", "the payload has no kind or no name where the fields of its path say")
    named = context.of_cluster(found.get("cluster"))
    identity = text(found.get("id"))
    count = found.get("count")
    told = Told(
        thing={theirs: found.get(ours) for ours, theirs in _OBJECT.items()},
        identity=(identity, count) if identity else (),
        time=first_time(found.get("time")),
        first_time=first_time(found.get("first_time")),
        count=int(count) if isinstance(count, str) and count.isdecimal() and len(count) < 10 else count,  # noqa: PLR2004
        operation=_OPERATIONS.get(text(found.get("operation")), "event"),
        labels=found.get("labels"),
        annotations=found.get("annotations"),
        **{name: found.get(name) for name in _PLAIN},
    )
    return [observed(NAME, named, payload, told)]
