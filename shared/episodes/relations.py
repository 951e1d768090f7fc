"""What an observation hangs on: the node, the claim, the image, the webhook, … that others may hang on, too.

Read from the object where it was sent, else from the texts that Kubernetes writes (reference/reasons.csv): Events name
what they are about and little else. Nothing is guessed that the texts do not say, but a workload's name from its pod's.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.episodes.operators import operator_of_namespace
from shared.events.identity import digest, workload_name
from shared.events.model import Classified, ObjectRef, Observation

RELATIONS: Final = ("node", "claim", "volume", "image", "webhook", "workload", "operator", "service")
OF_GROUP: Final = "group"
"""The relation that marks a group's own problem; its value is GROUP or STORM of bonds.py."""
LONGEST: Final = 512  # characters; names have 253, image references some more
_LOOKED_AT: Final = 4096  # characters of a message
_ON_NODES: Final = ("Pod", "VirtualMachineInstance")
_OF_NODE: Final = ("kubelet", "virt-handler")  # whose host is the node of what they tell of
_WORKLOADS: Final = (
    *("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController"),
    "DeploymentConfig",
)
_RUN: Final = re.compile(r"^(.+)-\d{8,10}$")  # a CronJob's Job: its name and the minute it was due
_ASSIGNED: Final = re.compile(r"^Successfully assigned \S+ to (\S+)$")
_CLAIM: Final = re.compile(r'\bpersistentvolumeclaim "([^"/\s]+)" (?:not found|is being deleted|bound to non-existent)')
_PVC: Final = re.compile(
    r"\bPVC (?:(?P<namespace>[a-z0-9-]+)/)?(?P<name>[a-z0-9][a-z0-9.-]*) "
    r"(?:not available|does not exist|lost|is not ready|is paused)"
)
_INTO: Final = re.compile(r"\binto PVC (?:(?P<namespace>[a-z0-9-]+)/)?(?P<name>[a-z0-9][a-z0-9.-]*)")
_FOR: Final = re.compile(r'\bclaim "?(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9][a-z0-9.-]*)')
# Of a volume that is set up the name is the pod's own unless it was provisioned; of one that is attached never.
_VOLUME: Final = re.compile(
    r"^(?:(?:Attach|Map)Volume\.\w+|MountVolume\.(?:MountDevice|WaitForAttach|NodeExpandVolume)|Multi-Attach error)"
    r'.{0,40}? for volume "([^"\s]+)"'
)
_PROVISIONED: Final = re.compile(r'\bvolume "(pvc-[0-9a-z-]+)"')
_IMAGE: Final = re.compile(
    r'\b(?:[Pp]ull(?:ing|ed)? image|Container image|inspect image|default image tag) "([^"\s]+)"'
)
_SECRET: Final = re.compile(r"^(?:[a-z-]+://)?(?:[^/@]*@(?=[^/]*/))?")
_WEBHOOK: Final = re.compile(r'\bwebhook \\?"([^"\\\s]+)\\?"')
_OPERATOR: Final = re.compile(r"\bclusteroperator/([a-z0-9-]+)")


def key_of_group(thing: str) -> str:
    """Return the problem key of a group or summary; `thing` is the key of its record."""
    return digest("group", thing)


def relations_of(classified: Classified, placed: str = "") -> dict[str, str]:
    """Return the names of what is known, by relation; `placed` is the node that a pod was last known to be on.

    `claim`, `service` are `namespace/name`, `workload` is `Workload/namespace/name` for a controller and all its pods
    alike, others are bare names. Never raises.
    """
    seen = classified.observation
    text = seen.message[:_LOOKED_AT]
    found = {name: read(seen, text) for name, read in _READERS.items()}
    found["node"] = found["node"] or (placed if seen.object.kind in _ON_NODES else "")
    return {name: value for name, value in found.items() if 0 < len(value) <= LONGEST}


def node_of(classified: Classified) -> str:
    """Return the node of an observation, as `relations_of` does: all that is kept of one that is no problem."""
    seen = classified.observation
    found = _node(seen, seen.message[:_LOOKED_AT])
    return found if len(found) <= LONGEST else ""


def _node(seen: Observation, text: str) -> str:
    if seen.object.kind == "Node":
        return seen.object.name
    if seen.object.kind not in _ON_NODES:
        return ""
    return (
        _at(_sent(seen), "spec", "nodeName")
        or _at(_sent(seen), "status", "nodeName")
        or (_first(_ASSIGNED, text) if seen.reason == "Scheduled" else "")
        or (seen.host if seen.component in _OF_NODE else "")
    )


def _claim(seen: Observation, text: str) -> str:
    if seen.object.kind in {"PersistentVolumeClaim", "DataVolume"}:  # a DataVolume's claim has its name
        return _within(seen.object.namespace, seen.object.name)
    if seen.object.kind == "PersistentVolume":
        reference = ("spec", "claimRef")
        return _within(_at(_sent(seen), *reference, "namespace"), _at(_sent(seen), *reference, "name"))
    name = _first(_CLAIM, text)
    if name:
        return _within(seen.object.namespace, name)
    for pattern in (_PVC, _INTO, _FOR):
        said = pattern.search(text)
        if said is not None:
            return _within(said["namespace"] or seen.object.namespace, said["name"])
    volumes = _list(_sent(seen), "spec", "volumes")
    claims = {_at(volume, "persistentVolumeClaim", "claimName") for volume in volumes} - {""}
    # Of several it is not known which one this is about.
    return _within(seen.object.namespace, claims.pop()) if len(claims) == 1 else ""


def _volume(seen: Observation, text: str) -> str:
    if seen.object.kind == "PersistentVolume":
        return seen.object.name
    if seen.object.kind == "PersistentVolumeClaim":
        return _at(_sent(seen), "spec", "volumeName")
    return _first(_VOLUME, text) or _first(_PROVISIONED, text)


def _image(seen: Observation, text: str) -> str:
    named = _first(_IMAGE, text)
    if not named and seen.object.kind == "Pod":
        containers = [*_list(_sent(seen), "spec", "initContainers"), *_list(_sent(seen), "spec", "containers")]
        part = seen.object.field_path.partition("{")[2].rstrip("}")
        meant = [one for one in containers if not part or _at(one, "name") == part]
        named = _at(meant[0], "image") if len(meant) == 1 else ""
    return _SECRET.sub("", named)


def _webhook(_seen: Observation, text: str) -> str:
    return _first(_WEBHOOK, text)


def _workload(seen: Observation, _text: str) -> str:
    """Return one form whoever tells: an Event has no owner references, so the kind of the owner is not known to all."""
    thing = seen.object
    if thing.kind == "Pod":
        owner = seen.owner if seen.owner is not None and seen.owner.kind in _WORKLOADS else _owner(seen)
        thing = owner if owner is not None else thing
    elif thing.kind not in _WORKLOADS:
        return ""
    name = workload_name(thing)
    name = _first(_RUN, name) or name
    return f"Workload/{_within(seen.object.namespace, name)}" if name and seen.object.namespace else ""


def _owner(seen: Observation) -> ObjectRef | None:
    for owner in _list(_sent(seen), "metadata", "ownerReferences"):
        kind, name = _at(owner, "kind"), _at(owner, "name")
        if kind in _WORKLOADS and name:
            return ObjectRef(kind=kind, namespace=seen.object.namespace, name=name)
    return None


def _operator(seen: Observation, text: str) -> str:
    if seen.object.kind == "ClusterOperator":
        return seen.object.name
    return _first(_OPERATOR, text) or operator_of_namespace(seen.object.namespace)


def _service(seen: Observation, _text: str) -> str:
    thing = seen.object
    if thing.kind in {"Service", "Endpoints"}:  # Endpoints have their Service's name
        return _within(thing.namespace, thing.name)
    if thing.kind == "EndpointSlice":
        name = seen.labels.get("kubernetes.io/service-name", "")
        owner = seen.owner.name if seen.owner is not None and seen.owner.kind == "Service" else ""
        return _within(thing.namespace, name or owner)
    return ""


_READERS: Final[Mapping[str, Callable[[Observation, str], str]]] = {
    "node": _node,
    "claim": _claim,
    "volume": _volume,
    "image": _image,
    "webhook": _webhook,
    "workload": _workload,
    "operator": _operator,
    "service": _service,
}


def _sent(seen: Observation) -> Any:
    """Return the object itself where it was sent; what was sent of an Event is the Event."""
    return seen.original if seen.original.get("kind") == seen.object.kind else None


def _at(value: Any, *path: str) -> str:
    """Return the text at a path, empty where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _list(value: Any, *path: str) -> list[Any]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found is not None else ""


def _within(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace and name else ""
