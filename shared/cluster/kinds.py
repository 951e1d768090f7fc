"""Which kinds are watched, and where a cluster serves them.

The plural in a path is the cluster's to say: of custom resources nobody can guess it.
"""

from typing import Any, NamedTuple

from shared.cluster.api import Api, ApiError

DEFAULT_KINDS = (
    "v1/Event",
    "v1/Pod",
    "v1/Node",
    "v1/Namespace",
    "v1/PersistentVolume",
    "v1/PersistentVolumeClaim",
    "v1/Service",
    "v1/ResourceQuota",
    "v1/LimitRange",
    "apps/v1/Deployment",
    "apps/v1/StatefulSet",
    "apps/v1/DaemonSet",
    "batch/v1/Job",
    "batch/v1/CronJob",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "networking.k8s.io/v1/Ingress",
    "networking.k8s.io/v1/NetworkPolicy",
    "storage.k8s.io/v1/StorageClass",
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1/RoleBinding",
    "rbac.authorization.k8s.io/v1/ClusterRole",
    "rbac.authorization.k8s.io/v1/Role",
    "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration",
    # Where the cluster has them.
    "config.openshift.io/v1/ClusterOperator",
    "config.openshift.io/v1/ClusterVersion",
    "machineconfiguration.openshift.io/v1/MachineConfigPool",
    "operator.openshift.io/v1/IngressController",
    "security.openshift.io/v1/SecurityContextConstraints",
    "cert-manager.io/v1/Certificate",
    "kubevirt.io/v1/VirtualMachine",
    "kubevirt.io/v1/VirtualMachineInstance",
    "cdi.kubevirt.io/v1beta1/DataVolume",
)
"""Events by one API only: the other serves the same objects.

No Secrets, nor what often holds some: ConfigMaps, Routes with their keys. Nor what is large or changes all day and
tells little: CustomResourceDefinitions, EndpointSlices.
"""

_EVENT = "v1/Event"


class Kind(NamedTuple):
    """A kind as settings name it, `apps/v1/Deployment`."""

    api_version: str
    name: str

    def __str__(self) -> str:
        return f"{self.api_version}/{self.name}"


class Resource(NamedTuple):
    """A kind as a cluster serves it; `path` is where its list is, over all namespaces."""

    kind: Kind
    plural: str
    namespaced: bool

    @property
    def path(self) -> str:
        """Return the path of the list."""
        return f"{_group(self.kind.api_version)}/{self.plural}"

    @property
    def remembered(self) -> bool:
        """Return True for what is a thing that ends; an Event that expires says nothing about what it told."""
        return str(self.kind) != _EVENT


def parse_kind(text: str) -> Kind:
    """Return a kind. Raises ValueError."""
    version, _, name = text.strip().rpartition("/")
    parts = version.split("/")
    if not all(parts) or not version or len(parts) > 2 or not name.isalnum() or not name[:1].isupper():  # noqa: PLR2004
        raise ValueError(f"{text.strip()!r} is no kind: write version and kind, as v1/Node or apps/v1/Deployment")
    return Kind(version, name)


async def find(api: Api, kind: Kind) -> Resource | None:
    """Return where a cluster serves a kind; None where it has not even its API group's version. Raises ApiError.

    A group that is there without the kind is an error, `absent`: the kind is misspelt.
    """
    try:
        found = await api.get(_group(kind.api_version))
    except ApiError as error:
        if error.why == "absent":
            return None
        raise
    for item in _resources(found):
        name = item.get("name")
        if item.get("kind") == kind.name and isinstance(name, str) and "/" not in name:
            return Resource(kind, name, bool(item.get("namespaced")))
    raise ApiError("absent", f"the cluster has {kind.api_version}, and no {kind.name} in it")


def _group(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _resources(found: Any) -> list[dict[str, Any]]:
    listed = found.get("resources") if isinstance(found, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
