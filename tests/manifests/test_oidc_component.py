"""The component `oidc`: with it each function asks for the Broker's token, made for that function."""

import copy
import shutil
from functools import reduce
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shared.runtime.auth.allowed import Allowances
from shared.runtime.auth.gate import new_gate
from shared.runtime.registry import FUNCTIONS, load
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.manifests.test_knative_manifests import documents, schemas
from tests.support.kustomize import Manifest, kustomized, overlaid

COMPONENT = ROOT / "knative" / "components" / "oidc"
DASHED = [name.replace("_", "-") for name, one in FUNCTIONS.items() if one.optional]
BASE = [
    item
    for folder in ("base", "sources", "triggers")
    for path in sorted((ROOT / "knative" / folder).glob("*.yaml"))
    if path.name != "kustomization.yaml"
    for item in documents(path)
]
WITH = reduce(overlaid, [*(COMPONENT.parent / name for name in DASHED), COMPONENT], BASE)
OWN = "quay.io/mine/tidings@sha256:" + "1" * 64
ADDRESSES = {"URL": "https://example.com", "INSTANCE": "https://example.com", "ADDRESS": "tls://example.com:6514"}


def of_kind(kind: str, group: str = "") -> list[Manifest]:
    return [item for item in WITH if item["kind"] == kind and item["apiVersion"].startswith(group)]


def services() -> list[Manifest]:
    """Return the functions that a Trigger calls: others are called by who has no token of the Broker's."""
    called = {trigger["spec"]["subscriber"]["ref"]["name"] for trigger in of_kind("Trigger")}
    return [item for item in of_kind("Service", "serving.knative.dev/") if item["metadata"]["name"] in called]


def environment(service: Manifest) -> dict[str, Any]:
    (container,) = service["spec"]["template"]["spec"]["containers"]
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names))
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def test_every_function_asks_for_tokens_of_its_own() -> None:
    audiences = set()
    for service in services():
        found = environment(service)
        assert found["AUTH"] == "oidc"
        audiences.add(found["AUTH_OIDC_AUDIENCE"])
        assert found["AUTH_OIDC_AUDIENCE"] == f"tidings/{service['metadata']['name']}"
    assert len(audiences) == len(services()) >= 4


def test_every_trigger_sends_the_token_that_its_function_asks_for() -> None:
    names = {service["metadata"]["name"]: environment(service)["AUTH_OIDC_AUDIENCE"] for service in services()}
    assert len(of_kind("Trigger")) >= 4
    for trigger in of_kind("Trigger"):
        subscriber = trigger["spec"]["subscriber"]
        assert subscriber["audience"] == names[subscriber["ref"]["name"]]


def test_the_triggers_accounts_may_send_and_others_may_not() -> None:
    """Knative names a Trigger's account after it: reference/knative.md §6."""
    for service in services():
        allowed = Allowances.parse(environment(service)["AUTH_ALLOW"])
        for trigger in of_kind("Trigger"):
            account = f"{trigger['metadata']['name']}-oidc-eventing.knative.dev-trigger"
            assert allowed.of(f"system:serviceaccount:tidings:{account}", "/") is not None
            assert allowed.of(f"system:serviceaccount:shop:{account}", "/") is None
        assert allowed.of("system:serviceaccount:tidings:tidings-function", "/") is None


@pytest.mark.parametrize("service", services(), ids=lambda service: service["metadata"]["name"])
def test_a_function_understands_the_settings_with_the_component(service: Manifest, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not-a-real-one")
    settings = {}
    for name, value in environment(service).items():
        if name.endswith("_FILE"):
            settings[name] = str(tmp_path / "secret")
        else:
            settings[name] = value or ADDRESSES.get(name.rpartition("_")[2], "name")
    assert new_gate(settings, Metrics(), service["metadata"]["name"]) is not None
    added = {"K_SINK": "http://x", "KUBERNETES_SERVICE_HOST": "10.96.0.1"}  # by a SinkBinding, and by the kubelet
    assert load(settings["FUNCTION_TARGET"], {**settings, **added}, Metrics()) is not None


def test_the_files_that_the_settings_name_are_mounted_and_the_account_itself_is_not() -> None:
    for service in services():
        spec = service["spec"]["template"]["spec"]
        asks = service["spec"]["template"]["metadata"]["labels"].get("tidings.dev/asks") == "api-server"
        assert spec["automountServiceAccountToken"] is asks, "only who asks the API server has its account's token"
        (container,) = spec["containers"]
        (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "issuer"]
        (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "issuer"]
        token, ca = volume["projected"]["sources"]
        files = [token["serviceAccountToken"]["path"], ca["configMap"]["items"][0]["path"]]
        found = environment(service)
        named = [found["AUTH_OIDC_TOKEN_FILE"], found["AUTH_OIDC_CA_FILE"]]
        assert named == [f"{mount['mountPath']}/{name}" for name in files]
        assert mount["readOnly"] is True


def test_the_functions_reach_the_api_server() -> None:
    (policy,) = [item for item in of_kind("NetworkPolicy") if item["metadata"]["name"] == "tidings-issuer"]
    assert policy["spec"]["policyTypes"] == ["Egress"]
    assert [port["port"] for port in policy["spec"]["egress"][0]["ports"]] == [443, 6443]


def test_the_component_lists_its_files() -> None:
    (listed,) = documents(COMPONENT / "kustomization.yaml")
    assert set(listed["resources"]) == {path.name for path in COMPONENT.glob("*.yaml")} - {"kustomization.yaml"}


@pytest.mark.parametrize("kind", ["Service", "Trigger", "EventPolicy"])
def test_what_the_component_makes_is_valid_for_its_crd(kind: str, shared_data: Path) -> None:
    known = schemas(shared_data / "data" / "crds")
    for item in (one for one in of_kind(kind) if "." in one["apiVersion"]):
        validator = jsonschema.Draft202012Validator(known[item["apiVersion"], item["kind"]])
        validator.validate({**item, "metadata": {}})


KINDS = {"Service", "Trigger", "EventPolicy", "NetworkPolicy"}


def test_kustomize_renders_the_same(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "knative", tmp_path / "knative")
    components = [f"../knative/components/{name}" for name in (*DASHED, "oidc")]
    image = {"name": "registry.example.com/tidings", "newName": "quay.io/mine/tidings", "digest": "sha256:" + "1" * 64}
    overlay = {"resources": ["../knative/base"], "components": components, "images": [image]}
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    rendered = {(item["kind"], item["metadata"]["name"]): item for item in kustomized(tmp_path / "overlay")}
    for item in copy.deepcopy([item for item in WITH if item["kind"] in KINDS]):
        found = rendered[item["kind"], item["metadata"]["name"]]["spec"]
        for spec in (found, item["spec"]):
            for container in spec.get("template", {}).get("spec", {}).get("containers", []):
                container.pop("image")
        assert found == item["spec"]
