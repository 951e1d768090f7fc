"""Roll-outs as the status of an object shows them: whether one is under way, and how far it is.

What a controller writes of its own work counts, not how many pods are ready: pods come and go, and nodes join, without
anything being rolled out. Fields from the Kubernetes API (apps/v1) and OpenShift's (config.openshift.io/v1,
machineconfiguration.openshift.io/v1).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from shared.sources.context import mapping, number, text, within

CONDITION: Final = "rollout"
"""Name of the condition that lasts while something is rolled out."""
_TARGET: Final = {
    "Deployment": ("spec.template",),
    "StatefulSet": ("spec.template",),
    "DaemonSet": ("spec.template",),
    "ClusterVersion": ("spec.desiredUpdate", "status.desired"),
    "MachineConfigPool": ("spec.configuration",),
}
_MOVES: Final = frozenset({"NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated", "DeploymentResumed"})
_DONE: Final = "NewReplicaSetAvailable"


class Standing(NamedTuple):
    """How far a roll-out is, where the object tells that, and whether it is under way, None where it does not tell."""

    updated: int = 0
    total: int = 0
    under_way: bool | None = None


UNTOLD: Final = Standing()


def begins(kind: str, thing: Mapping[str, Any], paths: Iterable[str]) -> bool:
    """Return True where what changed at one of these paths is what the object's controller will roll out now."""
    return not _is_held(mapping(thing.get("spec"))) and any(within(path, _TARGET.get(kind, ())) for path in paths)


def standing(kind: str, thing: Mapping[str, Any]) -> Standing:
    """Return how a roll-out of an object stands; of a kind that rolls nothing out nothing is told."""
    reader = _READERS.get(kind)
    status, spec = mapping(thing.get("status")), mapping(thing.get("spec"))
    if reader is None or _is_held(spec) or _is_behind(thing, status):
        return UNTOLD
    return reader(spec, status)


def _is_held(spec: Mapping[str, Any]) -> bool:
    """Return True where nothing is rolled out until people go on: paused, or updated by deleting pods by hand."""
    return spec.get("paused") is True or mapping(spec.get("updateStrategy")).get("type") == "OnDelete"


def _is_behind(thing: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    """Return True where the controller has not seen this version yet: its status is about one before."""
    generation = number(mapping(thing.get("metadata")).get("generation"))
    return number(status.get("observedGeneration")) < generation if "observedGeneration" in status else False


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:
    counts = (number(status.get("updatedReplicas")), _wanted(spec))
    found = _condition(status, "Progressing")
    reason = text(found.get("reason"))
    if reason == _DONE:
        return Standing(*counts, under_way=False)
    return Standing(*counts, under_way=True if reason in _MOVES else None)


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:
    strategy = mapping(spec.get("updateStrategy"))
    wanted = _wanted(spec) - number(mapping(strategy.get("rollingUpdate")).get("partition"))
    updated, new = number(status.get("updatedReplicas")), text(status.get("updateRevision"))
    if not new:
        return UNTOLD
    differs = text(status.get("currentRevision")) != new
    if differs and updated < wanted:
        return Standing(updated, wanted, under_way=True)
    ready = number(status.get("readyReplicas")) >= _wanted(spec)
    return Standing(updated if differs else wanted, wanted, under_way=False if ready else None)


def _daemon_set(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:  # noqa: ARG001 - as all readers
    """Say when it is over only: that it began its template tells, for a new node lacks a pod just as well."""
    updated, wanted = number(status.get("updatedNumberScheduled")), number(status.get("desiredNumberScheduled"))
    over = updated >= wanted and number(status.get("numberAvailable")) >= wanted
    return Standing(updated, wanted, under_way=False if over and "desiredNumberScheduled" in status else None)


def _cluster_version(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:  # noqa: ARG001 - as all readers
    history = status.get("history")
    latest = mapping(history[0]) if isinstance(history, list) and history else {}
    return Standing(under_way={"Partial": True, "Completed": False}.get(text(latest.get("state"))))


def _cluster_operator(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:  # noqa: ARG001 - as all readers
    return Standing(under_way=_flag(status, "Progressing"))


def _pool(spec: Mapping[str, Any], status: Mapping[str, Any]) -> Standing:  # noqa: ARG001 - as all readers
    counts = (number(status.get("updatedMachineCount")), number(status.get("machineCount")))
    if _flag(status, "Updating"):
        return Standing(*counts, under_way=True)
    return Standing(*counts, under_way=False if _flag(status, "Updated") else None)


def _wanted(spec: Mapping[str, Any]) -> int:
    return number(spec.get("replicas")) if "replicas" in spec else 1


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = status.get("conditions")
    listed = [mapping(one) for one in found] if isinstance(found, list) else []
    return next((one for one in listed if one.get("type") == name), {})


def _flag(status: Mapping[str, Any], name: str) -> bool | None:
    return {"True": True, "False": False}.get(text(_condition(status, name).get("status")))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Standing]]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ClusterVersion": _cluster_version,
    "ClusterOperator": _cluster_operator,
    "MachineConfigPool": _pool,
}
KINDS: Final = tuple(_READERS)
"""The kinds that are rolled out."""
