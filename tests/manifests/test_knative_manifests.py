"""The manifests as one applies them: valid for the CRDs, without rights or tokens too many, and readable here."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shared.cluster.kinds import DEFAULT_KINDS, parse_kind
from shared.events.cloudevent import CloudEvent
from shared.local.broker.filters import matches
from shared.local.broker.loader import load_topology
from shared.local.broker.parse_services import PING
from shared.runtime.registry import FUNCTIONS, load
from shared.sources.dialects import DIALECTS
from shared.sources.resources import plural
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT

Manifest = dict[str, Any]
KNATIVE = ROOT / "knative"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the CRDs are long
COMPONENTS = [name.replace("_", "-") for name, one in FUNCTIONS.items() if one.optional]
ROOMS = [KNATIVE / name for name in ("base", "sources", "triggers")]
# What Tidings itself consists of; what stands around it is in test_surroundings.py.
OURS = [*ROOMS, *(KNATIVE / "components" / name for name in (*COMPONENTS, "oidc", "splunk-cronjob", "watch"))]
FILES = sorted(path for room in OURS for path in room.glob("*.yaml") if path.name != "kustomization.yaml")
SPOKES = KNATIVE / "components" / "multi-cluster-hub" / "spokes.yaml"  # the one source with a delivery
IMAGE = "registry.example.com/tidings@sha256:" + "0" * 64
# All other functions have no token.
ASK_THE_API_SERVER = {"reconcile": "tidings-watch", "remediate": "tidings-remediate"}


def documents(path: Path) -> list[Manifest]:
    return [item for item in yaml.load_all(path.read_text(encoding="utf-8"), Loader=_LOADER) if item]


def everything() -> Iterator[Manifest]:
    for path in FILES:
        yield from documents(path)


def of_kind(kind: str, group: str = "") -> list[Manifest]:
    return [item for item in everything() if item["kind"] == kind and item["apiVersion"].startswith(group)]


def services() -> list[Manifest]:
    return of_kind("Service", "serving.knative.dev/")


@cache
def schemas(crds: Path, of: str = "knative-*") -> dict[tuple[str, str], Manifest]:
    found: dict[tuple[str, str], Manifest] = {}
    for path in crds.glob(f"{of}/*.yaml"):
        for item in documents(path):
            if not isinstance(item, dict) or item.get("kind") != "CustomResourceDefinition":
                continue
            for version in item["spec"]["versions"]:
                key = f"{item['spec']['group']}/{version['name']}", item["spec"]["names"]["kind"]
                found[key] = _closed(version["schema"]["openAPIV3Schema"], top=True)
    return found


def _closed(schema: Any, *, top: bool = False) -> Any:
    """Return the schema with unknown fields refused where the API server would drop them."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        key: {name: _closed(child) for name, child in value.items()} if key == "properties" else _closed(value)
        for key, value in schema.items()
    }
    if "properties" in closed and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    if closed.get("x-kubernetes-int-or-string"):
        closed.pop("type", None)
    if top:
        closed["properties"] = {"apiVersion": {}, "kind": {}, "metadata": {}, **closed.get("properties", {})}
    return closed


def test_there_are_manifests() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(KNATIVE).as_posix())
def test_a_manifest_is_valid_for_its_crd(path: Path, shared_data: Path) -> None:
    known = schemas(shared_data / "data" / "crds")
    for item in documents(path):
        if "." in item["apiVersion"] and "k8s.io" not in item["apiVersion"]:
            schema = known[item["apiVersion"], item["kind"]]
            jsonschema.Draft202012Validator(schema).validate({**item, "metadata": {}})


def test_the_schema_check_finds_a_misspelt_field(shared_data: Path) -> None:
    schema = schemas(shared_data / "data" / "crds")["serving.knative.dev/v1", "Service"]
    (service, *_) = services()
    service["spec"]["template"]["spec"]["containers"][0]["enviroment"] = []
    with pytest.raises(jsonschema.ValidationError, match="enviroment"):
        jsonschema.Draft202012Validator(schema).validate({**service, "metadata": {}})


def test_every_file_is_listed_in_its_kustomization_and_no_other_is() -> None:
    for folder in ROOMS:
        (listed,) = documents(folder / "kustomization.yaml")
        files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert {name for name in listed["resources"] if name.endswith(".yaml")} == files
    for folder in (KNATIVE / "components" / name for name in COMPONENTS):
        (listed,) = documents(folder / "kustomization.yaml")
        assert listed["kind"] == "Component"
        assert set(listed["resources"]) == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    (base,) = documents(KNATIVE / "base" / "kustomization.yaml")
    order = base["resources"]
    assert order[0] == "namespace.yaml"
    assert order.index("broker.yaml") < order.index("../triggers") < order.index("../sources")


def test_everything_namespaced_is_in_the_namespace() -> None:
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
    for item in everything():
        if item["kind"] not in cluster_wide:
            assert item["metadata"]["namespace"] == "tidings", item["metadata"]["name"]


def test_the_sources_may_read_the_kinds_they_name_and_never_secrets() -> None:
    sources: dict[str, set[tuple[str, str]]] = {}
    for source in of_kind("ApiServerSource"):
        named = {_granted(resource["apiVersion"], resource["kind"]) for resource in source["spec"]["resources"]}
        sources.setdefault(source["spec"]["serviceAccountName"], set()).update(named)
    assert len(sources) == 4, "one account for each need"
    for account, named in sources.items():
        assert named == rights(account), "no kind without its right, no right without its kind"
    assert of_kind("Secret") == []
    named_roles = {item["metadata"]["name"] for kind in ("Role", "RoleBinding") for item in of_kind(kind)}
    assert named_roles == {"tidings-remediate"}, "its switch, and no right to act (test_remediation.py)"


def test_watch_and_reconcile_may_read_the_kinds_that_are_watched_by_default_and_never_secrets() -> None:
    named = {_granted(kind.api_version, kind.name) for kind in map(parse_kind, DEFAULT_KINDS)}
    assert named == rights("tidings-watch"), "no kind without its right, no right without its kind"
    sources = [resource for source in of_kind("ApiServerSource") for resource in source["spec"]["resources"]]
    assert {f"{one['apiVersion']}/{one['kind']}" for one in sources} <= set(DEFAULT_KINDS), "what a source may lose"


def rights(name: str) -> set[tuple[str, str]]:
    """Return group and plural of what a service account may read, which is bound to the role of its name."""
    (role,) = [item for item in of_kind("ClusterRole") if item["metadata"]["name"] == name]
    (binding,) = [item for item in of_kind("ClusterRoleBinding") if item["metadata"]["name"] == name]
    assert [subject["name"] for subject in binding["subjects"]] == [binding["roleRef"]["name"]] == [name]
    granted = {(group, one) for rule in role["rules"] for group in rule["apiGroups"] for one in rule["resources"]}
    for rule in role["rules"]:
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert "*" not in rule["resources"] + rule["apiGroups"]
    assert not {one for _, one in granted} & {"secrets", "configmaps", "pods/exec", "serviceaccounts/token"}
    return granted


def _granted(api_version: str, kind: str) -> tuple[str, str]:
    return api_version.rpartition("/")[0], plural(kind)


def test_f59_the_sources_leave_our_own_namespace_out() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    cluster_wide = {
        "Node", "Namespace", "PersistentVolume", "ClusterRoleBinding", "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    }  # fmt: skip
    for source in of_kind("ApiServerSource"):
        spec = source["spec"]
        assert spec["mode"] == "Resource"
        assert spec["ceOverrides"]["extensions"].keys() == {"cluster"}
        kinds = {resource["kind"] for resource in spec["resources"]}
        if kinds <= cluster_wide:
            assert spec["namespaceSelector"] == {}
        else:
            assert not kinds & cluster_wide, "a namespaced watch of a cluster-wide kind finds nothing"
            (expression,) = spec["namespaceSelector"]["matchExpressions"]
            assert (expression["operator"], expression["values"]) == ("NotIn", ["tidings"])
    events = [
        resource["apiVersion"]
        for source in of_kind("ApiServerSource")
        for resource in source["spec"]["resources"]
        if resource["kind"] == "Event"
    ]
    assert events == ["v1"], "both Event APIs serve the same objects"


def test_f59_the_classifier_knows_the_namespace_that_is_its_own() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    topology = load_topology(KNATIVE)
    namespaces = {item["metadata"]["namespace"] for item in services()}
    assert {topology.services["classifier"].environment["OWN_NAMESPACE"]} == namespaces


def test_functions_have_no_token_no_public_route_and_the_strictest_security_context() -> None:
    (account,) = [item for item in of_kind("ServiceAccount") if item["metadata"]["name"] == "tidings-function"]
    assert account["automountServiceAccountToken"] is False
    assert len(services()) == len(FUNCTIONS) - len({"watch"}), "a source, no service"
    for service in services():
        assert service["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
        spec = service["spec"]["template"]["spec"]
        name = service["metadata"]["name"]
        assert spec["automountServiceAccountToken"] is (name in ASK_THE_API_SERVER)
        assert spec["serviceAccountName"] == ASK_THE_API_SERVER.get(name, "tidings-function")
        (container,) = spec["containers"]
        assert container["image"] == IMAGE, "an overlay sets registry and digest"
        assert container["securityContext"] == {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }, "and no fixed user"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/readiness"
        assert container["livenessProbe"]["httpGet"]["path"] == "/health/liveness"
        assert {"requests", "limits"} == container["resources"].keys()
        environment = {variable["name"]: variable.get("value") for variable in container["env"]}
        assert environment["AUTH"] == "none", "said in plain sight"
        assert environment["FUNCTION_TARGET"] == service["metadata"]["name"].replace("-", "_")
        assert not [name for name in environment if name.endswith(("PASSWORD", "TOKEN", "SECRET"))], "secrets are files"


@pytest.mark.parametrize("service", services(), ids=lambda service: service["metadata"]["name"])
def test_a_function_understands_the_settings_of_its_manifest(service: Manifest, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not-a-real-one", encoding="utf-8")
    # What the SinkBinding adds, and the kubelet.
    environment = {"K_SINK": "http://broker.example.com", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    destination = FUNCTIONS[service["metadata"]["name"].replace("-", "_")].destination
    example = destination.example if destination is not None else {}
    for variable in service["spec"]["template"]["spec"]["containers"][0]["env"]:
        name = variable["name"]
        from_secret = example.get(name, "name")
        environment[name] = str(tmp_path / "secret") if name.endswith("_FILE") else variable.get("value", from_secret)
    function = load(environment["FUNCTION_TARGET"], environment, Metrics())
    assert function.name == environment["FUNCTION_TARGET"]


def test_only_the_dispatcher_and_prometheus_reach_the_functions() -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in of_kind("NetworkPolicy")}
    functions = policies["tidings-functions"]
    assert functions["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] for rule in functions["ingress"])
    for service in services():
        labels = service["spec"]["template"]["metadata"]["labels"]
        assert functions["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_broker_gives_up_later_than_the_function_and_the_function_later_than_its_edge() -> None:
    topology = load_topology(KNATIVE)
    slowest = max(service["spec"]["template"]["spec"]["timeoutSeconds"] for service in services())
    assert 25 < slowest < min(trigger.delivery.timeout for trigger in topology.triggers)
    assert slowest < topology.delivery.timeout


def test_f35_every_delivery_names_a_dead_letter_sink_that_exists_and_is_no_function() -> None:
    """F35: DLS down: alert; doc says DLS must be durable; `dead_letter` never in the path.

    Kafka itself is the sink: it is down only where the Broker is. `tidings dead-letters` reads it there
    (tests/servers/test_dead_letters.py).
    """
    (sink,) = of_kind("KafkaSink")
    (broker,) = of_kind("Broker")
    assert not any("dead" in name for name in FUNCTIONS)
    page = (ROOT / "docs" / "bus.md").read_text(encoding="utf-8")
    assert f"--topic {sink['spec']['topic']}" in page
    assert "must be durable" in page
    spokes = [item for item in documents(SPOKES) if item["kind"] == "KafkaSource"]
    assert spokes
    for item in (broker, *of_kind("Trigger"), *spokes):
        reference = item["spec"]["delivery"]["deadLetterSink"]["ref"]
        assert (reference["kind"], reference["name"]) == ("KafkaSink", sink["metadata"]["name"])
        assert reference["apiVersion"] == sink["apiVersion"]


def test_sink_bindings_reach_the_namespace_also_where_they_reach_only_what_is_included() -> None:
    (namespace,) = of_kind("Namespace")
    assert {item["metadata"]["namespace"] for item in of_kind("SinkBinding")} == {namespace["metadata"]["name"]}
    assert namespace["metadata"]["labels"]["bindings.knative.dev/include"] == "true"


def test_the_embedded_broker_reads_them_all_without_a_problem_or_warning() -> None:
    topology = load_topology(KNATIVE, COMPONENTS)
    assert topology.problems == ()
    assert topology.warnings == ()
    assert {trigger.subscriber for trigger in topology.triggers} == set(topology.services) - {"intake"}, "it takes HTTP"
    assert {trigger.name for trigger in topology.triggers} == {item["metadata"]["name"] for item in of_kind("Trigger")}
    assert [(tick.every, tick.event.type) for tick in topology.ticks] == [(10.0, PING)]


def test_f56_ticket_functions_wait_for_hours() -> None:
    """F56: destination down for 4 hours (injected clock).

    held by the broker, all delivered afterwards without an operator, no duplicates, others unaffected.

    As shipped: the tries of each Trigger with a destination last longer than that.
    """
    for trigger in load_topology(KNATIVE, COMPONENTS).triggers:
        if trigger.name not in {"classifier", "reconcile"}:
            spec = trigger.delivery
            assert sum(spec.delay(attempt) for attempt in range(1, spec.retry + 1)) > 4 * 3600


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dev.knative.apiserver.resource.add", {"changes"}),
        ("dev.knative.apiserver.ref.add", {"classifier"}),
        ("dev.tidings.observed.v1", {"classifier"}),
        ("dev.tidings.unread.v1", {"classifier"}),
        ("dev.tidings.infrastructure.v1", {"correlator", "siem-forwarder"}),
        ("dev.tidings.security.v1", {"correlator", "siem-forwarder"}),
        ("dev.tidings.admission.v1", {"correlator", "siem-forwarder"}),
        ("dev.tidings.tick.v1", {"changes", "correlator", "reconcile"}),
        (PING, {"changes", "correlator", "reconcile"}),
        ("dev.tidings.listed.v1", set()),
        ("dev.tidings.problem.opened.v1", {"servicenow-incident"}),
        ("dev.tidings.problem.resolved.v1", {"servicenow-incident"}),
        ("dev.tidings.delivery.v1", set()),
    ],
)
def test_each_event_type_goes_where_architecture_says(kind: str, expected: set[str]) -> None:
    source = "/apis/v1/namespaces/tidings/pingsources/tidings-tick"
    item = CloudEvent(id="1", source=source, type=kind)
    triggers = load_topology(KNATIVE).triggers
    assert {trigger.subscriber for trigger in triggers if matches(trigger.selection, item)} == expected


def test_what_a_dialect_reads_as_a_cloudevent_goes_to_the_classifier() -> None:
    for kind in {kind for dialect in DIALECTS for kind in dialect.types}:
        test_each_event_type_goes_where_architecture_says(kind, {"classifier"})


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ({"kind": "Event"}, {"classifier"}),
        ({"kind": "Deployment"}, {"changes"}),
        ({"kind": ""}, {"changes"}),
        ({}, {"changes"}),
    ],
)
def test_an_object_goes_to_changes_and_an_event_to_the_classifier(
    extensions: dict[str, str], expected: set[str]
) -> None:
    item = CloudEvent(id="1", source="s", type="dev.knative.apiserver.resource.update", extensions=extensions)
    triggers = load_topology(KNATIVE).triggers
    assert {trigger.subscriber for trigger in triggers if matches(trigger.selection, item)} == expected
