"""One classified observation as one document of a data stream: an action and a source, as `_bulk` takes them."""

from datetime import UTC
from typing import Any, Final, NamedTuple

import orjson

from shared.delivery.limits import Limit
from shared.delivery.mapping import Mapping, render
from shared.events.model import Classified, policy_time
from shared.events.outcome import Rejected

INDEX: Final = "_index"
"""The field of a mapping that is no field of the document: the data stream or index that it goes to."""
RESERVED: Final = {
    "record": frozenset(
        {"_id", "event.id", "data_stream", "data_stream.type", "data_stream.dataset", "data_stream.namespace"}
    )
}
"""Fields that no mapping may set: the identity by which copies are refused, and what follows from the index."""
NEEDED: Final = ("record",)
"""Operations that a mapping must have: without it a document would say nothing."""
INDEX_NAME: Final = r"[a-z0-9.][a-z0-9._-]{0,254}"
"""What a data stream or an index may be called."""
FIELDS: Final = {
    INDEX: Limit(pattern=INDEX_NAME, example="logs-k8s.events-default"),
    **dict.fromkeys(("event.severity", "event.risk_score", "tidings.count"), Limit(type="number")),
}
"""What a cluster with the shipped template takes in its fields, as far as a text can be wrong there."""
_TYPE = "logs"


class Document(NamedTuple):
    """The two parts of a bulk item."""

    action: dict[str, Any]
    source: dict[str, Any]


def document(classified: Classified, mapping: Mapping, *, index: str) -> Document | Rejected:
    """Return the document as the mapping says; `index` is for events whose mapping names none.

    Names with dots become nested objects: what reads documents before they are indexed (ingest pipelines) knows no
    others. `_id` and `event.id` are always the observation's identity; `@timestamp` is the event's own time, or that of
    its sending where its clock cannot be right.
    """
    observation = classified.observation
    rendered = render(mapping, "record", {"observation": observation, "verdict": classified.verdict})
    if isinstance(rendered, Rejected):
        return rendered
    index = str(rendered.pop(INDEX, index))
    moment = policy_time(observation).astimezone(UTC)
    source = nested(
        {
            "@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            **_data_stream(index),
            **rendered,
            "event.id": observation.identity,
        }
    )
    if isinstance(source, Rejected):
        return source
    return Document({"create": {"_index": index, "_id": observation.identity}}, source)


def written(made: Document) -> bytes | Rejected:
    """Return the two lines of a document, without the last line's end."""
    try:
        return orjson.dumps(made.action) + b"\n" + orjson.dumps(made.source)
    except orjson.JSONEncodeError:
        return Rejected("mapping", "the event cannot be written as JSON")


def identity_of(line: bytes) -> str:
    """Return the `_id` of a document that `written` wrote."""
    return str(orjson.loads(line[: line.index(b"\n")])["create"]["_id"])


def nested(fields: dict[str, Any]) -> dict[str, Any] | Rejected:
    """Return dotted names as nested objects; Rejected where a name is both a value and a group of others."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        *groups, last = name.split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                return _both(name)
        known = place.get(last)
        if isinstance(known, dict) and isinstance(value, dict):
            known.update(value)
        elif isinstance(known, dict) or (isinstance(value, dict) and known is not None):
            return _both(name)
        else:
            place[last] = value
    return found


def _both(name: str) -> Rejected:
    return Rejected("mapping", f"field {name}: a part of its name is a field by itself, or it has fields below it")


def _data_stream(index: str) -> dict[str, str]:
    """Return what a data stream's name says, as `logs-k8s.events-default`; nothing for other names."""
    parts = index.split("-", 2)
    if len(parts) != len(("type", "dataset", "namespace")) or parts[0] != _TYPE:
        return {}
    kind, dataset, namespace = parts
    return {
        "data_stream.type": kind,
        "data_stream.dataset": dataset,
        "data_stream.namespace": namespace,
        "event.dataset": dataset,
    }
