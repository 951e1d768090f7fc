"""Dialect `hubble`: flows that Cilium's Hubble exports as JSON lines (reference/inputs.md §1.11).

Of interest are those that did not pass or, with a policy in audit mode, would not have: DROPPED, ERROR, AUDIT. All
others, and what else the exporter writes between them, hold no observation.
"""

from collections.abc import Mapping
from typing import Any

from shared.events.identity import workload_name
from shared.events.model import ObjectRef, Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, name_text, number
from shared.sources.observed import Told, observed
from shared.sources.wrapped import read_each

NAME = "hubble"

_REASONS = {"DROPPED": "PacketDrop", "ERROR": "PacketError", "AUDIT": "PacketAudit"}
_DID = {"DROPPED": "dropped", "ERROR": "failed", "AUDIT": "let through by audit mode"}
_WITH_PORTS = ("TCP", "UDP", "SCTP")
_WITH_TYPES = ("ICMPv4", "ICMPv6")


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one line into the observation of a packet that did not pass, or none; a collector may have wrapped it."""
    return read_each(payload, context, _line)


def _line(payload: Any, context: Context) -> list[Observation]:
    line = mapping(payload)
    flow = mapping(line.get("flow")) or line
    verdict = flow.get("verdict")
    if not isinstance(verdict, str) or verdict not in _REASONS:
        return []
    cluster, _, host = name_text(flow.get("node_name") or line.get("node_name")).rpartition("/")
    inward = _is_inward(flow)
    near, far = ("destination", "source") if inward else ("source", "destination")
    told = Told(
        thing=_thing(mapping(flow.get(near)), host),
        identity=_identity(flow),
        related=_workload(mapping(flow.get(far))),
        reason=_REASONS[verdict],
        message=_message(flow, verdict, inward=inward, peer=_peer(flow, far)),
        type=verdict,
        component="hubble",
        host=host,
        time=first_time(flow.get("time"), line.get("time")),
    )
    own = context if cluster == "default" else context.of_cluster(cluster)  # the name of a cluster that was given none
    return [observed(NAME, own, line, told)]


def _is_inward(flow: Mapping[str, Any]) -> bool:
    """Return True where the receiving side dropped it; where nobody says which side, the one that is a pod here."""
    direction = name_text(flow.get("traffic_direction"))
    if direction in ("INGRESS", "EGRESS"):
        return direction == "INGRESS"
    return _workload(mapping(flow.get("source"))) is None


def _message(flow: Mapping[str, Any], verdict: str, *, inward: bool, peer: str) -> str:
    """Return what happened, in the words of Cilium's own drop Events, with nothing that differs between two packets."""
    # The proxy, which looks into requests, gives no reason: it refuses for a policy's sake alone.
    unsaid = "l7_denied" if flow.get("l7") else "no reason given"
    why = name_text(flow.get("drop_reason_desc")).lower() or unsaid
    way, preposition = ("Incoming", "from") if inward else ("Outgoing", "to")
    return f"{way} packet {_DID[verdict]} ({why}) {preposition} {peer} {_port(flow)}".rstrip()


def _thing(end: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the workload, which all its pods share; the pod where none is named; the node where it is no pod."""
    return _workload(end) or ({"apiVersion": "v1", "kind": "Node", "name": host} if host else {})


def _workload(end: Mapping[str, Any]) -> dict[str, Any] | None:
    namespace, pod = name_text(end.get("namespace")), name_text(end.get("pod_name"))
    workloads = end.get("workloads")
    first = mapping(workloads[0]) if isinstance(workloads, list) and workloads else {}
    kind, name = name_text(first.get("kind")), name_text(first.get("name"))
    if kind and name:
        return {"kind": kind, "namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": pod} if pod else None


def _peer(flow: Mapping[str, Any], side: str) -> str:
    """Return who is at the other end: its workload; what Cilium calls it; its DNS name; its address.

    Who comes from outside is the world: each scanner of the internet would be a problem of its own.
    """
    end = mapping(flow.get(side))
    thing = _workload(end)
    if thing is not None:
        name = workload_name(ObjectRef(kind=thing["kind"], name=thing["name"]))
        return f"{thing['namespace']}/{name}"
    names = flow.get(f"{side}_names")
    dns = name_text(names[0]) if isinstance(names, list) and names else ""
    address = name_text(mapping(flow.get("IP")).get(side))
    reserved = _reserved(end)
    if side == "destination" and reserved in ("", "world"):
        return dns or address or reserved or "an unknown peer"
    return reserved or dns or address or "an unknown peer"


def _reserved(end: Mapping[str, Any]) -> str:
    """Return `world` of the label `reserved:world`; of `world-ipv4`, which a dual-stack cluster says, the same."""
    found = end.get("labels")
    for label in found if isinstance(found, list) else ():
        name = name_text(label)
        if name.startswith("reserved:"):
            word = name.removeprefix("reserved:")
            return "world" if word.startswith("world") else word
    return ""


def _port(flow: Mapping[str, Any]) -> str:
    """Return protocol and port of the service: what the client's side has is another one in each connection."""
    layer = mapping(flow.get("l4"))
    side = "source_port" if flow.get("is_reply") is True else "destination_port"
    for protocol in _WITH_PORTS:
        if protocol in layer:
            return f"{protocol}/{number(mapping(layer[protocol]).get(side))}"
    return next((protocol for protocol in _WITH_TYPES if protocol in layer), "")


def _identity(flow: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the flow's own id; older versions give none, but a time in nanoseconds and both addresses."""
    uuid = name_text(flow.get("uuid"))
    if uuid:
        return (uuid,)
    ends, time = mapping(flow.get("IP")), name_text(flow.get("time"))
    if not time:
        return ()
    pods = tuple(name_text(mapping(flow.get(side)).get("pod_name")) for side in ("source", "destination"))
    return (time, name_text(ends.get("source")), name_text(ends.get("destination")), *pods, _port(flow))
