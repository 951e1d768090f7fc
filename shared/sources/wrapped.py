"""What log collectors put a record into, taken off again: one way for all dialects that collectors carry.

Fluent Bit leaves a line that it does not parse as text, `{"date": 1755682867.1, "log": "{…}"}`; Vector, Filebeat and
OpenShift's collector call it `message`. OTLP carries it in `body.stringValue` of a log record, alone or in an export
(`resourceLogs`). ViaQ, the form of OpenShift's ClusterLogForwarder, adds members to the root of a record, which needs
no unwrapping (reference/inputs.md §1.8).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from shared.events.limits import exceeded
from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import MAX_OBSERVATIONS, Context, at_most, mapping

_NO_LINES = ("auditID", "event", "flow", "involvedObject", "regarding", "rule")
"""Members of what is a record itself: a `message` of it, whatever it looks like, is what was said in it."""
_CONTAINERS = ("application", "infrastructure")
"""Types of ViaQ's logs that any pod writes: it may say what it likes there, and is not the API server."""
_CLUSTER_KEYS = ("cluster", "k8s.cluster.name", "openshift.label.cluster", "openshift.cluster.uid")


class Inner(NamedTuple):
    """A record as its program wrote it, and the name of the cluster that its collector put beside it, or nothing."""

    record: Any
    cluster: Any


def unwrapped(payload: Any) -> list[Inner]:
    """Return the records that a collector's payload holds, in order: itself where nothing is around it. Never raises.

    Of an export come at most as many as a payload may hold, and one more, at which its dialect refuses it (`at_most`).
    A text that is no JSON object, or is beyond the limits of the edge, stays wrapped: nobody recognises it.
    """
    exported = payload.get("resourceLogs") if isinstance(payload, dict) else None
    if not isinstance(exported, list):
        return [_one(payload, None)]
    found: list[Inner] = []
    for resource in exported:
        cluster = _attribute(mapping(mapping(resource).get("resource")).get("attributes"))
        for record in _records(mapping(resource)):
            found.append(_one(record, cluster))
            if len(found) > MAX_OBSERVATIONS:
                return found
    return found or [Inner(payload, None)]


def read_each(
    payload: Any, context: Context, read: Callable[[Any, Context], list[Observation] | Rejected]
) -> list[Observation] | Rejected:
    """Read all records of a collector's payload; one that cannot be read refuses all, so that none is lost unseen."""
    records = at_most(unwrapped(payload))
    if isinstance(records, Rejected):
        return records
    seen: list[Observation] = []
    for inner in records:
        found = read(inner.record, context.of_cluster(inner.cluster))
        if isinstance(found, Rejected):
            return found
        seen += found
    return seen


def _records(resource: Mapping[str, Any]) -> Iterator[Any]:
    scopes = resource.get("scopeLogs")
    for scope in scopes if isinstance(scopes, list) else ():
        records = mapping(scope).get("logRecords")
        yield from records if isinstance(records, list) else ()


def _one(payload: Any, cluster: Any) -> Inner:
    outer = mapping(payload)
    text = _line(outer)
    inner = _parsed(text) if isinstance(text, str) else None
    if inner is not None and "auditID" in inner and outer.get("log_type") in _CONTAINERS:
        inner = None
    named = _attribute(outer.get("attributes")) or cluster
    if inner is None:
        return Inner(payload, _named(outer) or named)
    return Inner(inner, _named(inner) or _named(outer) or named)


def _line(outer: Mapping[str, Any]) -> Any:
    """Return what may be the text of a record that stands in a line of a log."""
    if isinstance(outer.get("log"), str):
        return outer["log"]
    if isinstance(outer.get("message"), str) and not any(name in outer for name in _NO_LINES):
        return None if "event" in mapping(outer.get("kubernetes")) else outer["message"]
    return mapping(outer.get("body")).get("stringValue")


def _parsed(text: str) -> dict[str, Any] | None:
    if text.lstrip()[:1] != "{":
        return None
    try:
        data = text.encode()
        inner = None if exceeded(data) else orjson.loads(data)
    except ValueError:  # no JSON, or no Unicode
        return None
    return inner if isinstance(inner, dict) else None


def _named(record: Mapping[str, Any]) -> Any:
    """Return the name that somebody gave the cluster (`openshiftLabels`, a filter of Fluent Bit), else ViaQ's id."""
    openshift = mapping(record.get("openshift"))
    own = record.get("cluster")
    labelled = mapping(openshift.get("labels")).get("cluster")
    return labelled or (own if isinstance(own, str) else None) or openshift.get("cluster_id")


def _attribute(attributes: Any) -> Any:
    found = {}
    for item in attributes if isinstance(attributes, list) else ():
        key = mapping(item).get("key")
        if isinstance(key, str):
            found[key] = mapping(mapping(item).get("value")).get("stringValue")
    return next((found[key] for key in _CLUSTER_KEYS if found.get(key)), None)
