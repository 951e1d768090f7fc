"""For each signal of the API server's audit log: a record that shows it, and records that lack one condition of it."""

from tests.support.signals import Change, Signal, about, noted, refused

SYSTEM = {"user.username": "system:kube-controller-manager", "userAgent": "kube-controller-manager/v1.37.0"}
_RBAC = "rbac.authorization.k8s.io"
_GUARDS = "admissionregistration.k8s.io"
_DECISION = r"annotations.authorization\.k8s\.io/decision"
_FORBIDDEN = 'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "shop"'
_NONE_MATCHES: Change = {"responseStatus.message": "something else"}
_OK: Change = {"responseStatus": {"metadata": {}, "code": 200}}
_FAILED: Change = {"responseStatus.code": 409}
_TRIED: Change = {"requestURI": "/apis/x?dryRun=All&fieldManager=kubectl"}
_DENIED: Change = refused(_FORBIDDEN, decision="forbid")
_CSR = about("certificatesigningrequests", "certificates.k8s.io", namespace="", subresource="approval")
_WEBHOOK_DOWN = (
    'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post '
    '"https://v.example.svc:443/validate?timeout=10s": context deadline exceeded'
)
_BROKEN = (
    'Internal error occurred: failed calling webhook "m.example.com": received undecodable patch in webhook response'
)
_GATEKEEPER = 'admission webhook "validation.gatekeeper.sh" denied the request: [must-have-owner] no label owner'
_VAP = (
    "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-all' "
    "denied request: too many"
)
_ADMIN: Change = {
    **about("clusterrolebindings", _RBAC, namespace=""),
    "verb": "create",
    "requestObject": {"kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
}
_DRY_RUN = "/api/v1/namespaces/shop/pods?dryRun=All"
_PSA = 'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'


def _without(key: str) -> Change:
    return noted(key, None)  # type: ignore[arg-type] # None takes the member away


def _annotated(key: str, value: str) -> Signal:
    return Signal(noted(key, value), (_without(key),))


SIGNALS: dict[str, Signal] = {
    "rbac_denied": Signal(
        {"verb": "list", **about("pods", name=""), **_DENIED}, ({_DECISION: "allow"}, {"responseStatus.code": 404})
    ),
    "rbac_denied_no_message": Signal(
        {"stage": "ResponseStarted", "verb": "watch", **_DENIED, "responseStatus": {"metadata": {}, "code": 403}},
        ({_DECISION: "allow"}, {"responseStatus.code": 200}),
    ),
    "anonymous_allowed": Signal(
        {"user": {"username": "system:anonymous"}, "verb": "get"},
        (
            {"user.username": "alice"},
            {"responseStatus.code": 404},
            {"requestURI": "/livez?verbose"},
            {"requestURI": "/readyz/etcd"},
            {"requestURI": "/version"},
        ),
    ),
    "unauthenticated": Signal(
        {"user": {}, **refused("Unauthorized", 401)}, ({"responseStatus.code": 404}, {"responseStatus.code": 200})
    ),
    "impersonation": Signal({"impersonatedUser": {"username": "bob"}}, ({"impersonatedUser": None},)),
    "rbac_escalation_blocked": Signal(
        {
            "verb": "create",
            **about("roles", _RBAC),
            **refused(
                'roles "x" is forbidden: user "alice" is attempting to grant RBAC permissions not currently held:'
            ),
        },
        ({"responseStatus.code": 409}, _NONE_MATCHES),
    ),
    "rbac_changed": Signal(
        {**about("roles", _RBAC), "verb": "patch"},
        ({"verb": "get"}, {"objectRef.apiGroup": "apps"}, _FAILED, _TRIED, SYSTEM, {**SYSTEM, "verb": "delete"}),
    ),
    "cluster_admin_bound": Signal(
        _ADMIN,
        (
            {"verb": "delete"},
            {"objectRef.resource": "clusterroles"},
            {"requestObject.roleRef.name": "view"},
            _FAILED,
            _TRIED,
            SYSTEM,
            {"user.username": "system:serviceaccount:openshift-cluster-version:default", "userAgent": "cvo/v0"},
        ),
    ),
    "scc_bound": Signal(
        {**about("securitycontextconstraints", "security.openshift.io", namespace=""), "verb": "update"},
        ({"verb": "get"}, {"objectRef.resource": "podsecuritypolicies"}, _FAILED, _TRIED, SYSTEM),
    ),
    "psa_denied": Signal(
        {"verb": "create", **about("pods"), **refused(_PSA)},
        ({"responseStatus.code": 404}, {_DECISION: "forbid"}, _NONE_MATCHES),
    ),
    "psa_audit_violation": _annotated(
        "pod-security.kubernetes.io/audit-violations", 'would violate PodSecurity "restricted:latest": seccompProfile'
    ),
    "psa_exempt": _annotated("pod-security.kubernetes.io/exempt", "namespace"),
    "psa_error": _annotated("pod-security.kubernetes.io/error", 'invalid level "strict"'),
    "scc_denied": Signal(
        {
            "verb": "create",
            **about("pods"),
            **refused("unable to validate against any security context constraint: []"),
        },
        ({"responseStatus.code": 404}, {_DECISION: "forbid"}, _NONE_MATCHES),
    ),
    "quota_denied": Signal(
        refused('pods "web" is forbidden: exceeded quota: compute, requested: cpu=2, used: cpu=3, limited: cpu=4'),
        ({"responseStatus.code": 404}, {_DECISION: "forbid"}, _NONE_MATCHES),
    ),
    "quota_failed": Signal(
        refused('pods "web" is forbidden: failed quota: compute: must specify limits.cpu for: web'),
        ({"responseStatus.code": 404}, {_DECISION: "forbid"}, _NONE_MATCHES),
    ),
    "limitrange_denied": Signal(
        refused('pods "web" is forbidden: maximum cpu usage per Container is 1, but limit is 2'),
        ({"responseStatus.code": 404}, {_DECISION: "forbid"}, _NONE_MATCHES),
    ),
    "webhook_denied_gatekeeper": Signal(
        refused(_GATEKEEPER), (_OK, {_DECISION: "forbid"}, {"responseStatus.message": "validation.gatekeeper.sh"})
    ),
    "webhook_denied_kyverno": Signal(
        refused('admission webhook "validate.kyverno.svc-fail" denied the request: policy', 400),
        ({"responseStatus.code": 200}, _NONE_MATCHES, {_DECISION: "forbid"}),
    ),
    "webhook_denied": Signal(
        refused('admission webhook "v.example.com" denied the request: no', 400),
        ({"responseStatus.code": 200}, _NONE_MATCHES, {_DECISION: "forbid"}),
    ),
    "webhook_broken_patch": Signal(refused(_BROKEN, 500), ({"responseStatus.code": 404}, _NONE_MATCHES)),
    "webhook_unavailable": Signal(refused(_WEBHOOK_DOWN, 500), ({"responseStatus.code": 404}, _NONE_MATCHES)),
    "webhook_fail_open_validating": _annotated(
        "failed-open.validating.webhook.admission.k8s.io/round_0_index_2", "v.example.com"
    ),
    "webhook_fail_open_mutating": _annotated(
        "failed-open.mutation.webhook.admission.k8s.io/round_1_index_0", "m.example.com"
    ),
    "webhook_mutated": _annotated(
        "mutation.webhook.admission.k8s.io/round_0_index_0",
        '{"configuration":"injector","webhook":"m.example.com","mutated":true}',
    ),
    "webhook_patch": _annotated(
        "patch.webhook.admission.k8s.io/round_0_index_0",
        '{"configuration":"injector","webhook":"m.example.com","patch":[{"op":"add","path":"/spec"}],"patchType":"JSONPatch"}',
    ),
    "vap_denied": Signal(refused(_VAP, 422), ({"responseStatus.code": 409}, _NONE_MATCHES)),
    "vap_audit": _annotated(
        "validation.policy.admission.k8s.io/validation_failure",
        '[{"message":"too many","policy":"replicas","binding":"replicas-all","validationActions":["Audit"]}]',
    ),
    "deprecated_api": Signal(
        noted("k8s.io/deprecated", "true"), (noted("k8s.io/deprecated", "false"), _without("k8s.io/deprecated"))
    ),
    "legacy_token": _annotated("authentication.k8s.io/legacy-token", "shop/builder-token-x2x4z"),
    "truncated": _annotated("audit.k8s.io/truncated", "true"),
    "secret_read": Signal(
        {**about("secrets"), "verb": "get"},
        (
            {"objectRef.resource": "configmaps"},
            {"verb": "delete"},
            {"responseStatus.code": 404},
            SYSTEM,
            {"user.username": "system:node:worker-3", "userAgent": "kubelet/v1.37.0"},
            {"user.username": "system:serviceaccount:cert-manager:cert-manager", "userAgent": "cert-manager/v1.18"},
        ),
    ),
    "pod_exec_attach": Signal(
        {**about("pods", subresource="exec"), "verb": "create", "stage": "ResponseStarted", "responseStatus.code": 101},
        (
            {"objectRef.resource": "deployments"},
            {"objectRef.subresource": "log", "stage": "ResponseComplete"},
            {"responseStatus.code": 404},
            {"objectRef.subresource": "ephemeralcontainers", "verb": "get", "stage": "ResponseComplete"},
        ),
    ),
    "vmi_console_vnc": Signal(
        {
            **about("virtualmachineinstances", "subresources.kubevirt.io", subresource="vnc"),
            "verb": "get",
            "stage": "ResponseStarted",
            "responseStatus.code": 101,
        },
        (
            {"objectRef.apiGroup": "kubevirt.io"},
            {"objectRef.subresource": "guestosinfo", "stage": "ResponseComplete"},
            {"responseStatus.code": 404},
        ),
    ),
    "csr_denied": Signal(
        {**_CSR, "requestObject": {"status": {"conditions": [{"type": "Approved"}, {"type": "Denied"}]}}},
        (
            {"objectRef.resource": "certificates"},
            {"objectRef.subresource": "status"},
            {"requestObject": {"status": {"conditions": [{"type": "Approved"}]}}},
            _FAILED,
        ),
    ),
    "csr_approved": Signal(
        _CSR, ({"objectRef.resource": "certificates"}, {"objectRef.subresource": "status"}, _FAILED, SYSTEM)
    ),
    "networkpolicy_changed": Signal(
        {**about("networkpolicies", "networking.k8s.io"), "verb": "deletecollection"},
        (
            {"objectRef.resource": "ingresses", "verb": "update"},
            {"verb": "list"},
            _FAILED,
            {**SYSTEM, "verb": "delete"},
        ),
    ),
    "webhook_config_changed": Signal(
        {**about("validatingwebhookconfigurations", _GUARDS, namespace=""), "verb": "delete"},
        (
            {"objectRef.apiGroup": "apps"},
            {"verb": "get"},
            _FAILED,
            {"user.username": "system:serviceaccount:cert-manager:cainjector", "userAgent": "cainjector/v1.18"},
        ),
    ),
    "namespace_psa_label_changed": Signal(
        {
            **about("namespaces", name="shop", namespace="shop"),
            "verb": "patch",
            "requestObject": {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}},
        },
        (
            {"objectRef.resource": "configmaps"},
            {"requestObject": {"metadata": {"labels": {"team": "shop"}}}},
            _FAILED,
            SYSTEM,
        ),
    ),
    "node_deleted": Signal(
        {**about("nodes", name="worker-3", namespace=""), "verb": "delete"},
        (
            {"objectRef.resource": "pods"},
            {"verb": "get"},
            {"responseStatus.code": 404},
            {"requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
            SYSTEM,
        ),
    ),
    "bulk_delete": Signal(
        {**about("pods", name=""), "verb": "deletecollection"},
        (
            {"verb": "delete"},
            {"responseStatus.code": 404},
            {"user.username": "system:serviceaccount:kube-system:namespace-controller", "userAgent": "kcm/v1.37"},
        ),
    ),
    "apiserver_overload": Signal(
        refused("the server has received too many requests and has asked us to try again later", 429),
        ({"responseStatus.code": 409}, _NONE_MATCHES),
    ),
    "server_error": Signal(
        refused("etcdserver: request timed out", 500), ({"responseStatus.code": 404}, {"responseStatus.code": 200})
    ),
    "openshift_unready_request": _annotated("openshift.io/unready", "loopback=false,readyz=false"),
}

OTHER_FORMS: tuple[tuple[str, Change], ...] = (
    ("server_error", {"stage": "Panic", "responseStatus": {"metadata": {}, "code": 500}}),
    ("server_error", {"stage": "Panic", "responseStatus": None}),
    (
        "apiserver_overload",
        {
            **about("pods", subresource="eviction"),
            **refused("Cannot evict pod as it would violate the pod's disruption budget.", 429),
        },
    ),
    ("openshift_unready_request", noted("openshift.io/during-graceful", "loopback=true")),
    ("legacy_token", noted("authentication.k8s.io/stale-token", "subject: system:serviceaccount:shop:builder")),
    *(
        (
            "legacy_token",
            {**noted(f"authentication.k8s.io/{kind}-token", "shop/builder"), "verb": "create", "requestURI": _DRY_RUN},
        )
        for kind in ("legacy", "stale")
    ),
    ("quota_failed", refused("insufficient quota to consume: pods", 403)),
    ("pod_exec_attach", {**about("pods", subresource="portforward"), "verb": "get"}),
    ("pod_exec_attach", {**about("pods", subresource="attach"), "verb": "get", "responseStatus": None}),
    ("pod_exec_attach", {**about("pods", subresource="ephemeralcontainers"), "verb": "patch"}),
    ("secret_read", {**about("secrets", name="", namespace=""), "verb": "list"}),
    (
        "secret_read",
        {
            **about("secrets"),
            "verb": "watch",
            "user.username": "system:serviceaccount:shop:reporter",
            "userAgent": "reporter/v2",
        },
    ),
    ("scc_bound", {**about("securitycontextconstraints", "security.openshift.io", namespace=""), "verb": "create"}),
    ("webhook_config_changed", {**about("validatingadmissionpolicies", _GUARDS, namespace=""), "verb": "patch"}),
    (
        "webhook_config_changed",
        {
            **about("mutatingwebhookconfigurations", _GUARDS, namespace=""),
            "user.username": "system:serviceaccount:payments:operator",
            "userAgent": "operator/v1",
        },
    ),
    ("vmi_console_vnc", {**about("virtualmachineinstances", "subresources.kubevirt.io", subresource="console")}),
    (
        "cluster_admin_bound",
        {
            **_ADMIN,
            "verb": "patch",
            "requestObject": [{"op": "add", "path": "/subjects/-", "value": {"kind": "User", "name": "mallory"}}],
            "responseObject": {
                "kind": "ClusterRoleBinding",
                "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            },
        },
    ),
    (
        "namespace_psa_label_changed",
        {
            **about("namespaces", name="shop", namespace="shop"),
            "verb": "patch",
            "requestObject": [{"op": "remove", "path": "/metadata/labels/pod-security.kubernetes.io~1enforce"}],
        },
    ),
    ("webhook_broken_patch", refused(_BROKEN.replace("received undecodable patch", "unsupported patch type"), 500)),
)
"""The same signals in the other forms that they come in."""
