"""The component that lets `watch` take the sources' place: a Pod as strict as every function, and settings it knows."""

from pathlib import Path
from typing import Any

import yaml

from shared.cluster.kinds import DEFAULT_KINDS
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT

FOLDER = ROOT / "knative" / "components" / "watch"


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pod() -> dict[str, Any]:
    (source,) = [item for item in documents(FOLDER / "source.yaml") if item["kind"] == "ContainerSource"]
    return dict(source["spec"]["template"])


def test_it_takes_the_place_of_all_sources_of_the_base() -> None:
    (component,) = documents(FOLDER / "kustomization.yaml")
    assert component["kind"] == "Component"
    (patch,) = component["patches"]
    assert yaml.safe_load(patch["patch"])["$patch"] == "delete"
    sources = [
        item
        for path in (ROOT / "knative" / "base").glob("*.yaml")
        for item in documents(path)
        if item and item["kind"] == patch["target"]["kind"]
    ]
    assert {item["metadata"]["name"] for item in sources} == set(patch["target"]["name"].split("|"))
    named = {f"{one['apiVersion']}/{one['kind']}" for item in sources for one in item["spec"]["resources"]}
    assert named <= set(DEFAULT_KINDS), "nothing that they sent is missing then"


def test_its_pod_is_as_strict_as_every_function() -> None:
    spec = pod()["spec"]
    assert spec["serviceAccountName"] == "tidings-watch"
    (container,) = spec["containers"]
    (classifier,) = [
        item for item in documents(ROOT / "knative" / "base" / "classifier.yaml") if item["kind"] == "Service"
    ]
    (other,) = classifier["spec"]["template"]["spec"]["containers"]
    assert container["securityContext"] == other["securityContext"]
    assert {"requests", "limits"} == container["resources"].keys()
    assert container["readinessProbe"]["httpGet"] == {"path": "/health/readiness", "port": 8080}
    assert pod()["metadata"]["labels"]["tidings.dev/asks"] == "api-server", "network-policy.yaml lets it ask"


def test_it_understands_the_settings_of_its_manifest() -> None:
    environment = {"K_SINK": "http://broker.example.com", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    (container,) = pod()["spec"]["containers"]
    environment |= {variable["name"]: variable.get("value", "name") for variable in container["env"]}
    assert load(environment["FUNCTION_TARGET"], environment, Metrics()).name == "watch"
