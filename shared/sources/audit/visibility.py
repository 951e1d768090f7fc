"""Which signals an audit policy lets through at all: what is not logged can never be judged.

A signal is tried with requests that show it, of those who usually make them: a person, a service account, a controller.
A rule for one user, namespace or object alone is met by none of them, and does not count.
"""

from typing import Literal, NamedTuple

from shared.sources.audit.policy import LEVELS, Decision, Policy, Request, decide

Seen = Literal["yes", "in part", "without details", "never"]

_PERSON = ("alice", ("system:authenticated",))
_ACCOUNT = (
    "system:serviceaccount:shop:web",
    ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"),
)
_CONTROLLER = (
    "system:serviceaccount:kube-system:replicaset-controller",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
_STRANGER = ("system:anonymous", ("system:unauthenticated",))
_NOBODY = (None, ())
_RBAC = "rbac.authorization.k8s.io"
_END = ("ResponseComplete",)
_SESSION = ("ResponseStarted", "ResponseComplete")


class Signal(NamedTuple):
    """A signal: requests that show it, the stages of which one is enough, the level, and the rules that judge it."""

    requests: tuple[Request, ...]
    rules: tuple[str, ...]
    level: str = "Metadata"
    stages: tuple[str, ...] = _END


class Visibility(NamedTuple):
    """Whether a signal can be seen, and why (not)."""

    signal: str
    seen: Seen
    why: str
    rules: tuple[str, ...]


def visible(policy: Policy) -> list[Visibility]:
    """Return for each signal whether it can be seen under a policy, in the order of `SIGNALS`."""
    return [_judged(name, signal, policy) for name, signal in SIGNALS.items()]


def _judged(name: str, signal: Signal, policy: Policy) -> Visibility:
    needed = LEVELS.index(signal.level)
    told: list[str] = []
    hidden: dict[str, list[str]] = {}
    thin: dict[str, list[str]] = {}
    for request in signal.requests:
        decision = decide(policy, request)
        where, which = f"{request.user or 'nobody'} {request.verb} {request.target}", _of_rule(decision, signal)
        if decision.level == "None" or all(stage in decision.omitted for stage in signal.stages):
            hidden.setdefault(f"not logged ({which}): ", []).append(where)
        elif LEVELS.index(decision.level) < needed:
            thin.setdefault(f"logged without the body that tells it ({which}): ", []).append(where)
        else:
            told.append(which)
    if not hidden and not thin:
        return Visibility(name, "yes", "; ".join(dict.fromkeys(told)), signal.rules)
    seen: Seen = "in part" if told or (hidden and thin) else "never" if hidden else "without details"
    why = "; ".join(reason + ", ".join(where) for reason, where in {**hidden, **thin}.items())
    return Visibility(name, seen, why, signal.rules)


def _of_rule(decision: Decision, signal: Signal) -> str:
    if not decision.rule:
        return "no rule matches it"
    omitted = [stage for stage in signal.stages if stage in decision.omitted]
    without = f" without {', '.join(omitted)}" if omitted and decision.level != "None" else ""
    return f"rule {decision.rule}: {decision.level}{without}"


def _by(
    who: tuple[str | None, tuple[str, ...]], verb: str, target: str, group: str = "", space: str = "shop"
) -> Request:
    """Return a request for `pods/exec` of a group."""
    resource, _, subresource = target.partition("/")
    return Request(verb, *who, group=group, resource=resource, subresource=subresource, namespace=space, name="thing")


_ANY_READ = (_by(_PERSON, "list", "pods"), _by(_ACCOUNT, "get", "configmaps"), _by(_ACCOUNT, "watch", "secrets"))
_ANY_WRITE = (_by(_PERSON, "update", "deployments", "apps"), _by(_ACCOUNT, "create", "configmaps"))
_ANY = (*_ANY_READ, *_ANY_WRITE)
_ADMITTED = (
    _by(_PERSON, "create", "deployments", "apps"),
    _by(_PERSON, "create", "pods"),
    _by(_CONTROLLER, "create", "pods"),
)
_BINDINGS = tuple(_by(who, "create", "clusterrolebindings", _RBAC, "") for who in (_PERSON, _ACCOUNT))
_ROLES = tuple(
    _by(_PERSON, verb, resource, _RBAC, space)
    for verb in ("create", "patch")
    for resource, space in (("clusterroles", ""), ("roles", "shop"))
)
_CSR = (_by(_PERSON, "update", "certificatesigningrequests/approval", "certificates.k8s.io", ""),)
_ENTERED = tuple(
    _by(_PERSON, verb, f"pods/{way}")
    for verb, way in (("create", "exec"), ("get", "exec"), ("create", "attach"), ("create", "portforward"))
)
_MACHINES = tuple(
    _by(_PERSON, "get", f"virtualmachineinstances/{way}", "subresources.kubevirt.io") for way in ("console", "vnc")
)
_GUARDS = tuple(
    _by(_PERSON, verb, f"{sort}webhookconfigurations", "admissionregistration.k8s.io", "")
    for verb in ("patch", "delete")
    for sort in ("validating", "mutating")
)

SIGNALS: dict[str, Signal] = {
    "rbac_denied": Signal(_ANY, ("audit-right-missing",)),
    "rbac_denied_no_message": Signal(_ANY, ("audit-right-missing",), stages=_SESSION),
    "anonymous_allowed": Signal(
        (_by(_STRANGER, "list", "pods"), _by(_STRANGER, "get", "secrets")), ("audit-anonymous-allowed",)
    ),
    "unauthenticated": Signal(
        (_by(_NOBODY, "list", "pods"), Request("get", *_NOBODY, path="/apis")), ("audit-unauthenticated",)
    ),
    "impersonation": Signal(_ANY, ("audit-impersonation", "audit-impersonated-admin")),
    "rbac_escalation_blocked": Signal((*_ROLES, *_BINDINGS), ("audit-escalation-refused",)),
    "rbac_changed": Signal((*_ROLES, *_BINDINGS), ("audit-rights-changed", "audit-rights-changed-by-platform")),
    "cluster_admin_bound": Signal(
        _BINDINGS, ("audit-cluster-admin-bound", "audit-cluster-admin-bound-in-namespace"), "Request"
    ),
    "everybody_bound": Signal(_BINDINGS, ("audit-everybody-bound",), "Request"),
    "role_too_wide": Signal(_ROLES, ("audit-role-gives-everything", "audit-role-hands-on-rights"), "Request"),
    "scc_bound": Signal(
        (_by(_PERSON, "patch", "securitycontextconstraints", "security.openshift.io", ""),),
        ("audit-security-context-changed",),
    ),
    "psa_denied": Signal(_ADMITTED, ("audit-pod-security-refused",)),
    "psa_audit_violation": Signal(_ADMITTED, ("audit-pod-security-violated",)),
    "psa_exempt": Signal(_ADMITTED, ("audit-pod-security-exempt",)),
    "psa_error": Signal(_ADMITTED, ("audit-pod-security-failed",)),
    "scc_denied": Signal(_ADMITTED, ("audit-security-context-refused",)),
    "pod_owns_node": Signal(_ADMITTED[:2], ("audit-pod-owns-its-node", "audit-pod-near-its-node"), "Request"),
    "quota_denied": Signal(_ADMITTED, ("audit-quota-exceeded",)),
    "quota_failed": Signal(_ADMITTED, ("audit-quota-not-met",)),
    "limitrange_denied": Signal(_ADMITTED, ("audit-outside-limit-range",)),
    "webhook_denied_gatekeeper": Signal(_ADMITTED, ("audit-denied-by-gatekeeper",)),
    "webhook_denied_kyverno": Signal(_ADMITTED, ("audit-denied-by-kyverno",)),
    "webhook_denied": Signal(_ADMITTED, ("audit-denied-by-webhook",)),
    "webhook_broken_patch": Signal(_ADMITTED, ("audit-webhook-patch-broken",)),
    "webhook_unavailable": Signal(_ADMITTED, ("audit-webhook-unavailable",)),
    "webhook_fail_open_validating": Signal(_ADMITTED, ("audit-webhook-failed-open",)),
    "webhook_fail_open_mutating": Signal(_ADMITTED, ("audit-mutation-failed-open",)),
    "webhook_mutated": Signal(_ADMITTED, ("audit-mutated",)),
    "webhook_patch": Signal(_ADMITTED, ("audit-patched",), "Request"),
    "vap_denied": Signal(_ADMITTED, ("audit-denied-by-policy",)),
    "vap_audit": Signal(_ADMITTED, ("audit-policy-violated",)),
    "policy_exempted": Signal(
        (
            _by(_PERSON, "create", "policyexceptions", "kyverno.io"),
            _by(_PERSON, "delete", "clusterpolicies", "kyverno.io", ""),
        ),
        ("audit-policy-exempted", "audit-policy-removed"),
    ),
    "policy_changed": Signal(
        (
            _by(_PERSON, "patch", "clusterpolicies", "kyverno.io", ""),
            _by(_PERSON, "update", "configs", "config.gatekeeper.sh", "gatekeeper-system"),
        ),
        ("audit-policy-changed",),
    ),
    "namespace_exempted": Signal(
        (_by(_PERSON, "patch", "namespaces"), _by(_PERSON, "create", "namespaces", "", "")),
        ("audit-namespace-exempted",),
        "Request",
    ),
    "deprecated_api": Signal(
        (
            _by(_PERSON, "list", "flowschemas", "flowcontrol.apiserver.k8s.io", ""),
            _by(_ACCOUNT, "create", "cronjobs", "batch"),
        ),
        ("audit-deprecated-api",),
    ),
    "legacy_token": Signal(
        (_by(_ACCOUNT, "get", "configmaps"),),
        ("audit-legacy-token", "audit-stale-token", "audit-dry-run-legacy-token", "audit-dry-run-stale-token"),
    ),
    "token_made": Signal(
        (_by(_PERSON, "create", "serviceaccounts/token"),),
        ("audit-token-made", "audit-token-made-by-person", "audit-token-of-the-system-made"),
    ),
    "truncated": Signal(_ANY_WRITE, ("audit-truncated",)),
    "secret_read": Signal(
        tuple(_by(who, verb, "secrets") for who in (_PERSON, _ACCOUNT) for verb in ("get", "list", "watch")),
        ("audit-secret-read", "audit-secret-read-with-borrowed-account"),
    ),
    "pod_exec_attach": Signal(
        (*_ENTERED, _by(_PERSON, "patch", "pods/ephemeralcontainers")),
        ("audit-pod-entered", "audit-system-pod-entered", "audit-debug-container"),
        stages=_SESSION,
    ),
    "pod_entered_by_its_node": Signal(
        tuple(_by(_PERSON, verb, "nodes/proxy", "", "") for verb in ("create", "get")),
        ("audit-pod-entered-by-its-node",),
        stages=_SESSION,
    ),
    "vmi_console_vnc": Signal(_MACHINES, ("audit-machine-entered",), stages=_SESSION),
    "csr_denied": Signal(_CSR, ("audit-certificate-request-denied",), "Request"),
    "csr_approved": Signal(_CSR, ("audit-certificate-request-approved",)),
    "networkpolicy_changed": Signal(
        tuple(_by(_PERSON, verb, "networkpolicies", "networking.k8s.io") for verb in ("create", "patch", "delete")),
        ("audit-network-policy-changed",),
    ),
    "webhook_config_changed": Signal(
        _GUARDS, ("audit-webhook-changed", "audit-webhook-changed-by-workload", "audit-webhook-changed-by-hand")
    ),
    "namespace_psa_label_changed": Signal(
        (_by(_PERSON, "patch", "namespaces"), _by(_PERSON, "create", "namespaces", "", "")),
        ("audit-namespace-guard-changed", "audit-namespace-guard-lowered"),
        "Request",
    ),
    "node_deleted": Signal((_by(_PERSON, "delete", "nodes", "", ""),), ("audit-node-deleted",)),
    "bulk_delete": Signal((_by(_PERSON, "deletecollection", "pods"),), ("audit-bulk-delete",)),
    "apiserver_overload": Signal(
        (*_ANY, _by(_PERSON, "create", "pods/eviction")), ("audit-overload", "audit-eviction-refused")
    ),
    "server_error": Signal(_ANY, ("audit-server-error", "audit-panic"), stages=("ResponseComplete", "Panic")),
    "openshift_unready_request": Signal(_ANY, ("audit-request-while-not-ready", "audit-request-while-ending")),
}
"""The signals by name: those of reference/audit_signals.csv that an API server logs, and a few more."""
