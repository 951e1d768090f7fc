"""What `validate`, `triggers` and `doctor` make of overlays, their patches, and of what kustomize renders."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.checked import check
from shared.local.broker.loader import load_topology
from tests.conftest import ROOT
from tests.support.kustomize import kustomized, rendered
from tests.support.pages import blocks, run_page

PAGE = ROOT / "docs" / "tutorial" / "4-tidings.md"
ZEROS = f"@sha256:{'0' * 64}"
DELETE = """\
$patch: delete
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: servicenow-incident, namespace: tidings}
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout in which a reader made the tutorial's overlay."""
    folder = tmp_path_factory.mktemp("tutorial")
    assert run_page([block for block in blocks(PAGE) if block.runs], folder) == []
    return folder / "checkout"


def write(file: Path, manifests: list[dict[str, object]]) -> Path:
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return file


def pinned(manifests: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return manifests with a digest that an image may have."""
    found: list[dict[str, object]] = json.loads(json.dumps(manifests).replace(ZEROS, f"@sha256:{'1' * 64}"))
    return found


def test_the_overlay_of_the_tutorial_and_what_it_becomes_are_fine(checkout: Path) -> None:
    found = check([checkout / "knative", checkout / "rendered.yaml"])
    assert (found.problems, found.warnings) == ([], [])
    told = CliRunner().invoke(app, ["doctor", "--knative", str(checkout / "knative"), "-o", "json"])
    assert [row["state"] for row in json.loads(told.stdout) if row["system"] == "manifests"] == ["good"]


def test_triggers_of_a_rendering_are_those_that_the_overlay_leaves(checkout: Path) -> None:
    ended = CliRunner().invoke(app, ["triggers", str(checkout / "rendered.yaml"), "-o", "json"])
    assert ended.exit_code == 0, ended.output
    names = {one["name"] for one in json.loads(ended.stdout)["triggers"]}
    assert "classifier" in names
    assert "servicenow-incident" not in names


def test_a_rendering_is_checked_without_what_lies_beside_it(checkout: Path, tmp_path: Path) -> None:
    one, two = (shutil.copy(checkout / "rendered.yaml", tmp_path / name) for name in ("one.yaml", "two.yaml"))
    (tmp_path / "other.yaml").write_text(DELETE.replace("$patch: delete\n", "") + "spec: {brokr: x}\n")
    assert check([one, two]).problems == []
    assert {Path(problem.file).name for problem in check([tmp_path]).problems} == {"other.yaml"}


def test_a_patch_is_no_manifest_wherever_it_lies(tmp_path: Path) -> None:
    for folder in ("base", "triggers"):
        shutil.copytree(ROOT / "knative" / folder, tmp_path / "knative" / folder)
    triggers = tmp_path / "knative" / "triggers"
    (triggers / "out.yaml").write_text(DELETE, encoding="utf-8")
    (triggers / "patches").mkdir()
    (triggers / "patches" / "scale.yaml").write_text("- {op: remove, path: /spec/filters/0}\n", encoding="utf-8")
    (triggers / "changed.yaml").write_text(DELETE.replace("$patch: delete\n", "") + "spec: {filters: []}\n")
    patches = "patches:\n- path: changed.yaml\n- path: patches/scale.yaml\n  target: {kind: Trigger}\n"
    with (triggers / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write(patches)
    found = check([tmp_path / "knative"])
    assert found.problems == []
    (warning,) = found.warnings
    assert (Path(warning.file).name, warning.suggestion) == ("out.yaml", "add `- path: out.yaml` to its `patches`")
    assert load_topology(tmp_path / "knative").problems == ()


def test_a_patch_is_still_held_against_the_settings_and_must_be_yaml(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("patches: [{path: env.yaml}, {path: broken.yaml}]\n")
    (tmp_path / "env.yaml").write_text(
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: siem-forwarder}\n"
        "spec: {template: {spec: {containers: [{env: [{name: SPLUNK_HEC_ULR, value: x}]}]}}}\n"
    )
    (tmp_path / "broken.yaml").write_text("apiVersion: v1\nkind: [\n")
    told = {Path(problem.file).name: problem.message for problem in check([tmp_path]).problems}
    assert told.pop("broken.yaml").startswith("not valid YAML")
    assert told == {"env.yaml": "SPLUNK_HEC_ULR is not a setting"}


def test_an_image_that_no_overlay_set_is_told_in_what_was_rendered_and_not_in_the_base(tmp_path: Path) -> None:
    file = write(tmp_path / "rendered.yaml", rendered(tmp_path))
    tidings, nats = sorted(check([file]).problems, key=lambda problem: "nats" in problem.message)
    assert tidings.message.startswith("registry.example.com/tidings has a digest of zeros")
    assert ZEROS in file.read_text(encoding="utf-8").splitlines()[tidings.line - 1]
    assert "1 place" in nats.message
    assert "images" in nats.suggestion
    assert check([tmp_path / "knative"]).problems == [], "a kustomization may still set them"
    part = tmp_path / "deploy" / "parts" / "nats.yaml"
    part.parent.mkdir(parents=True)
    shutil.copy(ROOT / "knative" / "base" / "nats.yaml", part)
    assert len(check([part]).problems) == 1
    (tmp_path / "deploy" / "kustomization.yaml").write_text("resources: [parts/nats.yaml]\n", encoding="utf-8")
    assert check([part]).problems == [], "one above may, too"


def test_a_function_that_speaks_plain_to_what_others_speak_tls_to_is_warned_of(tmp_path: Path) -> None:
    both = write(tmp_path / "both.yaml", pinned(rendered(tmp_path, components=["nats-tls", "webhook"])))
    found = check([both])
    (warning,) = found.warnings
    assert found.problems == []
    assert warning.message.startswith("STORE_URL leads to nats:4222 by nats://, where 4 others here speak tls://")
    assert "nats://nats:4222" in both.read_text(encoding="utf-8").splitlines()[warning.line - 1]
    one_way = write(tmp_path / "one.yaml", pinned(rendered(tmp_path, components=["webhook", "nats-tls"])))
    assert [entry for entry in check([one_way]).warnings if "nats://" in entry.message] == []


def test_a_server_elsewhere_may_be_spoken_to_otherwise(tmp_path: Path) -> None:
    manifests = pinned(kustomized(ROOT / "knative" / "base"))
    text = yaml.safe_dump_all(manifests)
    file = tmp_path / "rendered.yaml"
    file.write_text(text.replace("nats://nats:4222", "tls://elsewhere:4222", 1), encoding="utf-8")
    assert check([file]).warnings == []
