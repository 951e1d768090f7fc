"""Dialect `falco`: an alert of Falco, of falcosidekick's webhook and of its CloudEvents (reference/inputs.md §1.5).

All three carry one JSON object; falcosidekick adds a `uuid` that it draws for each request, custom fields, and writes
the time without trailing zeros. None of that is in the identity: an alert that comes two ways is one observation.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.events.times import to_text
from shared.sources.context import Context, first_time, mapping, message_text, name_text, text
from shared.sources.observed import Told, observed
from shared.sources.resources import kind_of
from shared.sources.wrapped import read_each

NAME = "falco"

# What tells two alerts of one rule in one microsecond apart. falcosidekick cuts fields at 512 characters.
_STABLE = (
    "ka.auditid",
    "container.id",
    "k8s.ns.name",
    "k8s.pod.name",
    "evt.type",
    "proc.pid",
    "proc.cmdline",
    "fd.name",
)
_STABLE_LENGTH = 256
_UNKNOWN = frozenset({"", "<NA>"})  # what Falco writes for a field without a value, unless it writes null
_CLOCK = re.compile(r"^\d\d:\d\d:\d\d\.\d{1,9}: ")
_MAX_NANOSECONDS = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one alert into one observation of the pod, the node or, for audit rules, the object that it is about.

    A collector that tails what Falco writes to its output puts something around each alert.
    """
    return read_each(payload, context, _alert)


def _alert(payload: Any, context: Context) -> list[Observation] | Rejected:
    alert = mapping(payload)
    rule = name_text(alert.get("rule"))
    if not rule:
        return Rejected("decode", "an alert of Falco must name its rule")
    fields = mapping(alert.get("output_fields"))
    host = _known(alert.get("hostname"))
    priority = text(alert.get("priority")).capitalize()
    time = first_time(alert.get("time")) or _of_nanoseconds(fields.get("evt.time"))
    told = Told(
        thing=_target(fields) if _is_audit(alert, fields) else _place(fields, host),
        identity=(rule, to_text(time), host, *(_stable(fields, name) for name in _STABLE)) if time else (),
        reason=rule,
        message=_message(alert, priority, rule),
        type=priority,
        component=NAME,
        host=host,
        time=time,
    )
    return [observed(NAME, context.of_cluster(fields.get("cluster")), alert, told)]


def _message(alert: Mapping[str, Any], priority: str, rule: str) -> str:
    """Return priority and text, however much of that Falco was told to leave out; the time of day says nothing."""
    said = _CLOCK.sub("", message_text(alert.get("output") or alert.get("message")))
    if said.startswith(f"{priority} ") or not priority:
        return said or rule
    return f"{priority} {said or rule}"


def _is_audit(alert: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return alert.get("source") == "k8s_audit" or "ka.verb" in fields or "ka.target.resource" in fields


def _target(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of an audit record: nothing, which is the cluster, where the request had none."""
    resource = _known(fields.get("ka.target.resource")).partition("/")[0]
    name = _known(fields.get("ka.target.name")) or _known(fields.get("ka.resp.name"))
    if not name:
        return {}
    namespace = "" if resource == "namespaces" else _known(fields.get("ka.target.namespace"))
    return {"kind": kind_of(resource), "namespace": namespace, "name": name}


def _place(fields: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the pod where something was seen, or the node."""
    pod = _known(fields.get("k8s.pod.name")) or _known(fields.get("k8smeta.pod.name"))
    if pod:
        namespace = _known(fields.get("k8s.ns.name")) or _known(fields.get("k8smeta.ns.name"))
        uid = _known(fields.get("k8s.pod.uid"))
        return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod, "uid": uid}
    return {"apiVersion": "v1", "kind": "Node", "name": host} if host else {}


def _known(value: Any) -> str:
    found = name_text(value)
    return "" if found in _UNKNOWN else found


def _stable(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return str(value)[:_STABLE_LENGTH] if isinstance(value, str | int) else ""


def _of_nanoseconds(value: Any) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _MAX_NANOSECONDS:
        return None
    return _EPOCH + timedelta(microseconds=value // 1000)
