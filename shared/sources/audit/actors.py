"""Who asked the API server, as far as a judgement needs it: a person, a program of the cluster, or nobody known.

Told by the name alone, which only the API server gives, and by the client's own name, which anybody can give: a client
of people makes an identity of a program less trusted, never more.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

Actor = Literal["human", "workload", "platform", "node", "system", "anonymous", "nobody"]

_ACCOUNT = "system:serviceaccount:"
# Names outside of `system:` that components of the control plane have.
_COMPONENTS = frozenset({"kube-apiserver-kubelet-client", "apiserver", "kube-apiserver", "aks-support", "aksService"})
_PEOPLE = frozenset({"system:admin", "system:masters"})
_SYSTEM_SPACES = re.compile(r"(?:kube|openshift|gke|aks|eks)-.+|openshift")
# Namespaces of well-known add-ons: controllers that write rights, webhooks, policies and Secrets all day.
_PLATFORM_SPACES = re.compile(
    r"argocd|argo-cd|calico-.+|cattle-.+|cdi|cert-manager|cilium(?:-.+)?|crossplane-system|external-secrets(?:-.+)?"
    r"|flux-system|gatekeeper-system|gmp-.+|ingress-nginx|istio-system|keda|knative-.+|kubevirt|kyverno|linkerd(?:-.+)?"
    r"|longhorn-system|metallb-system|multicluster-engine|nfd|olm|open-cluster-management.*|operators|rook-ceph"
    r"|stackrox|rhacs-operator|tekton-.+|tigera-.+|trivy-system|vault|velero"
)
_BY_HAND = re.compile(
    r"(?i)(?:kubectl|oc|k9s|curl|wget|python-requests|python-urllib|httpie|postmanruntime|lens|openlens|headlamp"
    r"|powershell|mozilla|axios|peirates|kdigger|kube-hunter|kubeletctl)\b"
)


@lru_cache(maxsize=4096)
def is_by_hand(user_agent: str) -> bool:
    """Return True where the client is one that people use, as `kubectl/v1.31.0 (linux/amd64)`."""
    return _BY_HAND.match(user_agent.rpartition("\\")[2].rpartition("/usr/bin/")[2]) is not None


@lru_cache(maxsize=4096)
def actor_of(username: str, user_agent: str) -> Actor:
    """Return who acts; the identity of a program in the hands of `kubectl` is no more than any workload's."""
    if not username:
        return "nobody"
    if username == "system:anonymous":
        return "anonymous"
    found = _by_name(username)
    return "workload" if found in ("platform", "node", "system") and is_by_hand(user_agent) else found


def _by_name(username: str) -> Actor:
    if username.startswith(_ACCOUNT):
        namespace = username.removeprefix(_ACCOUNT).partition(":")[0]
        if _SYSTEM_SPACES.fullmatch(namespace):
            return "system"
        return "platform" if _PLATFORM_SPACES.fullmatch(namespace) else "workload"
    if username.startswith(("system:node:", "system:bootstrap:")):
        return "node"
    if username in _COMPONENTS or (username.startswith(("system:", "eks:")) and username not in _PEOPLE):
        return "system"
    return "human"


def reach_of(username: str, namespace: str) -> str:
    """Return how far a service account reaches: its `own` namespace, an`other`, the whole `cluster`; else nothing."""
    if not username.startswith(_ACCOUNT):
        return ""
    if not namespace:
        return "cluster"
    return "own" if username.removeprefix(_ACCOUNT).partition(":")[0] == namespace else "other"


def reference_of(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user as a reference: `ServiceAccount/shop/reporter`, `User/alice`, `Node/worker-3`."""
    username = user.get("username")
    if not isinstance(username, str) or not username:
        return {}
    if username.startswith(_ACCOUNT):
        namespace, _, name = username.removeprefix(_ACCOUNT).partition(":")
        return {"kind": "ServiceAccount", "apiVersion": "v1", "namespace": namespace, "name": name}
    if username.startswith("system:node:"):
        return {"kind": "Node", "apiVersion": "v1", "name": username.removeprefix("system:node:")}
    return {"kind": "User", "name": username}
