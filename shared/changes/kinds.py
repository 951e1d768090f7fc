"""Which parts of an object matter, by kind: one table, so that a new kind is a row and no code.

Of every object all is compared but `status` and what is written about it by machines (`IDENTITY`, `NOISE`): a kind
without a row is compared in just this way. A row says what else is noise, what of the status counts after all, and
whose values are never shown nor kept, only whether they changed.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

Steps = dict[str, Any]
"""Paths as a tree: each step leads to the steps behind it, to an empty tree where a path ends. `*` is any item."""


class Kind(NamedTuple):
    """One row. Paths are steps joined by dots, `*` for any item of a list or mapping."""

    about: str
    noise: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


IDENTITY = frozenset({"apiVersion", "kind", "metadata", "status"})
"""Members of every object that are not compared as a whole."""
KEPT_METADATA = ("labels", "annotations", "deletionTimestamp")

NOISE_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "control-plane.alpha.kubernetes.io/leader",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/revision-history",
        "deprecated.daemonset.template.generation",
        "autoscaling.alpha.kubernetes.io/behavior",
        "autoscaling.alpha.kubernetes.io/conditions",
        "autoscaling.alpha.kubernetes.io/current-metrics",
        "batch.kubernetes.io/job-tracking",
        "endpoints.kubernetes.io/last-change-trigger-time",
        "node.alpha.kubernetes.io/ttl",
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "pv.kubernetes.io/provisioned-by",
        "volume.beta.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/selected-node",
        "volume.kubernetes.io/storage-provisioner",
        "volumes.kubernetes.io/controller-managed-attach-detach",
        "include.release.openshift.io/self-managed-high-availability",
        "field.cattle.io/publicEndpoints",
        "kubemacpool.io/transaction-timestamp",
        "kubevirt.io/latest-observed-api-version",
        "kubevirt.io/storage-observed-api-version",
    }
)
"""Annotations that controllers write about their own work: who holds a lease, which revision this is."""

KINDS: Mapping[str, Kind] = {
    # Workloads
    "Deployment": Kind("image, replicas, resources, environment (names), strategy, labels"),
    "Scale": Kind("replicas, where a source sends the scale by itself"),
    "StatefulSet": Kind("as a Deployment; volume claim templates"),
    "DaemonSet": Kind("as a Deployment; node selector"),
    "ReplicaSet": Kind("replicas; what its Deployment changed", ("spec.template", "spec.selector")),
    "Pod": Kind("phase, node, images", status=("status.phase",)),
    "Job": Kind("parallelism, suspension", ("spec.template", "spec.selector")),
    "CronJob": Kind("schedule, suspension, template"),
    "HorizontalPodAutoscaler": Kind("limits and metrics; how far it scaled is said by what it scales"),
    # Nodes and machines
    "Node": Kind(
        "taints, cordon, labels, versions, capacity",
        ("spec.taints.*.timeAdded", "status.nodeInfo.machineID", "status.nodeInfo.systemUUID"),
        ("status.nodeInfo", "status.capacity"),
    ),
    "MachineConfigPool": Kind("configuration, pause, limits", status=("status.configuration.name",)),
    # Storage
    "PersistentVolume": Kind(
        "claim, capacity, phase",
        ("spec.claimRef.resourceVersion", "spec.claimRef.uid"),
        ("status.phase",),
    ),
    "PersistentVolumeClaim": Kind("size, class, phase", status=("status.phase", "status.capacity")),
    "StorageClass": Kind("provisioner, parameters, policies"),
    # Network
    "Service": Kind("ports, selector, type, load balancer's address", status=("status.loadBalancer",)),
    "Endpoints": Kind(
        "ports only: addresses come and go with pods", ("subsets.*.addresses", "subsets.*.notReadyAddresses")
    ),
    "EndpointSlice": Kind("ports only: endpoints come and go with pods", ("endpoints",)),
    "Ingress": Kind("hosts, paths, TLS, address", status=("status.loadBalancer",)),
    "Route": Kind("host, path, target, TLS"),
    "IngressController": Kind("replicas, domain, TLS, placement"),
    "NetworkPolicy": Kind("selectors, rules"),
    # Settings and their limits
    "Namespace": Kind("labels, annotations, phase", status=("status.phase",)),
    "ConfigMap": Kind("key names, and whose value changed", hidden=("data", "binaryData")),
    "Secret": Kind("key names only", hidden=("data", "stringData", "binaryData")),
    "ResourceQuota": Kind("limits; what is used of them is noise"),
    "LimitRange": Kind("limits"),
    "Lease": Kind("nothing: a heartbeat", ("spec",)),
    # Rights
    "Role": Kind("rules"),
    "ClusterRole": Kind("rules, aggregation"),
    "RoleBinding": Kind("role, subjects"),
    "ClusterRoleBinding": Kind("role, subjects"),
    "ServiceAccount": Kind("token mounting, labels", ("secrets", "imagePullSecrets")),
    "SecurityContextConstraints": Kind("everything it allows, its users and groups"),
    # The API itself
    "ValidatingWebhookConfiguration": Kind("rules, failure policy, target, certificate (whether it changed)"),
    "MutatingWebhookConfiguration": Kind("rules, failure policy, target, certificate (whether it changed)"),
    "CustomResourceDefinition": Kind("versions, names, schemas, conversion"),
    # OpenShift's operators
    "ClusterOperator": Kind("versions", status=("status.versions",)),
    "ClusterVersion": Kind("channel, desired version", status=("status.desired.version",)),
    # Virtual machines
    "VirtualMachine": Kind("running, template, volumes, status", status=("status.printableStatus",)),
    "VirtualMachineInstance": Kind("phase, node", status=("status.phase", "status.nodeName")),
    "DataVolume": Kind("source, size, phase", status=("status.phase",)),
}
"""What is said of each kind, and where it differs from the default."""

DEFAULT = Kind("everything but its status")


def kind_of(name: str) -> Kind:
    """Return the row of a kind; the default for one that has none."""
    return KINDS.get(name, DEFAULT)


@cache
def _tree(paths: tuple[str, ...]) -> Steps:
    root: Steps = {}
    for path in paths:
        here = root
        for step in path.split("."):
            here = here.setdefault(step, {})
    return root


def noise_of(kind: Kind) -> Steps:
    """Return what is left out, as a tree."""
    return _tree(kind.noise)


def status_of(kind: Kind) -> Steps:
    """Return what of the status counts, as a tree."""
    return _tree(kind.status)
