"""Dialect `botkube`: its webhook up to 0.17, and from 0.18 on with Go's names of fields (reference/inputs.md §1.3).

What it makes of a Kubernetes Event is judged by that Event's reason. Its other sources (Prometheus, Helm, Argo CD, ...)
have data of their own, of which only is told that something came.
"""

import re
from typing import Any

from shared.events.model import Observation, Operation
from shared.events.outcome import Rejected
from shared.sources.context import Context, mapping, text
from shared.sources.observed import Told, go_time, observed

NAME = "botkube"

_OPERATIONS: dict[str, Operation] = {"create": "add", "update": "update", "delete": "delete"}
_TYPES = {"error": "Warning", "warning": "Warning", "critical": "Warning", "normal": "Normal", "info": "Normal"}
# The kubelet's words; botkube passes on no field path, by which the problems of a pod's containers are told apart.
_CONTAINER = re.compile(r"^(?:Back-off restarting failed|Created|Started|Stopping) container:? ([a-z0-9-]{1,63})\b")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one notification."""
    found = mapping(payload)
    if "meta" in found:
        return _kubernetes(_as_later(found), found, context)
    data = mapping(found.get("data"))
    if not text(data.get("Kind")) or not text(data.get("Name")):
        return [observed(NAME, context, found, Told(thing=None, reason=_source(found)))]
    return _kubernetes(data, found, context)


def _as_later(found: Any) -> dict[str, Any]:
    """Return a notification of up to 0.17 with the names that its fields have in later ones."""
    meta, status = mapping(found.get("meta")), mapping(found.get("status"))
    parts: dict[str, Any] = {
        **{name.capitalize(): meta.get(name) for name in ("kind", "name", "namespace", "cluster")},
        **{name.capitalize(): status.get(name) for name in ("type", "level", "reason", "messages", "error")},
        **{name.capitalize(): found.get(name) for name in ("recommendations", "warnings")},
        "TimeStamp": found.get("timestamp"),
    }
    return parts


def _kubernetes(data: Any, found: Any, context: Context) -> list[Observation] | Rejected:
    kind, name = text(data.get("Kind")), text(data.get("Name"))
    if not kind or not name:
        return Rejected("decode", "a notification must have the kind and the name of its object")
    context = context.of_cluster(data.get("Cluster"))
    told_type, reason = text(data.get("Type")).lower(), text(data.get("Reason"))
    hints = {name.lower(): _lines(data.get(name)) for name in ("Recommendations", "Warnings")}
    message = _lines(data.get("Messages")) or text(data.get("Error")) or "\n".join(filter(None, hints.values()))
    time = go_time(data.get("TimeStamp"))
    told = Told(
        thing={
            "kind": kind,
            "namespace": data.get("Namespace"),
            "name": name,
            "apiVersion": data.get("APIVersion"),
            "fieldPath": _field_path(kind, message),
        },
        reason=reason,
        message=message,
        type=_TYPES.get(told_type) or _TYPES.get(text(data.get("Level")).lower(), "Normal"),
        component=_source(found),
        action=data.get("Action"),
        operation=_OPERATIONS.get(told_type, "event") if not reason else "event",
        time=time,
        count=data.get("Count"),
        annotations={name: hint for name, hint in hints.items() if hint},
    )
    when = (kind, text(data.get("Namespace")), name, told_type, reason, message, time, told.count)
    return [observed(NAME, context, found, told._replace(identity=when if time else ()))]


def _source(found: Any) -> str:
    """Return which of Botkube's sources it comes from, as `k8s-err-events`; several are joined by commas."""
    return text(found.get("source"))


def _lines(told: Any) -> str:
    return "\n".join(line for line in told if isinstance(line, str)) if isinstance(told, list) else ""


def _field_path(kind: str, message: str) -> str:
    container = _CONTAINER.match(message) if kind == "Pod" else None
    return f"spec.containers{{{container[1]}}}" if container else ""
