"""What an observation hangs on: told by the object where it was sent, else by what Kubernetes writes."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.episodes.operators import operator_of_namespace
from shared.episodes.relations import RELATIONS, relations_of
from shared.events.codec import decode
from shared.events.model import Classified, ObjectRef
from shared.local.recorded import player
from shared.rules.classify import classify
from shared.rules.packtests import read_cases
from shared.rules.shipped import SHIPPED, load_shipped
from shared.sources.registry import decode as observations
from tests.support.correlator import problem


def of(kind: str, name: str, namespace: str = "", placed: str = "", **more: Any) -> dict[str, str]:
    thing = ObjectRef(kind=kind, namespace=namespace, name=name, field_path=more.pop("field_path", ""))
    return relations_of(problem(0, "x", object=thing, **more), placed)


def pod(message: str = "", **more: Any) -> dict[str, str]:
    """Return what a pod hangs on besides its workload."""
    found = of("Pod", "web-7c9d6b5f4-x2x9k", "shop", message=message, **more)
    assert found.pop("workload") == "Workload/shop/web"
    return found


def sent(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": metadata, "spec": spec}


# --- nodes ---


def test_a_node_hangs_on_itself() -> None:
    assert of("Node", "worker-1", host="other", component="kubelet") == {"node": "worker-1"}


def test_a_pod_is_where_its_object_its_scheduler_or_its_kubelet_says_and_else_where_it_was() -> None:
    assigned = "Successfully assigned shop/web-7c9d6b5f4-x2x9k to worker-2"
    assert pod(original=sent({"nodeName": "worker-1"}), placed="worker-9") == {"node": "worker-1"}
    assert pod(assigned, reason="Scheduled", component="default-scheduler", placed="worker-9") == {"node": "worker-2"}
    assert pod("Back-off", component="kubelet", host="worker-3", placed="worker-9") == {"node": "worker-3"}
    assert pod("Node is not ready", component="node-controller", placed="worker-9") == {"node": "worker-9"}
    assert pod("Node is not ready", component="node-controller") == {}


def test_the_host_of_a_controller_is_not_where_the_pod_is() -> None:
    assert pod("Insufficient cpu", component="default-scheduler", host="master-0") == {}


def test_a_virtual_machine_is_on_the_node_that_its_status_names() -> None:
    machine = {"kind": "VirtualMachineInstance", "status": {"nodeName": "worker-1"}}
    assert of("VirtualMachineInstance", "db", "vms", original=machine) == {"node": "worker-1"}
    assert of("VirtualMachineInstance", "db", "vms", component="virt-handler", host="worker-2") == {"node": "worker-2"}


def test_where_a_service_was_is_not_asked() -> None:
    assert of("ConfigMap", "x", "shop", placed="worker-1") == {}


# --- storage ---


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ('0/6 nodes are available: persistentvolumeclaim "data-pg-0" not found.', {"claim": "shop/data-pg-0"}),
        ('persistentvolumeclaim "data" is being deleted', {"claim": "shop/data"}),
        ("0/6 nodes are available: pod has unbound immediate PersistentVolumeClaims.", {}),
        ('AttachVolume.Attach failed for volume "pvc-1" : rpc error', {"volume": "pvc-1"}),
        ('AttachVolume.FindAttachablePluginBySpec failed for volume "nfs-data"', {"volume": "nfs-data"}),
        ('MountVolume.MountDevice failed for volume "pvc-0b1a7c0e" : rpc error', {"volume": "pvc-0b1a7c0e"}),
        ('MountVolume.WaitForAttach failed for volume "pv-1" : timed out', {"volume": "pv-1"}),
        ('MapVolume.SetUpDevice failed for volume "pvc-1" : rpc error', {"volume": "pvc-1"}),
        ('Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) pg-0', {"volume": "pvc-1"}),
        ('MountVolume.SetUp failed for volume "pvc-9f" : mount failed', {"volume": "pvc-9f"}),
        ('MountVolume.SetUp failed for volume "settings" : configmap "web-settings" not found', {}),
        ('MountVolume.SetUp failed for volume "kube-api-access-x" : failed to sync configmap cache', {}),
        ("Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data]: timed out", {}),
    ],
)
def test_a_pod_s_volume_is_known_where_its_message_names_it(message: str, found: dict[str, str]) -> None:
    assert pod(message) == found


@pytest.mark.parametrize(
    ("volumes", "found"),
    [
        ([{"name": "a", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "b", "emptyDir": {}}], "shop/data"),
        ([{"persistentVolumeClaim": {"claimName": "a"}}, {"persistentVolumeClaim": {"claimName": "b"}}], None),
        ([], None),
    ],
)
def test_a_pod_that_was_sent_has_the_only_claim_that_it_mounts(volumes: list[Any], found: str | None) -> None:
    assert pod(original=sent({"volumes": volumes})).get("claim") == found


def test_a_claim_and_its_volume_know_each_other() -> None:
    claim = {"kind": "PersistentVolumeClaim", "spec": {"volumeName": "pvc-1"}}
    volume = {"kind": "PersistentVolume", "spec": {"claimRef": {"namespace": "shop", "name": "data"}}}
    both = {"claim": "shop/data", "volume": "pvc-1"}
    assert of("PersistentVolumeClaim", "data", "shop", original=claim) == both
    assert of("PersistentVolume", "pvc-1", original=volume) == both
    assert of("PersistentVolumeClaim", "data", "shop", message="failed to provision volume") == {"claim": "shop/data"}


@pytest.mark.parametrize(
    ("kind", "message", "claim"),
    [
        ("DataVolume", "Failed to import into PVC shop/rootdisk: Unable to connect", "shop/vm"),
        ("VirtualMachineInstance", "PVC rootdisk does not exist, waiting for it to appear", "shop/rootdisk"),
        ("VirtualMachineInstance", "PVC rootdisk is not ready", "shop/rootdisk"),
        ("VirtualMachine", "Source PVC golden/fedora not available: Target PVC db", "golden/fedora"),
        ("Event", "Successfully imported into PVC shop/rootdisk", "shop/rootdisk"),
        ("StatefulSet", 'External provisioner is provisioning volume for claim "shop/data"', "shop/data"),
        ("Event", "PVC is not valid", None),
        ("Event", "PVC Prime retained", None),
    ],
)
def test_a_claim_is_known_where_a_disk_s_message_names_it(kind: str, message: str, claim: str | None) -> None:
    assert of(kind, "vm", "shop", message=message).get("claim") == claim


# --- images ---

DIGEST = "registry.example:5000/shop/web@sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("message", "image"),
    [
        ('Failed to pull image "registry.example/web:1.4": unauthorized', "registry.example/web:1.4"),
        ('Back-off pulling image "web:9": ErrImagePull: manifest for web:9 not found', "web:9"),
        ('Pulling image "web"', "web"),
        ('Successfully pulled image "web:1" in 1.2s (1.2s including waiting)', "web:1"),
        ('Container image "web:dev" is not present with pull policy of Never', "web:dev"),
        ('Container image "web:1" already present on machine', "web:1"),
        ('Failed to apply default image tag "Web:1": couldn\'t parse image name', "Web:1"),
        ('Failed to inspect image "web:1": rpc error', "web:1"),
        (f'Pulling image "{DIGEST}"', DIGEST),
        ('Pulling image "https://me:secret@registry.example/web:1"', "registry.example/web:1"),
        ('Pulling image "me:secret@registry.example/web@sha256:ab"', "registry.example/web@sha256:ab"),
        ('Pulling image "web@sha256:ab"', "web@sha256:ab"),
        ("Error: ImagePullBackOff", None),
        ("Recycler pod: Back-off pulling image", None),
    ],
)
def test_an_image_is_named_with_tag_and_digest_and_without_credentials(message: str, image: str | None) -> None:
    assert pod(message).get("image") == image


def test_a_pod_that_was_sent_has_the_image_of_the_container_that_is_meant() -> None:
    one = sent({"containers": [{"name": "a", "image": "a:1"}]})
    two = sent({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]})
    assert pod(original=one).get("image") == "a:1"
    assert pod(original=two).get("image") is None
    assert pod(original=two, field_path="spec.containers{b}").get("image") == "b:1"
    assert pod(original=two, field_path="spec.containers{c}").get("image") is None


# --- webhooks, workloads, operators, services ---


@pytest.mark.parametrize(
    ("message", "webhook"),
    [
        ('Error creating: admission webhook "guard.example.com" denied the request: no', "guard.example.com"),
        ('Internal error occurred: failed calling webhook "v.kyverno.svc-fail": failed to call', "v.kyverno.svc-fail"),
        ('failed: \\"admission webhook \\"guard.example.com\\" denied\\"', "guard.example.com"),
        ("Error creating virtual machine instance: failed calling webhook", None),
    ],
)
def test_a_webhook_is_known_by_the_name_that_the_api_server_quotes(message: str, webhook: str | None) -> None:
    assert of("ReplicaSet", "web-7c9d6b5f4", "shop", message=message).get("webhook") == webhook


def owned(kind: str, name: str) -> dict[str, Any]:
    return sent({}, ownerReferences=[{"kind": kind, "name": name}])


@pytest.mark.parametrize(
    ("kind", "name", "original", "workload"),
    [
        ("Deployment", "web", {}, "web"),
        ("ReplicaSet", "web-7c9d6b5f4", {}, "web"),
        ("Pod", "web-7c9d6b5f4-x2x9k", {}, "web"),
        ("Pod", "web-7c9d6b5f4-x2x9k", owned("ReplicaSet", "web-7c9d6b5f4"), "web"),
        ("StatefulSet", "pg", {}, "pg"),
        ("Pod", "pg-0", {}, "pg"),
        ("Pod", "pg-0", owned("StatefulSet", "pg"), "pg"),
        ("Pod", "odd.name", owned("DaemonSet", "agent"), "agent"),
        ("CronJob", "backup", {}, "backup"),
        ("Job", "backup-29391480", {}, "backup"),
        ("Pod", "backup-29391480-w8x2n", {}, "backup"),
        ("Pod", "backup-29391480-w8x2n", owned("Job", "backup-29391480"), "backup"),
        ("Pod", "web-7c9d6b5f4-x2x9k", owned("Node", "worker-1"), "web"),
    ],
)
def test_a_workload_has_one_name_whoever_tells_of_it(
    kind: str, name: str, original: dict[str, Any], workload: str
) -> None:
    assert of(kind, name, "shop", original=original)["workload"] == f"Workload/shop/{workload}"


def test_the_controller_that_a_producer_names_is_taken_before_the_pod_s_name() -> None:
    owner = ObjectRef(kind="Deployment", namespace="shop", name="other")
    assert of("Pod", "web-7c9d6b5f4-x2x9k", "shop", owner=owner)["workload"] == "Workload/shop/other"


def test_an_operator_is_known_by_its_own_name_its_status_or_its_namespace() -> None:
    changed = 'Status for clusteroperator/etcd changed: Degraded message changed from "a" to "b"'
    assert of("ClusterOperator", "dns") == {"operator": "dns"}
    assert of("Deployment", "x", "openshift-etcd-operator", message=changed)["operator"] == "etcd"
    assert of("Pod", "router-0", "openshift-ingress")["operator"] == "ingress"
    assert of("Pod", "x-0", "openshift-ovn-kubernetes")["operator"] == "network"
    assert "operator" not in of("Pod", "x-0", "openshift-strange")
    assert "operator" not in of("Pod", "x-0", "etcd")


@pytest.mark.parametrize("name", ["dns", "etcd", "authentication", "openshift-apiserver"])
def test_an_operator_s_own_namespace_is_its_own(name: str) -> None:
    full = name if name.startswith("openshift-") else f"openshift-{name}"
    assert operator_of_namespace(full) == operator_of_namespace(f"{full}-operator") == name


def test_an_endpoint_belongs_to_its_service() -> None:
    label = {"kubernetes.io/service-name": "web"}
    service = ObjectRef(kind="Service", namespace="shop", name="web")
    wanted = {"service": "shop/web"}
    assert of("Service", "web", "shop") == of("Endpoints", "web", "shop") == wanted
    assert of("EndpointSlice", "web-abc12", "shop", labels=label) == wanted
    assert of("EndpointSlice", "web-abc12", "shop", owner=service) == wanted
    assert of("EndpointSlice", "web-abc12", "shop") == {}


# --- everything ---


def seen_on_the_recorded_day() -> list[Classified]:
    rules = load_shipped()
    found = []
    for request in player.requests():
        decoded = observations(decode(request.headers, request.body), cluster="c", now=request.time)
        assert isinstance(decoded, list)
        found += [Classified(observation=seen, verdict=classify(seen, rules)) for seen in decoded]
    return found


def test_on_the_recorded_day_what_is_wrong_hangs_on_what_it_was_made_of() -> None:
    placed: dict[str, str] = {}
    by_condition: dict[str, set[str]] = {}
    for classified in seen_on_the_recorded_day():
        thing = classified.observation.object
        found = relations_of(classified, placed.get(thing.path, ""))
        placed[thing.path] = found.get("node", "")
        for name, value in found.items():
            by_condition.setdefault(f"{classified.verdict.condition} {name}", set()).add(value)
    assert set() < by_condition["pod-on-lost-node node"] <= by_condition["node-ready node"]
    assert by_condition["image-pull image"] == {
        "registry.example/logistics/tracking:0.32.0", "registry.example/sandbox/jupyter:lab-5",
    }  # fmt: skip
    assert by_condition["pods-webhook-unavailable webhook"] == {"validate.policy.example.com"}
    assert by_condition["volume-mount volume"] == {"pvc-52aa8e1d-7c0b-4be2-9f0e-6a0d3cf1a977"}
    assert by_condition["operator-degraded operator"] == {"authentication"}


def test_every_image_and_webhook_that_the_rules_tests_quote_is_found() -> None:
    rules = load_shipped()
    quoted = {"image": re.compile(r'\bpull(?:ing|ed)? image "'), "webhook": re.compile(r'\bwebhook "')}
    found = dict.fromkeys(quoted, 0)
    for case in read_cases(sorted(SHIPPED.glob("*_test.yaml")), []):
        seen = case.observation
        told = relations_of(Classified(observation=seen, verdict=classify(seen, rules)))
        for name, pattern in quoted.items():
            if pattern.search(seen.message):
                found[name] += 1
                assert name in told, seen.message
    assert found["image"] > 10
    assert found["webhook"] > 10


_NAMES = st.text(max_size=20) | st.sampled_from(["Pod", "Node", "EndpointSlice", "PersistentVolume", "Job", "shop"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["kind", "spec", "status", "nodeName", "containers", "volumes", "metadata", "ownerReferences",
                         "persistentVolumeClaim", "claimName", "claimRef", "name", "image"]), inner, max_size=4,
    ),
    max_leaves=15,
)  # fmt: skip
_MESSAGES = st.text(max_size=60) | st.lists(
    st.sampled_from(['volume "', '" ', 'image "', 'webhook "', "x" * 600, "PVC a/b lost", "claim ", "clusteroperator/",
                     "Successfully assigned a to b", "@", "/", ":", "a"]), max_size=8,
).map("".join)  # fmt: skip


@given(
    st.builds(ObjectRef, kind=_NAMES, namespace=_NAMES, name=_NAMES, field_path=_NAMES),
    _MESSAGES,
    st.dictionaries(st.sampled_from(["kind", "spec", "status", "metadata"]), _JSON | st.just("Pod")),
    st.none() | st.builds(ObjectRef, kind=_NAMES, name=_NAMES),
    _NAMES,
)
def test_whatever_was_observed_has_relations_of_known_names_and_bounded_values(
    thing: ObjectRef, message: str, original: dict[str, Any], owner: ObjectRef | None, placed: str
) -> None:
    classified = problem(0, "x", object=thing, message=message, original=original, owner=owner, component="kubelet")
    found = relations_of(classified, placed)
    assert set(found) <= set(RELATIONS)
    assert all(0 < len(value) <= 512 for value in found.values())


def test_a_long_message_costs_little() -> None:
    text = 'MountVolume.MountDevice for volume "' * 100 + 'webhook "' * 1000 + "a@" * 5000
    classified = problem(0, "x", message=text[:32_000])
    began = time.process_time()
    for _ in range(100):
        relations_of(classified)
    assert time.process_time() - began < 1.0
