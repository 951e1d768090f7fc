"""func.yaml, at the top and for each function: valid for func, and the same deployment as knative/base."""

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from shared.runtime.registry import FUNCTIONS
from tests.conftest import ROOT
from tests.support.builders import build_envs, pip_options
from tests.support.kustomize import kustomized

BASE = ROOT / "knative" / "base"
SERVED = [name for name in FUNCTIONS if name != "watch"]  # a source, no service: components/watch
EACH = {name: ROOT / "functions" / name / "func.yaml" for name in SERVED}
ALL = [ROOT / "func.yaml", *EACH.values()]


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def envs(function: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in function["run"]["envs"]}


def service(name: str) -> dict[str, Any]:
    """Return the Knative Service of that name, of knative/base or of a component of its own."""
    dashed = name.replace("_", "-")
    own = ROOT / "knative" / "components" / dashed / "service.yaml"
    path = own if own.is_file() else BASE / f"{dashed}.yaml"
    found = [item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item["kind"] == "Service"]
    (one,) = found
    return dict(one)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", ALL, ids=named)
def test_it_is_valid_for_func(path: Path, shared_data: Path) -> None:
    schema = json.loads((shared_data / "data" / "schemas" / "func_yaml-schema.json").read_text(encoding="utf-8"))
    # YAML reads the date as one; func reads it as text.
    instance = json.loads(json.dumps(read(path), default=lambda value: value.isoformat()))
    assert [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(instance)] == []


@pytest.mark.parametrize("path", ALL, ids=named)
def test_it_is_a_python_function_over_http_that_only_the_cluster_reaches(path: Path) -> None:
    function = read(path)
    assert function["created"], "without it func takes the folder for not initialised"
    assert (function["specVersion"], function["runtime"], function["invoke"]) == ("0.36.0", "python", "http")
    labels = {label["key"]: label["value"] for label in function["deploy"]["labels"]}
    assert labels["networking.knative.dev/visibility"] == "cluster-local", "else it gets a public route"
    assert "subscriptions" not in function["deploy"], "func makes exact-match Triggers once and never updates them"
    assert function["deploy"]["healthEndpoints"] == {
        "liveness": "/health/liveness",
        "readiness": "/health/readiness",
    }
    assert function["deploy"]["namespace"] == "tidings"


def test_the_top_builds_the_image_on_a_python_that_runs_it_from_the_versions_that_were_tested() -> None:
    function = read(ROOT / "func.yaml")
    assert function["name"] == "tidings"
    build = function["build"]
    assert build["builderImages"][build["builder"]].endswith("/python-311")
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == ">=3.11"
    assert build_envs().keys() == {"PIP_CONFIG_FILE", "BP_CPYTHON_VERSION", "BP_PIP_REQUIREMENT"}
    assert build_envs()["PIP_CONFIG_FILE"].startswith("/opt/app-root/src/"), "where the s2i assembler puts the checkout"
    assert build_envs()["BP_CPYTHON_VERSION"] == "3.11.*", "pack's own default may be older"
    told = pip_options(ROOT)
    assert told == ["-c", str(ROOT / "requirements/constraints.txt"), "-r", str(ROOT / "requirements/func.txt")]
    assert envs(function)["FUNCTION_TARGET"] in FUNCTIONS


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split()[0].split("==") for line in lines if line[:1].isalnum())


def test_the_constraints_are_the_locked_versions_without_hashes() -> None:
    text = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8")
    assert "--hash" not in text, "pip takes none in constraints"
    constraints = pins("constraints.txt")
    assert pins("runtime.txt").items() <= constraints.items()
    assert (
        pins("run.txt").items()
        >= {name: version for name, version in constraints.items() if name in pins("run.txt")}.items()
    )


def test_the_image_has_what_components_need_besides_the_functions() -> None:
    text = (ROOT / "requirements" / "func.txt").read_text(encoding="utf-8")
    assert "--hash" not in text, "pip would ask for one of the checkout, too"
    found = pins("func.txt")
    assert pins("runtime.txt").items() <= found.items() <= pins("constraints.txt").items()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for extra in ("cli", "oidc", "archive", "kafka", "rabbitmq"):
        names = {re.split(r"[\[<>=]", wanted)[0] for wanted in extras[extra]}
        assert names <= found.keys(), extra


@pytest.mark.parametrize("host", ["framework", "knfunc"])
def test_the_hosts_are_locked_on_the_versions_that_are_tested_elsewhere(host: str) -> None:
    locked = pins(f"{host}.txt")
    assert pins("runtime.txt").items() <= locked.items()
    text = (ROOT / "requirements" / f"{host}.txt").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(locked)
    assert "://" not in text, "no registry's address is written down"


def test_the_hosts_extras_are_declared_as_conflicting() -> None:
    conflicts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["conflicts"]
    assert {"framework", "knfunc"} in [{one["extra"] for one in group} for group in conflicts]
    assert pins("framework.txt")["cloudevents"] < "2" <= pins("knfunc.txt")["cloudevents"]


@pytest.mark.parametrize("name", SERVED)
def test_a_function_is_deployed_as_knative_base_does(name: str) -> None:
    function, spec = read(EACH[name]), service(name)["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert function["name"] == service(name)["metadata"]["name"]
    assert "build" not in function, "it deploys the image that the top builds"
    assert envs(function) == _environment(container)
    assert function["deploy"]["serviceAccountName"] == spec["serviceAccountName"]
    options = function["deploy"]["options"]
    assert options["resources"]["requests"] == container["resources"]["requests"]
    limits = {**container["resources"]["limits"], "concurrency": spec["containerConcurrency"]}
    assert options["resources"]["limits"] == limits
    annotations = service(name)["spec"]["template"]["metadata"]["annotations"]
    scale = {
        key.removeprefix("autoscaling.knative.dev/").removesuffix("-scale"): int(value)
        for key, value in annotations.items()
    }
    assert options["scale"] == scale
    assert scale["max"] >= max(1, scale.get("min", 0)), "bounded, whatever comes"


@pytest.mark.parametrize("name", SERVED)
def test_a_function_mounts_what_knative_base_mounts(name: str) -> None:
    spec = service(name)["spec"]["template"]["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0].get("volumeMounts", [])}
    expected = []
    for volume in spec.get("volumes", []):
        path = mounts[volume["name"]]
        if "secret" in volume:
            expected.append({"secret": volume["secret"]["secretName"], "path": path})
        elif "configMap" in volume:
            expected.append({"configMap": volume["configMap"]["name"], "path": path})
        else:
            claim = {"claimName": volume["persistentVolumeClaim"]["claimName"]}
            expected.append({"persistentVolumeClaim": claim, "path": path})
    assert read(EACH[name])["run"].get("volumes", []) == expected


def test_the_pages_overlay_has_all_that_functions_need_and_no_function(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "deploy" / "kn-func.md").read_text(encoding="utf-8")
    (overlay,) = re.findall(r"(?ms)<<'END'\n(.*?)^END$", page)
    shutil.copytree(ROOT / "knative", tmp_path / "knative")
    folder = tmp_path / "knative" / "overlays" / "mine"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(overlay)
    items = kustomized(folder)
    assert not [item for item in items if item["apiVersion"] == "serving.knative.dev/v1"]
    kinds = {item["kind"] for item in items}
    assert {"Broker", "Trigger", "SinkBinding", "StatefulSet", "Service", "ServiceAccount", "PingSource"} <= kinds


def _environment(container: dict[str, Any]) -> dict[str, str]:
    """Return a container's variables as func writes them: nothing is optional."""
    found: dict[str, str] = {}
    for one in container["env"]:
        if "value" in one:
            found[one["name"]] = one["value"]
            continue
        if "configMapKeyRef" in one["valueFrom"]:
            reference = one["valueFrom"]["configMapKeyRef"]
            found[one["name"]] = f"{{{{ configMap:{reference['name']}:{reference['key']} }}}}"
            continue
        reference = one["valueFrom"]["secretKeyRef"]
        if not reference.get("optional"):
            found[one["name"]] = f"{{{{ secret:{reference['name']}:{reference['key']} }}}}"
    return found
