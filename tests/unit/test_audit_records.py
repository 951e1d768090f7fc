"""What is read in an audit record: what it is about, who acted, and what that means."""

from typing import Any

import orjson
import pytest

from shared.events.outcome import Rejected
from shared.sources.audit.actors import actor_of, reach_of
from shared.sources.audit.body import as_object
from shared.sources.audit.facts import PREFIX
from shared.sources.context import MAX_ORIGINAL, Context
from shared.sources.registry import decode_payload
from shared.sources.resources import kind_of
from tests.support.signals import RECEIVED, Change, about, noted, read, record, refused, seen

CONTEXT = Context("prod", RECEIVED)


def fact(name: str, change: Change) -> str:
    return read(change).annotations.get(f"{PREFIX}{name}", "")


# --- which records are carried ---


@pytest.mark.parametrize(
    ("change", "carried"),
    [
        ({"stage": "RequestReceived", "responseStatus": None}, False),
        ({"stage": "ResponseStarted", "verb": "watch"}, False),
        ({"stage": "ResponseStarted", "verb": "watch", **refused("no", decision="forbid")}, True),
        ({"stage": "ResponseStarted", **about("pods", subresource="exec"), "responseStatus.code": 101}, True),
        ({"stage": "ResponseStarted", **about("pods", subresource="log")}, False),
        ({"stage": "ResponseComplete", "verb": "watch"}, True),
        ({"stage": "Panic", "responseStatus": None}, True),
    ],
)
def test_a_stage_that_a_later_one_repeats_is_not_carried(change: Change, *, carried: bool) -> None:
    assert (seen(record(change)) is not None) is carried


def test_a_list_is_read_record_by_record_and_refused_as_a_whole_where_one_is_none() -> None:
    frame: dict[str, Any] = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}}
    records = [record({"auditID": name, "stage": stage}) for name in "ab" for stage in ("RequestReceived", "Panic")]
    found = decode_payload({**frame, "items": records}, CONTEXT)
    assert isinstance(found, list)
    assert [item.source_uid for item in found] == ["a", "b"]
    assert decode_payload({**frame, "items": []}, CONTEXT) == []
    broken = decode_payload({**frame, "items": [records[0], {"stage": "Panic"}]}, CONTEXT)
    assert isinstance(broken, Rejected)
    assert "item 1 of the list has not" in broken.reason


def test_the_recorded_batch_of_a_real_api_server_is_read(root: Any) -> None:
    batch = orjson.loads((root / "tests/support/audit/recorded-batch.json").read_bytes())
    found = decode_payload(batch, CONTEXT)
    assert isinstance(found, list)
    watching = [item for item in batch["items"] if item["stage"] == "ResponseStarted"]
    assert len(found) == len(batch["items"]) - len(watching)
    assert {item.object.kind for item in found} == {"Pod", "Event"}
    assert found[0].resource_version == batch["items"][0]["responseObject"]["metadata"]["resourceVersion"]


def test_the_two_stages_of_one_session_are_two_observations() -> None:
    session = {**about("pods", subresource="exec"), "responseStatus.code": 101}
    started, ended = (read({**session, "stage": stage}) for stage in ("ResponseStarted", "ResponseComplete"))
    assert started.identity != ended.identity
    assert started.source_uid == ended.source_uid


# --- what it is about ---


def test_it_is_about_the_object_and_related_to_the_user() -> None:
    found = read({**about("pods", name="web-0", subresource="exec"), "verb": "create"})
    assert (found.object.path, found.object.field_path) == ("Pod/shop/web-0", "exec")
    assert (found.reason, found.action) == ("create pods/exec", "create")
    assert found.related is not None
    assert found.related.path == "User/alice"


def test_a_name_that_the_server_made_is_in_its_answer() -> None:
    made = {"metadata": {"name": "web-x2x4z", "uid": "u-1", "resourceVersion": "7"}, "kind": "Pod"}
    found = read({**about("pods", name=""), "verb": "create", "responseObject": made})
    assert (found.object.name, found.object.uid, found.resource_version) == ("web-x2x4z", "u-1", "7")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (refused("Unauthorized", 401), "Cluster/prod"),
        (refused("etcdserver: request timed out", 500), "Cluster/prod"),
        (refused("the server has received too many requests", 429), "Cluster/prod"),
        ({**about("pods", name="web-0", subresource="eviction"), **refused("Cannot evict", 429)}, "Pod/shop/web-0"),
        (
            refused('Internal error occurred: failed calling webhook "v.example.com": x', 500),
            "AdmissionWebhook/v.example.com",
        ),
        (noted("failed-open.validating.webhook.admission.k8s.io/round_0_index_1", "v.io"), "AdmissionWebhook/v.io"),
        (
            {
                **about("roles", "rbac.authorization.k8s.io", name="r"),
                **noted("failed-open.validating.webhook.admission.k8s.io/round_0_index_1", "v.io"),
            },
            "Role/shop/r",
        ),
        (refused("no", 404), "Deployment/shop/web"),
        ({"objectRef": None, "requestURI": "/metrics"}, "Cluster/prod"),
        (about("namespaces", name="shop"), "Namespace/shop"),
    ],
)
def test_an_outage_is_one_problem_and_not_one_for_each_object_that_met_it(change: Change, path: str) -> None:
    assert read(change).object.path == path


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("pods", "Pod"),
        ("networkpolicies", "NetworkPolicy"),
        ("ingresses", "Ingress"),
        ("endpoints", "Endpoints"),
        ("endpointslices", "EndpointSlice"),
        ("securitycontextconstraints", "SecurityContextConstraints"),
        ("clusterrolebindings", "ClusterRoleBinding"),
        ("widgets", "Widget"),
        ("galaxies", "Galaxy"),
        ("boxes", "Box"),
        ("", ""),
    ],
)
def test_a_resource_has_its_kind(resource: str, kind: str) -> None:
    assert kind_of(resource) == kind


def test_the_body_says_how_a_kind_that_nobody_knows_is_written() -> None:
    found = read({**about("kafkatopics", "kafka.strimzi.io"), "requestObject": {"kind": "KafkaTopic"}})
    assert found.object.kind == "KafkaTopic"
    scaled = read({**about("deployments", "apps", subresource="scale"), "requestObject": {"kind": "Scale"}})
    assert scaled.object.kind == "Deployment"


# --- who acts ---


@pytest.mark.parametrize(
    ("username", "agent", "actor"),
    [
        ("alice", "kubectl/v1.37.0", "human"),
        ("system:admin", "oc/4.20", "human"),
        ("system:node:worker-3", "kubelet/v1.37.0", "node"),
        ("system:node:worker-3", "kubectl/v1.37.0", "workload"),
        ("system:kube-scheduler", "kube-scheduler/v1.37.0", "system"),
        ("system:serviceaccount:kube-system:namespace-controller", "kube-controller-manager/v1.37.0", "system"),
        ("system:serviceaccount:openshift-etcd:x", "etcd-operator/v0", "system"),
        ("system:serviceaccount:kube-system:clusterrole-x", "curl/8.5.0", "workload"),
        ("system:serviceaccount:argocd:argocd-server", "argocd-server/v3", "platform"),
        ("system:serviceaccount:argocd:argocd-server", "/usr/bin/kubectl/v1.37", "workload"),
        ("system:serviceaccount:shop:web", "web/v2", "workload"),
        ("system:serviceaccount:argocd-lookalike:x", "x/v1", "workload"),
        ("system:anonymous", "curl/8", "anonymous"),
        ("", "curl/8", "nobody"),
    ],
)
def test_an_actor_is_told_by_name_and_trusted_less_by_hand(username: str, agent: str, actor: str) -> None:
    assert actor_of(username, agent) == actor


@pytest.mark.parametrize(
    ("username", "namespace", "reach"),
    [
        ("system:serviceaccount:shop:web", "shop", "own"),
        ("system:serviceaccount:shop:web", "bank", "other"),
        ("system:serviceaccount:shop:web", "", "cluster"),
        ("alice", "shop", ""),
    ],
)
def test_a_service_account_has_a_reach(username: str, namespace: str, reach: str) -> None:
    assert reach_of(username, namespace) == reach


# --- what a body means ---


@pytest.mark.parametrize(
    ("spec", "privileges"),
    [
        ({"containers": [{"securityContext": {"privileged": True}}]}, "privileged"),
        ({"initContainers": [{"securityContext": {"privileged": True}}]}, "privileged"),
        ({"hostPID": True, "hostNetwork": True}, "hostNetwork, hostPID"),
        ({"volumes": [{"hostPath": {"path": "/etc"}}, {"emptyDir": {}}]}, "hostPath:/etc"),
        (
            {"containers": [{"securityContext": {"capabilities": {"add": ["CAP_SYS_ADMIN", "CHOWN"]}}}]},
            "capability:SYS_ADMIN",
        ),
        ({"containers": [{"securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}}}]}, ""),
    ],
)
def test_what_gives_a_pod_its_node_is_found_in_whatever_makes_pods(spec: Any, privileges: str) -> None:
    template = {"spec": {"template": {"spec": spec}}}
    for body in ({"spec": spec}, template, {"spec": {"jobTemplate": template}}):
        assert fact("privileges", {"verb": "create", "requestObject": body}) == privileges


def test_nothing_is_hidden_behind_much_of_the_harmless() -> None:
    volumes = [{"hostPath": {"path": f"/data/{number:0>100}"}} for number in range(500)]
    spec = {"volumes": volumes, "containers": [{"securityContext": {"privileged": True}}]}
    assert fact("privileges", {"verb": "create", "requestObject": {"spec": spec}}).endswith(", privileged")
    subjects = [{"kind": "User", "name": f"a{number}"} for number in range(5000)]
    binding = {"subjects": [*subjects, {"kind": "Group", "name": "system:unauthenticated"}]}
    change = {**about("rolebindings", "rbac.authorization.k8s.io"), "verb": "create", "requestObject": binding}
    assert "Group:system:unauthenticated" in fact("subjects", change)


def test_a_json_patch_says_it_too() -> None:
    change = [{"op": "add", "path": "/spec/template/spec/containers/0/securityContext", "value": {"privileged": True}}]
    assert fact("privileges", {"verb": "patch", "requestObject": change}) == "privileged"
    escaped = [{"op": "add", "path": "/metadata/labels/pod-security.kubernetes.io~1enforce", "value": "privileged"}]
    assert (
        fact("pod-security", {**about("namespaces"), "verb": "patch", "requestObject": escaped}) == "enforce=privileged"
    )
    assert as_object([{"op": "add", "path": "no pointer", "value": 1}, "x", {"path": "/a/-", "value": 2}]) == {"a": [2]}


@pytest.mark.parametrize(
    ("role", "grants"),
    [
        ({"rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}, "all-resources, all-verbs, everything"),
        ({"rules": [{"verbs": ["*"], "apiGroups": ["apps"], "resources": ["deployments"]}]}, "all-verbs"),
        ({"rules": [{"verbs": ["bind", "escalate"], "resources": ["clusterroles"]}]}, "bind, escalate"),
        (
            {"rules": [{"verbs": ["get"], "resources": ["secrets", "pods/exec", "nodes/proxy"]}]},
            "exec, nodes-proxy, secrets",
        ),
        ({"aggregationRule": {"clusterRoleSelectors": [{}]}}, "aggregation"),
        ({"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-admin": "true"}}}, "aggregate-to-admin"),
        ({"rules": [{"verbs": ["get"], "resources": ["pods"]}]}, ""),
    ],
)
def test_what_a_role_gives_beyond_its_looks_is_told(role: Any, grants: str) -> None:
    change = {**about("clusterroles", "rbac.authorization.k8s.io"), "verb": "create", "requestObject": role}
    assert fact("grants", change) == grants


def test_the_role_of_a_patched_binding_is_in_the_answer() -> None:
    binding = {**about("clusterrolebindings", "rbac.authorization.k8s.io"), "verb": "patch"}
    answer = {"kind": "ClusterRoleBinding", "roleRef": {"name": "cluster-admin"}}
    subjects = {"subjects": [{"kind": "User", "name": "bob"}]}
    change = {**binding, "requestObject": subjects, "responseObject": answer}
    assert (fact("role", change), fact("subjects", change)) == ("cluster-admin", "User:bob")


def test_a_read_has_no_facts_of_a_body() -> None:
    assert fact("privileges", {"verb": "get", "requestObject": {"spec": {"hostPID": True}}}) == ""


# --- what of it is carried ---


def test_a_record_that_is_too_long_loses_its_body_and_says_so() -> None:
    found = read({"requestObject": {"data": {"a": "x" * MAX_ORIGINAL}}})
    assert found.original["truncated"] is True
    assert found.original["requestObject"] is None
    assert found.original["user"]["username"] == "alice"
    assert len(orjson.dumps(found.original)) < MAX_ORIGINAL


def test_the_level_that_a_collector_overwrote_is_put_back() -> None:
    assert read({"level": "default", "k8s_audit_level": "Request"}).original["level"] == "Request"
    assert read({"level": "default", "openshift_audit_level": "Metadata"}).original["level"] == "Metadata"
