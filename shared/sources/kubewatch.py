"""Dialect `kubewatch`: its webhook of all versions, and its CloudEvents (reference/inputs.md §1.1, §1.2).

The webhook tells that an object came, changed or went, and nothing of it; of a watched Event not even what it is about.
The first releases had four pseudo kinds for Events that they picked by reason. A CloudEvent holds the whole object.
"""

from typing import Any

from shared.events.identity import payload_identity
from shared.events.model import Observation, Operation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, text
from shared.sources.observed import Told, observed
from shared.sources.relayed import relayed

NAME = "kubewatch"

_OPERATIONS: dict[str, Operation] = {"Created": "add", "Updated": "update", "Deleted": "delete"}
_TOPOLOGY = {"create": "add", "update": "update", "delete": "delete"}
# Their objects are Events; the selectors of pkg/controller/controller.go (bitnami-labs) say which ones.
_PSEUDO_KINDS = {
    "NodeReady": ("Node", "NodeReady", "Normal"),
    "NodeNotReady": ("Node", "NodeNotReady", "Normal"),
    "NodeRebooted": ("Node", "Rebooted", "Warning"),
    "Backoff": ("Pod", "BackOff", "Warning"),
}


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode a webhook's body, or the data of a CloudEvent."""
    found = mapping(payload)
    return _webhook(found, context) if "eventmeta" in found else _topology_change(found, context)


def _webhook(found: Any, context: Context) -> list[Observation] | Rejected:
    meta = mapping(found.get("eventmeta"))
    kind, name, namespace = text(meta.get("kind")), text(meta.get("name")), text(meta.get("namespace"))
    operation = _OPERATIONS.get(text(meta.get("reason")))
    if not kind or not name or operation is None:
        return Rejected("decode", "a change must have a kind, a name, and be Created, Updated or Deleted")
    first, slash, rest = name.partition("/")  # the key of an object, where that stands instead of its name
    if slash:
        namespace, name = namespace or first, rest
    told = Told(
        thing={"kind": _kind(kind), "namespace": namespace, "name": name},
        operation=operation,
        message=found.get("text"),
        time=first_time(found.get("time")),
    )
    if kind in _PSEUDO_KINDS:
        if operation == "delete":
            return []  # the cluster forgot the Event
        told = _event(told, *_PSEUDO_KINDS[kind])
    return [observed(NAME, context, found, told)]


def _event(told: Told, kind: str, reason: str, kubernetes_type: str) -> Told:
    """Return what an Event of a pseudo kind says; its name is that of its object and a number in hexadecimal."""
    name = told.thing["name"].rpartition(".")[0] or told.thing["name"]
    thing = {"kind": kind, "namespace": "" if kind == "Node" else told.thing["namespace"], "name": name}
    return told._replace(thing=thing, operation="event", reason=reason, type=kubernetes_type)


def _kind(kind: str) -> str:
    """Return `DaemonSet` for the `daemon set` of the first releases; a resource's plural as it is."""
    known = {"configmap": "ConfigMap", "ingress": "Ingress"}.get(kind)
    first_releases = " " in kind or (kind.islower() and not kind.endswith("s"))
    return known or ("".join(word.capitalize() for word in kind.split()) if first_releases else kind)


def _topology_change(found: Any, context: Context) -> list[Observation] | Rejected:
    """Decode the object of a CloudEvent, whose id may be that of another one: it counts for nothing."""
    thing = {"kind": found.get("kind"), "apiVersion": found.get("apiVersion"), **mapping(found.get("obj"))}
    operation = _TOPOLOGY.get(text(found.get("operation")), "update")
    read = relayed(NAME, thing, context._replace(event_id="", operation=operation))
    if isinstance(read, Rejected):
        return Rejected("decode", "a topology change must hold the object that changed")
    identity = payload_identity(context.cluster, found, context.received)
    return [seen if _is_versioned(seen) else seen.model_copy(update={"identity": identity}) for seen in read]


def _is_versioned(seen: Observation) -> bool:
    """Return True where uid, and version of an object, made the identity."""
    return bool(seen.source_uid and (seen.resource_version or seen.operation == "event"))
