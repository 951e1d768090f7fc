"""The kind of object that a resource of the API is: the audit log, and Falco behind it, name resources."""

from functools import lru_cache

_KINDS = (
    "AdminNetworkPolicy APIService APIServer BaselineAdminNetworkPolicy Binding Certificate CertificateRequest "
    "CertificateSigningRequest ClusterOperator ClusterPolicy ClusterRole ClusterRoleBinding ClusterVersion "
    "ComponentStatus ConfigMap ControllerRevision CronJob CSIDriver CSINode CSIStorageCapacity "
    "CustomResourceDefinition DaemonSet DataVolume Deployment DeviceClass EgressFirewall EndpointSlice Event "
    "FlowSchema Group HorizontalPodAutoscaler Identity ImageStream Ingress IngressClass IngressController Issuer "
    "ClusterIssuer Job Lease LimitRange LocalSubjectAccessReview MachineConfig MachineConfigPool Machine MachineSet "
    "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace NetworkPolicy Node "
    "OAuth OAuthAccessToken OAuthClient PersistentVolume PersistentVolumeClaim Pod PodDisruptionBudget PodTemplate "
    "Policy PriorityClass PriorityLevelConfiguration Project ProjectRequest ReplicaSet ReplicationController "
    "ResourceClaim ResourceQuota ResourceSlice Role RoleBinding Route RuntimeClass Secret SecurityContextConstraints "
    "SelfSubjectAccessReview SelfSubjectReview SelfSubjectRulesReview Service ServiceAccount StatefulSet "
    "StorageClass SubjectAccessReview TokenReview User ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration VirtualMachine VirtualMachineInstance VirtualMachineInstanceMigration "
    "VolumeAttachment VolumeSnapshot VolumeSnapshotClass VolumeSnapshotContent"
)


def plural(kind: str) -> str:
    """Return the resource of a kind as Kubernetes makes it: `ingresses`, `policies`, `pods`."""
    word = kind.lower()
    if word.endswith(("s", "x", "ch")):
        return word if word.endswith("constraints") else f"{word}es"
    return f"{word[:-1]}ies" if word.endswith(("cy", "ty")) else f"{word}s"


_BY_RESOURCE = {plural(kind): kind for kind in _KINDS.split()} | {"endpoints": "Endpoints"}


@lru_cache(maxsize=1024)
def kind_of(resource: str) -> str:
    """Return the kind of a resource, as `NetworkPolicy` of `networkpolicies`; a guess where nobody knows it."""
    known = _BY_RESOURCE.get(resource)
    if known is not None or not resource:
        return known or ""
    if resource.endswith("ies"):
        return f"{resource[:-3]}y".capitalize()
    if resource.endswith(("sses", "xes", "ches")):
        return resource[:-2].capitalize()
    return resource.removesuffix("s").capitalize()


def is_of(kind: str, resource: str) -> bool:
    """Return True where an object of this kind belongs to the resource, as a body names it and a URL does."""
    return plural(kind) == resource
