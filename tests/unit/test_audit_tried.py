"""What a request only tried, who stands behind it, and other ways to write the same: no way round a judgement."""

from typing import Any

import pytest

from shared.changes.authors import told_by
from shared.sources.audit.body import as_object
from shared.sources.audit.facts import PREFIX
from tests.support.signals import Change, about, read

WRITE: Change = {"verb": "patch", "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?dryRun=All&force=true"}
CONSOLE = "system:serviceaccount:open-cluster-management-agent-addon:cluster-proxy"


def fact(name: str, change: Change) -> str:
    return read(change).annotations.get(f"{PREFIX}{name}", "")


@pytest.mark.parametrize(
    "change",
    [
        WRITE,
        {**WRITE, "verb": "create"},
        {"verb": "delete", "requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
    ],
)
def test_a_request_that_asked_to_change_nothing_is_a_dry_run(change: Change) -> None:
    assert fact("dry-run", change) == "all"


@pytest.mark.parametrize(
    "change",
    [
        {**WRITE, "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=dryRun"},
        {**WRITE, "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web?dryRun="},
        {**WRITE, "requestURI": "/x?" + "&".join(["dryRun=All"] * 300)},
        {**WRITE, **about("serviceaccounts", subresource="token"), "verb": "create"},
        {**WRITE, "verb": "delete", "requestObject": {"kind": "DeleteOptions"}},
        {**WRITE, "verb": "get"},
    ],
)
def test_what_may_have_been_done_all_the_same_is_no_dry_run(change: Change) -> None:
    """The body of a deletion counts, not its address; what another server makes of the word nobody knows here."""
    assert fact("dry-run", change) == ""


def test_who_tried_a_change_is_not_told_as_the_author_of_what_is_there() -> None:
    answer = {"responseObject": {"metadata": {"name": "web", "resourceVersion": "7"}}}
    assert told_by(read({"verb": "patch", **answer})) is not None
    assert told_by(read({**WRITE, **answer})) is None


@pytest.mark.parametrize(
    ("username", "other", "actor"),
    [
        (CONSOLE, "alice", "human"),
        ("system:serviceaccount:cattle-system:rancher", "u-x7k2p", "human"),
        ("system:serviceaccount:gke-connect:connect-agent-sa", "alice@example.com", "human"),
        ("system:serviceaccount:shop:portal", "alice", "human"),
        ("system:serviceaccount:flux-system:kustomize-controller", "system:serviceaccount:team-a:deployer", "platform"),
        ("alice", "system:serviceaccount:kube-system:replicaset-controller", "human"),
        (CONSOLE, "", "platform"),
    ],
)
def test_a_person_who_comes_through_a_console_is_a_person(username: str, other: str, actor: str) -> None:
    """Consoles of many clusters ask in their own name for all their people, who stand behind it."""
    impersonated = {"impersonatedUser": {"username": other}} if other else {}
    assert fact("actor", {"user": {"username": username}, "userAgent": "proxy/v1", **impersonated}) == actor


@pytest.mark.parametrize(
    ("spec", "privileges"),
    [
        ({"volumes": [{"hostPath": {"path": "/etc/"}}]}, "hostPath:/etc"),
        ({"volumes": [{"hostPath": {"path": "//"}}]}, "hostPath:/"),
        ({"volumes": [{"hostPath": {"path": "/var/./run//docker.sock"}}]}, "hostPath:/var/run/docker.sock"),
        ({"containers": [{"securityContext": {"capabilities": {"add": ["sys_admin"]}}}]}, "capability:SYS_ADMIN"),
        ({"containers": [{"securityContext": {"capabilities": {"add": ["all"]}}}]}, "capability:ALL"),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "privileged"),
    ],
)
def test_what_gives_a_pod_its_node_is_found_however_it_is_written(spec: Any, privileges: str) -> None:
    """As the kernel and the runtimes read it: they know no slash too many and no lower case."""
    assert fact("privileges", {"verb": "create", "requestObject": {"spec": spec}}) == privileges


def test_a_json_patch_may_replace_the_object_as_a_whole() -> None:
    bound = {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    assert as_object([{"op": "replace", "path": "", "value": bound}]) == bound


@pytest.mark.parametrize(
    ("path", "entered"),
    [
        ("exec/shop/web-0/web?command=sh", "exec"),
        ("/run/shop/web-0/web", "run"),
        ("%65xec/shop/web-0/web", "exec"),
        ("metrics/cadvisor", ""),
        ("metrics?x=/proxy/exec/", ""),
    ],
)
def test_by_which_path_of_a_kubelet_a_pod_was_entered_is_told(path: str, entered: str) -> None:
    reference = {"resource": "nodes", "subresource": "proxy", "name": "worker-3"}
    change = {"objectRef": reference, "requestURI": f"/api/v1/nodes/worker-3/proxy/{path}"}
    assert fact("kubelet", change) == entered


def test_a_namespace_that_gatekeeper_shall_not_look_at_is_told() -> None:
    label = "admission.gatekeeper.sh/ignore"
    body = {"metadata": {"labels": {label: "true"}}}
    change = {**about("namespaces"), "verb": "patch", "requestObject": body}
    assert fact("exempted", change) == label
    assert fact("exempted", {**change, "requestObject": {"metadata": {"labels": {label: ""}}}}) == label
    assert fact("exempted", {**change, "requestObject": {"metadata": {"labels": {label: None}}}}) == ""
