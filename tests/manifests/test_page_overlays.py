"""Overlays that pages give, as the real kustomize renders them: what a reader changes in them arrives everywhere."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.kustomize import Manifest, kustomized, of_kind, one

KUSTOMIZE, TUTORIAL = ROOT / "docs" / "deploy" / "kustomize.md", ROOT / "docs" / "tutorial" / "4-tidings.md"
_FILE = re.compile(r"(?ms)cat > (knative/overlays/\S+) <<'END'\n(.*?)^END$")


def rendered(page: Path, folder: Path, overlay: str = "mine") -> list[Manifest]:
    """Write the files that a page writes, each over one of its name; the cluster is called `my-eu7`."""
    shutil.copytree(ROOT / "knative", folder / "knative")
    for name, text in _FILE.findall(page.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("prod-eu1", "my-eu7"))
    return kustomized(folder / "knative" / "overlays" / overlay)


def function(items: list[Manifest], name: str) -> Manifest:
    (found,) = [item for item in items if item["kind"] == "Service" and item["metadata"]["name"] == name]
    return dict(found["spec"]["template"]["spec"])


@pytest.mark.parametrize("page", [KUSTOMIZE, TUTORIAL], ids=lambda page: page.stem)
def test_the_clusters_name_is_the_same_everywhere(page: Path, tmp_path: Path) -> None:
    items = rendered(page, tmp_path)
    assert one(items, "ConfigMap", "tidings-installation")["data"]["cluster"] == "my-eu7"
    sources = of_kind(items, "ApiServerSource")
    assert {item["spec"]["ceOverrides"]["extensions"]["cluster"] for item in sources} == {"my-eu7"}
    assert "prod-eu1" not in yaml.safe_dump(items)


@pytest.mark.parametrize("page", [KUSTOMIZE, TUTORIAL], ids=lambda page: page.stem)
def test_nothing_wants_openshift_logging_and_all_that_keeps_state_speaks_tls(page: Path, tmp_path: Path) -> None:
    items = rendered(page, tmp_path)
    assert of_kind(items, "ClusterLogForwarder") == []
    assert not [item for item in items if item["metadata"]["name"] == "tidings-audit"]
    text = yaml.safe_dump(items)
    assert "tls://nats:4222" in text
    assert "nats://nats:4222" not in text


def test_files_of_your_own_are_mounted_beside_what_is_there(tmp_path: Path) -> None:
    without = rendered(KUSTOMIZE, tmp_path / "without")
    items = rendered(KUSTOMIZE, tmp_path / "with", "with-files")
    assert set(one(items, "ConfigMap", "rules")["data"]) == {"payments.yaml"}
    for name, setting, added in (
        ("classifier", "CLASSIFIER_RULES", "rules"),
        ("siem-forwarder", "SPLUNK_CA_FILE", "splunk-ca"),
    ):
        before, spec = function(without, name), function(items, name)
        (was,), (container,) = before["containers"], spec["containers"]
        assert container["image"] == was["image"], "it is the same container still"
        assert [*before.get("volumes", []), {"name": added, "configMap": {"name": added}}] == spec["volumes"]
        (mount,) = [each for each in container["volumeMounts"] if each not in was.get("volumeMounts", [])]
        (variable,) = [each for each in container["env"] if each not in was["env"]]
        assert variable["name"] == setting
        assert variable["value"].startswith(mount["mountPath"])
