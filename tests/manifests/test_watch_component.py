"""The component that lets `watch` take the sources' place: a Pod as strict as every function, and settings it knows."""

import re
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
    folders = (ROOT / "knative" / "sources", FOLDER.parent / "virtualization")
    items = [item for folder in folders for path in folder.glob("*.yaml") for item in documents(path)]
    for patch in component["patches"]:
        assert yaml.safe_load(patch["patch"])["$patch"] == "delete"
        kinds = [item for item in items if re.fullmatch(patch["target"]["kind"], item["kind"])]
        assert all(re.fullmatch(patch["target"]["name"], item["metadata"]["name"]) for item in kinds)
    sources = [item for item in items if item["kind"] == "ApiServerSource"]
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
