"""Components that bring a producer along: pinned, strict, with few rights, and configured as docs/sources says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.kustomize import Manifest, kustomized, rendered

DOCS = ROOT / "docs" / "sources"
WORKING = ["botkube", "event-exporter", "falco", "fluent-bit", "kubewatch"]
WATCHING = ["kyverno", "reference-mode", "virtualization"]
READING = {"get", "list", "watch"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    return {key(item) for item in rendered(tmp_path_factory.mktemp("base"))}


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory, base: set[tuple[str, str]]) -> dict[str, list[Manifest]]:
    """Return what each component adds to the base."""
    folder = tmp_path_factory.mktemp("components")
    found = {}
    for name in (*WORKING, *WATCHING):
        items = rendered(folder, components=[name, "installation"])
        found[name] = [item for item in items if key(item) not in base]
    return found


def key(item: Manifest) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def of_kind(items: list[Manifest], kind: str) -> list[Manifest]:
    return [item for item in items if item["kind"] == kind]


def one(items: list[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(items, kind)
    return found


@pytest.mark.parametrize("name", WORKING)
def test_a_producer_runs_a_pinned_image_as_strictly_as_a_function(name: str, added: dict[str, list[Manifest]]) -> None:
    spec = one(added[name], "Deployment")["spec"]
    template = spec["template"]
    assert template["metadata"]["labels"]["tidings.dev/role"] == "producer", "network-policy.yaml lets it post"
    assert "app.kubernetes.io/part-of" not in template["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    assert re.fullmatch(r"[\w.-]+(/[\w.-]+)+:v?\d+\.\d+(\.\d+)?", container["image"]), "a release, never latest"
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {"requests", "limits"} == container["resources"].keys()
    if spec["replicas"] == 1:
        assert spec["strategy"] == {"type": "Recreate"}, "two at a time would tell everything twice"


@pytest.mark.parametrize("name", [*WORKING, *WATCHING])
def test_an_account_reads_named_kinds_and_no_secrets(name: str, added: dict[str, list[Manifest]]) -> None:
    items = added[name]
    (account,) = [item["metadata"]["name"] for item in of_kind(items, "ServiceAccount")]
    users = [item["spec"]["template"]["spec"] for item in of_kind(items, "Deployment")]
    users += [item["spec"] for item in of_kind(items, "ApiServerSource")]
    assert {user["serviceAccountName"] for user in users} == {account}
    roles = {item["metadata"]["name"]: item["rules"] for item in of_kind(items, "ClusterRole")}
    for binding in of_kind(items, "ClusterRoleBinding"):
        assert [subject["name"] for subject in binding["subjects"]] == [binding["roleRef"]["name"]]
    for rule in (rule for rules in roles.values() for rule in rules):
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert rule["verbs"] == ["impersonate"] or set(rule["verbs"]) <= READING
        assert rule["verbs"] != ["impersonate"] or rule["resourceNames"], "nobody may act as anybody"
        assert name == "reference-mode" or not {"secrets", "configmaps"} & set(rule["resources"])
    assert of_kind(items, "Secret") == of_kind(items, "Role") == []
    if not roles:
        assert users[0]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", WATCHING)
def test_f59_a_source_names_the_cluster_and_leaves_our_namespace_out(
    name: str, added: dict[str, list[Manifest]]
) -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    for source in of_kind(added[name], "ApiServerSource"):
        spec = source["spec"]
        assert spec["ceOverrides"]["extensions"] == {"cluster": "my-cluster"}
        assert spec["mode"] == ("Reference" if name == "reference-mode" else "Resource")
        cluster_wide = all(one["kind"].startswith("Cluster") for one in spec["resources"])
        if not cluster_wide:
            (expression,) = spec["namespaceSelector"]["matchExpressions"]
            assert (expression["operator"], expression["values"]) == ("NotIn", ["tidings"])


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of a configuration by its place; addresses without host, secret and cluster."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}")
    elif isinstance(value, list):
        for child in value:
            yield from leaves(child, f"{path}[]")
    else:
        text = str(value)
        yield path, re.sub(r"^https?://[\w.]+(/\w+).*$", r"\1", text)


def configured(items: list[Manifest]) -> str:
    (text,) = one(items, "ConfigMap")["data"].values()
    return str(text)


@pytest.mark.parametrize(
    ("name", "page", "block", "elsewhere"),
    [
        ("botkube", "botkube", 0, {".settings.clusterName"}),
        ("event-exporter", "kubernetes-event-exporter", 0, {".clusterName"}),
        ("kubewatch", "kubewatch", 0, set[str]()),
    ],
)
def test_a_producer_is_configured_as_its_page_says(
    name: str, page: str, block: int, elsewhere: set[str], added: dict[str, list[Manifest]]
) -> None:
    """What names the cluster stands elsewhere: `intake` knows the one that it is in."""
    said = set(leaves(yaml.safe_load(blocks(page, "yaml")[block])))
    there = set(leaves(yaml.safe_load(configured(added[name]))))
    assert {item for item in said if item[0] not in elsewhere} <= there


def test_fluent_bit_is_configured_as_its_page_says(added: dict[str, list[Manifest]]) -> None:
    def lines(text: str) -> list[tuple[str, ...]]:
        return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]

    (page,) = blocks("fluent-bit", "ini")
    here = {("host", "intake.tidings.svc.cluster.local"), ("port", "80"), ("tls", "off"), ("uri", "/logs")}
    there = {("host", "tidings.example"), ("port", "443"), ("tls", "on"), ("uri", "/logs?cluster=prod-eu1")}
    token = {("header", "Authorization Bearer TOKEN")}
    assert set(lines(configured(added["fluent-bit"]))) - here == set(lines(page)) - there - token
    assert all(len(line) == 2 for line in lines(page) if not line[0].startswith("[")), "Fluent Bit refuses a bare key"


def test_falcosidekick_is_configured_as_its_page_says(added: dict[str, list[Manifest]]) -> None:
    """Its variables are the places of its file in capitals (falcosidekick:config.go)."""
    page = yaml.safe_load(blocks("falco", "yaml")[0])
    (container,) = one(added["falco"], "Deployment")["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert dict(leaves({"address": variables["WEBHOOK_ADDRESS"]})) == {
        ".address": dict(leaves(page["webhook"]))[".address"]
    }
    assert variables["CUSTOMFIELDS"] == "cluster:$(CLUSTER)"
    assert list(page["customfields"]) == ["cluster"]


def test_gatekeeper_gets_the_flags_of_its_page(tmp_path: Path) -> None:
    def deployment(name: str) -> Manifest:
        template = {"spec": {"containers": [{"name": "manager", "args": ["--logtostderr"]}]}}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"template": template},
        }

    flags = yaml.safe_load(blocks("gatekeeper", "yaml")[0])["args"]
    names = {"gatekeeper-controller-manager": flags[0], "gatekeeper-audit": flags[1]}
    (tmp_path / "gatekeeper.yaml").write_text(yaml.safe_dump_all(map(deployment, names)))
    component = ROOT / "knative" / "components" / "gatekeeper"
    (tmp_path / "component").mkdir()
    (tmp_path / "component" / "kustomization.yaml").write_text((component / "kustomization.yaml").read_text())
    (tmp_path / "kustomization.yaml").write_text("{resources: [gatekeeper.yaml], components: [component]}")
    for item in kustomized(tmp_path):
        (container,) = item["spec"]["template"]["spec"]["containers"]
        assert container["args"] == ["--logtostderr", names[item["metadata"]["name"]]]
