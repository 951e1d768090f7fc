"""Overlays and the components around Tidings, as the real kustomize renders them: whole, with values, and strict."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shared.bus.topology import LETTERS
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.manifests.test_knative_manifests import documents, schemas
from tests.support.functions import TIDINGS
from tests.support.kustomize import KNATIVE, OVERLAYS, Manifest, kustomized, of_kind, one

ZEROS = "sha256:" + "0" * 64
each_overlay = pytest.mark.parametrize("name", OVERLAYS)


@pytest.fixture(scope="module")
def overlays() -> dict[str, list[Manifest]]:
    return {name: kustomized(KNATIVE / "overlays" / name) for name in OVERLAYS}


def containers(items: list[Manifest]) -> list[tuple[str, Any]]:
    found = []
    for item in items:
        spec = item.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        pod = spec.get("template", {}).get("spec", {})
        found += [(item["metadata"]["name"], each) for each in pod.get("containers", [])]
    return found


def test_there_is_an_overlay_for_each_way_to_run_it() -> None:
    assert OVERLAYS == ["production", "spoke", "trial", "upstream"]


@each_overlay
def test_its_values_are_where_they_are_needed(name: str, overlays: dict[str, list[Manifest]]) -> None:
    items = overlays[name]
    assert "set-by-kustomization" not in yaml.safe_dump(items)
    installation = one(items, "ConfigMap", "tidings-installation")["data"]
    assert installation["cluster"] not in {"my-cluster", "my-spoke"}
    for source in of_kind(items, "ApiServerSource"):
        assert source["spec"]["ceOverrides"]["extensions"]["cluster"] == installation["cluster"]
    for sink in of_kind(items, "KafkaSink"):
        assert sink["spec"]["bootstrapServers"] == [installation["kafka"]]


@each_overlay
def test_it_holds_no_secret_and_nothing_but_pinned_images(name: str, overlays: dict[str, list[Manifest]]) -> None:
    items = overlays[name]
    assert of_kind(items, "Secret") == []
    for _, container in containers(items):
        assert container["image"].endswith(f"@{ZEROS}"), "the images are the installation's to say"


@each_overlay
def test_every_pod_is_as_strict_as_the_strictest_profile_asks(name: str, overlays: dict[str, list[Manifest]]) -> None:
    for owner, container in containers(overlays[name]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, owner
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert "limits" in container["resources"]


@each_overlay
def test_what_it_renders_is_valid_for_the_definitions(
    name: str, overlays: dict[str, list[Manifest]], shared_data: Path
) -> None:
    known = schemas(shared_data / "data" / "crds")
    for item in overlays[name]:
        if schema := known.get((item["apiVersion"], item["kind"])):
            jsonschema.Draft202012Validator(schema).validate({**item, "metadata": {}})


def test_every_trigger_of_a_trial_has_a_sink_for_its_dead_letters(overlays: dict[str, list[Manifest]]) -> None:
    items = overlays["trial"]
    assert of_kind(items, "KafkaSink") == []
    assert one(items, "Broker", "tidings")["metadata"]["annotations"] == {
        "eventing.knative.dev/broker.class": "MTChannelBasedBroker"
    }
    for item in (*of_kind(items, "Broker"), *of_kind(items, "Trigger")):
        assert item["spec"]["delivery"]["deadLetterSink"]["ref"] == {
            "apiVersion": "v1",
            "kind": "Service",
            "name": "dead-letters",
        }
    (container,) = one(items, "Deployment", "dead-letters")["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    function = load(environment["FUNCTION_TARGET"], {**environment, "EMBEDDED_BUS": ":memory:"}, Metrics())
    assert function.name == "archive"
    assert LETTERS == "dead-letters"


def test_the_stand_ins_are_beside_their_functions_and_there_is_one_of_each(
    render: Callable[..., list[Manifest]],
) -> None:
    items = render("stand-ins")
    for function, product in {"servicenow-incident": "servicenow", "siem-forwarder": "splunk"}.items():
        (service,) = [item for item in of_kind(items, "Service") if item["metadata"]["name"] == function]
        template = service["spec"]["template"]
        assert template["metadata"]["annotations"]["autoscaling.knative.dev/max-scale"] == "1"
        served, beside = template["spec"]["containers"]
        assert "ports" not in beside, "Knative sends requests to the container with a port"
        assert beside["command"][:4] == ["python", "-m", "shared.local.standins", product]
        assert beside["securityContext"] == served["securityContext"]


def test_f39_without_knative_the_event_router_is_as_the_requirements_draw_it(
    render: Callable[..., list[Manifest]],
) -> None:
    """F39: pod OOM/evicted, node drain: as F01-F05; minReadySeconds/PDB documented."""
    items = render("plain")
    assert not [item["kind"] for item in items if "knative.dev" in item["apiVersion"]]
    router = one(items, "Deployment", "event-router")["spec"]
    (container,) = router["template"]["spec"]["containers"]
    assert router["replicas"] == 2
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    (port,) = one(items, "Service", "event-router")["spec"]["ports"]
    assert port["port"] == 8080
    kept = {
        item["metadata"]["name"]: item["spec"]["selector"]["matchLabels"]
        for item in of_kind(items, "PodDisruptionBudget")
    }
    for deployment in of_kind(items, "Deployment"):
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        labels = spec["template"]["metadata"]["labels"]
        if spec["replicas"] > 1:
            assert kept[name].items() <= labels.items(), "one at a time is drained"
        asks = spec["template"]["spec"]["automountServiceAccountToken"]
        assert asks is (name == "watch"), "who asks no API server has no token"
    for owner, each in containers(items):
        assert each["securityContext"]["readOnlyRootFilesystem"] is True, owner
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not [
            v["name"] for v in each.get("env", ()) if v["name"].endswith(("PASSWORD", "TOKEN")) and "value" in v
        ]


def test_the_topics_of_amq_streams_are_what_tidings_prints() -> None:
    printed = subprocess.run([TIDINGS, "bus", "manifests", "strimzi"], check=True, capture_output=True, text=True)
    there = documents(KNATIVE / "components" / "amq-streams" / "kafka" / "bus.yaml")
    assert there == list(yaml.safe_load_all(printed.stdout))


def test_the_broker_and_the_dead_letters_sign_in_to_amq_streams(render: Callable[..., list[Manifest]]) -> None:
    items = render("amq-streams", "installation")
    kafka = one(items, "Kafka", "my-cluster")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    assert (listener["tls"], listener["authentication"]) == (True, {"type": "scram-sha-512"})
    broker = one(items, "ConfigMap", "tidings-broker")["data"]
    address = f"my-cluster-kafka-bootstrap.kafka:{listener['port']}"
    assert (broker["bootstrap.servers"], broker["auth.secret.ref.name"]) == (address, "tidings-kafka")
    sink = one(items, "KafkaSink", "tidings-dead-letters")["spec"]
    assert (sink["bootstrapServers"], sink["auth"]["secret"]["ref"]["name"]) == ([address], "tidings-kafka")
    acls = one(items, "KafkaUser", "knative")["spec"]["authorization"]["acls"]
    prefixes = [acl["resource"]["name"] for acl in acls]
    for topic in ("knative-broker-tidings-tidings", sink["topic"], "knative-trigger-tidings-classifier"):
        assert any(topic.startswith(prefix) for prefix in prefixes)
    assert not any("kubernetes-events".startswith(prefix) for prefix in prefixes), "the bus is not Knative's"


@pytest.mark.parametrize("component", ["amq-streams", "multi-cluster-hub", "openshift"])
def test_a_component_is_valid_for_the_definitions_of_its_operator(
    component: str, render: Callable[..., list[Manifest]], shared_data: Path
) -> None:
    known = schemas(shared_data / "data" / "crds", "*")
    needed = ["amq-streams", component] if component == "multi-cluster-hub" else [component]
    tried = 0
    for item in render(*dict.fromkeys(needed), "installation"):
        if schema := known.get((item["apiVersion"], item["kind"])):
            jsonschema.Draft202012Validator(schema).validate({**item, "metadata": {}})
            tried += "knative.dev" not in item["apiVersion"]
    assert tried >= 3


def test_a_spoke_only_tells_its_hub_by_a_topic_of_its_own(overlays: dict[str, list[Manifest]]) -> None:
    spoke = overlays["spoke"]
    assert {item["kind"] for item in spoke} == {
        "Namespace", "ConfigMap", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "KafkaSink", "ApiServerSource",
    }  # fmt: skip
    (sink,) = of_kind(spoke, "KafkaSink")
    assert (
        sink["spec"]["topic"] == f"tidings-spoke-{one(spoke, 'ConfigMap', 'tidings-installation')['data']['cluster']}"
    )
    for source in of_kind(spoke, "ApiServerSource"):
        reference = source["spec"]["sink"]["ref"]
        assert (reference["kind"], reference["name"]) == ("KafkaSink", sink["metadata"]["name"])


def test_f51_the_hub_takes_what_a_spoke_sends_under_the_name_of_that_spoke_alone(
    render: Callable[..., list[Manifest]],
) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    hub = render("amq-streams", "multi-cluster-hub", "installation")
    (user,) = [item for item in of_kind(hub, "KafkaUser") if item["metadata"]["name"].startswith("spoke-")]
    cluster = user["metadata"]["name"].removeprefix("spoke-")
    topic = one(hub, "KafkaTopic", f"tidings-spoke-{cluster}")["metadata"]["name"]
    (acl,) = user["spec"]["authorization"]["acls"]
    assert acl["resource"] == {"type": "topic", "name": topic, "patternType": "literal"}, "it writes into no other's"
    assert "Read" not in acl["operations"]
    source = one(hub, "KafkaSource", topic)["spec"]
    assert (source["topics"], source["consumerGroup"]) == ([topic], topic)
    assert source["ceOverrides"] == {"extensions": {"cluster": cluster}}, "whatever the spoke says"
    assert source["initialOffset"] == "earliest", "what waited for the hub is not passed over"
    assert (source["sink"]["ref"]["kind"], source["sink"]["ref"]["name"]) == ("Broker", "tidings")
    listeners = {each["name"]: each for each in one(hub, "Kafka", "my-cluster")["spec"]["kafka"]["listeners"]}
    assert listeners["spokes"]["authentication"] == {"type": "tls"}, "each spoke has a certificate of its own"


KAFKA_SOURCE = {
    "additionalProperties": False,
    "required": ["bootstrapServers", "topics", "consumerGroup", "sink"],
    "properties": {
        "bootstrapServers": {"type": "array", "items": {"pattern": r"^[\w.-]+:\d+$"}},
        "topics": {"type": "array"},
        "consumerGroup": {"type": "string"},
        "consumers": {"type": "integer"},
        "initialOffset": {"enum": ["earliest", "latest"]},
        "ordering": {"enum": ["ordered", "unordered"]},
        "delivery": {
            "additionalProperties": {"type": ["integer", "string"]},
            "properties": {
                "deadLetterSink": {"additionalProperties": False, "properties": {"ref": {"type": "object"}}}
            },
        },
        "ceOverrides": {"additionalProperties": False, "properties": {"extensions": {"type": "object"}}},
        "net": {"additionalProperties": False, "properties": {"sasl": {"required": ["enable"]}, "tls": {}}},
        "sink": {"required": ["ref"]},
    },
}


def test_the_hubs_source_has_the_fields_that_there_are(
    render: Callable[..., list[Manifest]],
) -> None:
    hub = render("amq-streams", "multi-cluster-hub", "installation")
    jsonschema.validate(one(hub, "KafkaSource", "tidings-spoke-eu1")["spec"], KAFKA_SOURCE)


def test_f59_a_spoke_leaves_our_own_namespace_out(overlays: dict[str, list[Manifest]]) -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    for source in of_kind(overlays["spoke"], "ApiServerSource"):
        selector = source["spec"]["namespaceSelector"]
        assert selector == {} or selector["matchExpressions"][0]["values"] == ["tidings"]
