"""The hooks of `components/remediation`: each as it is shipped with the function, with no right more than it takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.remediate.hook_file import load_hooks
from functions.remediate.rights import rights_of
from functions.remediate.verbs import Right
from tests.conftest import ROOT
from tests.support.kustomize import Manifest, of_kind
from tests.support.policies import ports

Render = Callable[..., list[Manifest]]
READY = ROOT / "functions" / "remediate" / "hooks"
FOLDERS = sorted(path.parent for path in (ROOT / "knative" / "components" / "remediation").glob("*/kustomization.yaml"))
NAMES = sorted(folder.name for folder in FOLDERS)


def said(path: Path) -> list[str]:
    """Return a file's lines but for the first, which leads an editor to the schema from where the file lies."""
    return path.read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_hook_is_the_one_that_comes_with_the_function(folder: Path) -> None:
    name = f"{folder.name}.yaml"
    assert said(folder / name) == said(READY / name)
    for file in (folder / name, READY / name):
        link = file.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")[2]
        assert (file.parent / link).resolve() == ROOT / "docs" / "schemas" / "hooks.json"
    (hook,) = load_hooks(folder / name)
    assert hook.name == folder.name
    assert not any(globs for globs in (hook.only.namespaces.globs if hook.only and hook.only.namespaces.texts else ()))


def test_every_ready_hook_has_its_rights() -> None:
    assert {path.stem for path in READY.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_hook_brings_no_right_more_than_it_takes(name: str, render: Render) -> None:
    items = render("remediate", f"remediation/{name}")
    mine = [item for item in items if item["metadata"]["name"] == f"tidings-remediate-{name}"]
    (role,) = [item for item in mine if item["kind"] in {"Role", "ClusterRole"}]
    (binding,) = [item for item in mine if item["kind"] == f"{role['kind']}Binding"]
    granted = {
        str(Right(verb, f"{what}.{group}" if group else what, role["metadata"].get("namespace", "")))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for what in rule["resources"]
        for verb in rule["verbs"]
    }
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "tidings-remediate", "namespace": "tidings"}]
    (hook,) = load_hooks(READY / f"{name}.yaml")
    assert granted == set(map(str, rights_of(hook)))
    assert hook.only is not None
    if role["kind"] == "Role":
        assert {role["metadata"]["namespace"]} == {binding["metadata"]["namespace"]} == hook.only.namespaces.texts


def test_all_hooks_together_are_in_the_one_folder_that_is_mounted(render: Render) -> None:
    items = render("remediate", *(f"remediation/{name}" for name in NAMES))
    (hooks,) = [item for item in of_kind(items, "ConfigMap") if item["metadata"]["name"] == "remediate-hooks"]
    assert set(hooks["data"]) == {f"{name}.yaml" for name in NAMES}


def test_without_hooks_it_may_do_nothing_but_look_at_its_switch(render: Render) -> None:
    items = render("remediate")
    (hooks,) = [item for item in of_kind(items, "ConfigMap") if item["metadata"]["name"] == "remediate-hooks"]
    assert hooks.get("data", {}) == {}
    bound = [
        item
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for item in of_kind(items, kind)
        if {"tidings-remediate"} & {one["name"] for one in item["subjects"]}
    ]
    assert [item["metadata"]["name"] for item in bound] == ["tidings-remediate"]
    (role,) = [item for item in of_kind(items, "Role") if item["metadata"]["name"] == "tidings-remediate"]
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["remediate-switch"], "verbs": ["get"]}
    ]


def test_it_reaches_the_api_server_and_the_store_and_nobody_else(render: Render) -> None:
    items = render("remediate")
    (service,) = [item for item in of_kind(items, "Service") if item["metadata"]["name"] == "remediate"]
    assert ports(items, service["spec"]["template"]["metadata"]["labels"]) == {53, 5353, 443, 6443, 4222, 8080, 8443}


def test_as_shipped_all_is_a_dry_run_and_the_switch_has_no_stop(render: Render) -> None:
    items = render("remediate")
    (service,) = [item for item in of_kind(items, "Service") if item["metadata"]["name"] == "remediate"]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    environment: dict[str, Any] = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["REMEDIATE"] == "dry-run"
    namespace, _, name = environment["REMEDIATE_SWITCH"].partition("/")
    (switch,) = [item for item in of_kind(items, "ConfigMap") if item["metadata"]["name"] == name]
    assert switch["metadata"]["namespace"] == namespace == environment["OWN_NAMESPACE"]
    assert switch["data"] == {"acts": "on"}
    page = yaml.safe_dump(switch)
    assert "stop" not in page, "an apply would take away what it has"
