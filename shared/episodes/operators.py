"""Whose the namespaces of OpenShift are: the cluster operator that runs what is in them.

From the operators' own manifests, where `status.relatedObjects` of a ClusterOperator lists its namespaces.
"""

from typing import Final

_PREFIX: Final = "openshift-"
_SUFFIX: Final = "-operator"
# The namespace is called as its operator, with or without `openshift-` before and `-operator` behind it.
_ALIKE: Final = frozenset(
    {
        *("authentication", "console", "dns", "etcd", "image-registry", "ingress", "insights", "kube-apiserver"),
        *("kube-controller-manager", "kube-scheduler", "kube-storage-version-migrator", "machine-api", "marketplace"),
        *("monitoring", "network", "service-ca", "cloud-controller-manager", "operator-lifecycle-manager"),
    }
)
_OTHERS: Final = {
    "openshift-apiserver": "openshift-apiserver",
    "openshift-apiserver-operator": "openshift-apiserver",
    "openshift-cloud-credential-operator": "cloud-credential",
    "openshift-cluster-csi-drivers": "storage",
    "openshift-cluster-machine-approver": "machine-approver",
    "openshift-cluster-node-tuning-operator": "node-tuning",
    "openshift-cluster-samples-operator": "openshift-samples",
    "openshift-cluster-storage-operator": "storage",
    "openshift-config-operator": "config-operator",
    "openshift-controller-manager": "openshift-controller-manager",
    "openshift-controller-manager-operator": "openshift-controller-manager",
    "openshift-ingress-canary": "ingress",
    "openshift-machine-config-operator": "machine-config",
    "openshift-multus": "network",
    "openshift-network-diagnostics": "network",
    "openshift-network-node-identity": "network",
    "openshift-oauth-apiserver": "authentication",
    "openshift-ovn-kubernetes": "network",
    "openshift-route-controller-manager": "openshift-controller-manager",
    "openshift-sdn": "network",
    "openshift-user-workload-monitoring": "monitoring",
}


def operator_of_namespace(namespace: str) -> str:
    """Return the name of the ClusterOperator that owns a namespace, empty where it is not known."""
    if not namespace.startswith(_PREFIX):
        return ""
    name = namespace.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    return _OTHERS.get(namespace) or (name if name in _ALIKE else "")
