"""What rules ask of a request that no single member of the record says: computed here once, as annotations.

Each is a text under `audit.tidings.dev/`, absent where there is nothing to say; docs/sources/audit.md lists them. None
is cut: what is left over could be what somebody wants to hide. A record below the level Request has no body, so that
most of them cannot be known there.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from shared.sources.audit.actors import Actor, actor_of, is_by_hand, reach_of
from shared.sources.audit.body import as_object, containers, items, pod_spec, words
from shared.sources.context import mapping, text

PREFIX = "audit.tidings.dev/"

_WRITES = frozenset({"create", "update", "patch"})
_DELETES = frozenset({"delete", "deletecollection"})
# Others may do what they are asked for whatever is said: a token that was made is there.
_TRIED = frozenset({"", "scale", "status"})
_IGNORE = "admission.gatekeeper.sh/ignore"
_PSA = "pod-security.kubernetes.io/"
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_FAILED_OPEN = {
    "failed-open.validating.webhook.admission.k8s.io/": "failed-open-validating",
    "failed-open.mutation.webhook.admission.k8s.io/": "failed-open-mutating",
    "mutation.webhook.admission.k8s.io/": "mutated",
    "patch.webhook.admission.k8s.io/": "patched",
}
_MOST_FIELDS = 200
_WAYS_IN = frozenset({"attach", "checkpoint", "cri", "exec", "portForward", "run"})
_STRONG = frozenset(
    {"ALL", "BPF", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO"}
)
_ADMINS = frozenset({"system:admin", "kubernetes-admin", "kubernetes-super-admin", "kube:admin"})
# Verbs that hand on rights, and resources that are rights.
_RIGHTS = frozenset({"bind", "escalate", "impersonate"})
_KEYS_OF_THE_HOUSE = {
    "pods/exec": "exec",
    "pods/attach": "exec",
    "pods/ephemeralcontainers": "exec",
    "nodes/proxy": "nodes-proxy",
    "serviceaccounts/token": "tokens",
    "secrets": "secrets",
}


def facts_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the computed annotations of an audit record, with their prefix. Total."""
    user, reference = mapping(record.get("user")), mapping(record.get("objectRef"))
    username, agent = text(user.get("username")), text(record.get("userAgent"))
    found = {
        "actor": _actor(username, agent, text(mapping(record.get("impersonatedUser")).get("username"))),
        "client": "by-hand" if is_by_hand(agent) else "program",
        "reach": reach_of(username, text(reference.get("namespace"))),
        "impersonated": _impersonated(mapping(record.get("impersonatedUser"))),
        "dry-run": "all" if _is_dry_run(record, reference) else "",
        "kubelet": _entered(record.get("requestURI"), reference),
        **_of_webhooks(mapping(record.get("annotations"))),
    }
    if text(record.get("verb")) in _WRITES:
        found |= _of_body(text(reference.get("resource")), text(reference.get("subresource")), record)
    return {f"{PREFIX}{name}": value for name, value in found.items() if value}


def _actor(username: str, agent: str, other: str) -> Actor:
    """Return who acts: the person, where a program acts as one, as consoles of many clusters do for all their people.

    A person who acts as a program stays a person, and a program that acts as another one what it is.
    """
    own = actor_of(username, agent)
    return "human" if other and own not in ("anonymous", "nobody") and actor_of(other, agent) == "human" else own


def _is_dry_run(record: Mapping[str, Any], reference: Mapping[str, Any]) -> bool:
    """Return True for a request that changed nothing, for it asked for that, as `kubectl diff` does.

    A deletion says so in its body, which is what counts where there is one: an address that says so proves nothing.
    """
    if text(reference.get("subresource")) not in _TRIED:
        return False
    if text(record.get("verb")) in _DELETES:
        return "All" in words(mapping(record.get("requestObject")).get("dryRun"))
    uri = record.get("requestURI")
    if text(record.get("verb")) not in _WRITES or not isinstance(uri, str) or "dryRun=" not in uri:
        return False
    try:
        return "All" in parse_qs(uri.partition("?")[2], max_num_fields=_MOST_FIELDS).get("dryRun", ())
    except ValueError:
        return False


def _entered(uri: Any, reference: Mapping[str, Any]) -> str:
    """Return by which of its paths a kubelet was asked to let somebody into a pod: `exec`, or nothing."""
    if not isinstance(uri, str) or (reference.get("resource"), reference.get("subresource")) != ("nodes", "proxy"):
        return ""
    asked = unquote(uri.partition("?")[0]).partition("/proxy/")[2].lstrip("/").partition("/")[0]
    return asked if asked in _WAYS_IN else ""


def _impersonated(user: Mapping[str, Any]) -> str:
    """Return whether somebody acts as another, `user`, and whether that one may do everything, `admin`."""
    if not user:
        return ""
    return "admin" if "system:masters" in words(user.get("groups")) or text(user.get("username")) in _ADMINS else "user"


def _of_webhooks(annotations: Mapping[str, Any]) -> dict[str, str]:
    """Return the webhooks that failed open or changed the object: their keys have numbers of rounds in them."""
    found: dict[str, list[str]] = {}
    for key, value in annotations.items():
        if ".webhook.admission.k8s.io/" in key:
            name = _FAILED_OPEN.get(f"{key.partition('/')[0]}/")
            if name:
                webhook = value if name.startswith("failed") and isinstance(value, str) else key.partition("/")[2]
                found.setdefault(name, []).append(webhook)
    return {name: ", ".join(sorted(set(webhooks))) for name, webhooks in found.items()}


def _of_body(resource: str, subresource: str, record: Mapping[str, Any]) -> dict[str, str]:
    sent = as_object(record.get("requestObject"))
    match resource:
        case "clusterroles" | "roles":
            return {"grants": _joined(_grants(sent))}
        case "clusterrolebindings" | "rolebindings":
            made = mapping(record.get("responseObject"))
            role = mapping(sent.get("roleRef")) or mapping(made.get("roleRef"))
            return {"role": text(role.get("name")), "subjects": _joined(_subjects(sent))}
        case "certificatesigningrequests" if subresource == "approval":
            conditions = items(mapping(sent.get("status")).get("conditions"))
            return {"decision": _joined(text(item.get("type")) for item in conditions)}
        case "namespaces":
            labels = mapping(mapping(sent.get("metadata")).get("labels"))
            exempted = isinstance(labels.get(_IGNORE), str)  # whatever it says, an empty one, too
            return {"pod-security": _joined(_levels(labels)), "exempted": _IGNORE if exempted else ""}
    return {"privileges": _joined(_privileges(pod_spec(sent)))} if "spec" in sent else {}


def _grants(role: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a role gives that is more than it looks like."""
    if role.get("aggregationRule"):
        yield "aggregation"
    for label in mapping(mapping(role.get("metadata")).get("labels")):
        if label.startswith(_AGGREGATE):
            yield label.removeprefix("rbac.authorization.k8s.io/")
    for rule in items(role.get("rules")):
        verbs, resources = words(rule.get("verbs")), words(rule.get("resources"))
        if "*" in verbs and "*" in resources and "*" in words(rule.get("apiGroups")):
            yield "everything"
        if "*" in verbs:
            yield "all-verbs"
        if "*" in resources:
            yield "all-resources"
        yield from verbs & _RIGHTS
        yield from (_KEYS_OF_THE_HOUSE[name] for name in resources & _KEYS_OF_THE_HOUSE.keys())


def _subjects(binding: Mapping[str, Any]) -> Iterator[str]:
    for subject in items(binding.get("subjects")):
        yield ":".join(filter(None, (text(subject.get(key)) for key in ("kind", "namespace", "name"))))


def _levels(labels: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Pod Security labels that a request sets, `enforce=privileged`, or takes away, `enforce=`."""
    for key, value in labels.items():
        if key.startswith(_PSA):
            yield f"{key.removeprefix(_PSA)}={text(value)}"


def _privileges(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what gives a pod its node: `privileged`, `hostPID`, `hostPath:/etc`, `capability:SYS_ADMIN`."""
    yield from (name for name in ("hostPID", "hostIPC", "hostNetwork") if spec.get(name) is True)
    if _is_host_process(mapping(spec.get("securityContext"))):
        yield "privileged"
    for volume in items(spec.get("volumes")):
        path = mapping(volume.get("hostPath")).get("path")
        if isinstance(path, str):
            yield f"hostPath:{_folder(path)}"
    for container in containers(spec):
        security = mapping(container.get("securityContext"))
        if security.get("privileged") is True or _is_host_process(security):
            yield "privileged"
        added = {word.upper().removeprefix("CAP_") for word in words(mapping(security.get("capabilities")).get("add"))}
        yield from (f"capability:{name}" for name in added & _STRONG)


def _is_host_process(security: Mapping[str, Any]) -> bool:
    return mapping(security.get("windowsOptions")).get("hostProcess") is True


def _folder(path: str) -> str:
    """Return a path as the kernel reads it: `//etc/./` is `/etc`. Kubernetes takes none with `..` in it."""
    return "/" + "/".join(step for step in path.split("/") if step not in ("", "."))


def _joined(found: Iterator[str]) -> str:
    return ", ".join(sorted(set(found)))
