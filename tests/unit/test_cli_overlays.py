"""`tidings validate` of overlays: what is said of a Trigger that a component behind it replaces is lost, and told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.overlays import lost

NARROWER = "- {op: add, path: /spec/filters/-, value: {exact: {cluster: prod}}}"
TARGET = "target: {group: eventing.knative.dev, kind: Trigger, name: %s}"
STRATEGIC = """apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: siem-forwarder, namespace: tidings}
"""

Overlay = Callable[..., Path]


@pytest.fixture
def overlay(tmp_path: Path, root: Path) -> Overlay:
    """Return what writes an overlay, and what it makes for OpenShift 4.12, of which it gives the kustomization."""
    shutil.copytree(root / "knative", tmp_path / "knative")

    def written(patches: str = "", *, before: str = "", behind: str = "", after: str = "", file: str = "") -> Path:
        mine, old = (tmp_path / "knative" / "overlays" / name for name in ("mine", "mine-4.12"))
        for folder in (mine, old):
            folder.mkdir()
        listed = f"resources: [../production]\ncomponents: [{before}]\npatches: [{patches}]\n"
        (mine / "kustomization.yaml").write_text(listed)
        (mine / "patch.yaml").write_text(file or STRATEGIC)
        components = ", ".join(["../../components/openshift-4.12", *([behind] if behind else [])])
        listed = f"resources:\n- ../mine\ncomponents: [{components}]\npatches: [{after}]\n"
        (old / "kustomization.yaml").write_text(listed)
        return old / "kustomization.yaml"

    return written


def patch(name: str, text: str = NARROWER) -> str:
    return f"{{{TARGET % name}, patch: '{text}'}}"


@pytest.mark.parametrize(
    ("patches", "file", "names"),
    [
        (patch("servicenow-incident"), "", "`servicenow-incident`"),
        (patch('"servicenow.*|siem-forwarder"'), "", "`servicenow-incident`, `siem-forwarder`"),
        ("{path: patch.yaml}", f"{STRATEGIC}spec: {{filters: []}}\n", "`siem-forwarder`"),
        ("{path: patch.yaml}", STRATEGIC.replace("}", ", labels: {tidings.dev/team: shop}}"), "`siem-forwarder`"),
    ],
)
def test_what_is_changed_of_a_trigger_that_is_replaced_is_told(
    overlay: Overlay, patches: str, file: str, names: str
) -> None:
    (warning,) = lost(overlay(patches, file=file))
    assert warning.line == 3
    assert warning.message == f"what mine/kustomization.yaml changes of {names} is lost: openshift-4.12 brings others"


@pytest.mark.parametrize(
    ("patches", "file"),
    [
        ("", ""),
        (patch("webhook"), ""),
        (patch("siem-forwarder", "- {op: replace, path: /spec/delivery/retry, value: 9}"), ""),
        ("{path: patch.yaml}", f"{STRATEGIC}spec: {{delivery: {{retry: 9}}}}\n"),
        ("{target: {kind: Service, name: siem-forwarder}, path: patch.yaml}", f"{STRATEGIC}spec: {{filters: []}}\n"),
        ("{path: nowhere.yaml}", ""),
        ("{target: {kind: Trigger}, patch: '- {op: add, path: /metadata/labels/team, value: shop}'}", ""),
        (f"{{target: {{kind: Trigger, labelSelector: a=b}}, patch: '{NARROWER}'}}", ""),
        (patch('"("'), ""),
    ],
)
def test_what_remains_and_what_is_of_others_is_not(overlay: Overlay, patches: str, file: str) -> None:
    assert lost(overlay(patches, file=file)) == []


def test_a_patch_of_all_triggers_is_lost_for_those_that_are_replaced(overlay: Overlay) -> None:
    (warning,) = lost(overlay(f"{{target: {{kind: Trigger}}, patch: '{NARROWER}'}}"))
    assert "`servicenow-incident`, `siem-forwarder` is lost" in warning.message


@pytest.mark.parametrize("name", [r"\0", "a" * 5000])
@pytest.mark.parametrize("field", ["resources", "components"])
def test_what_no_path_can_be_is_kustomize_s_to_refuse(overlay: Overlay, field: str, name: str) -> None:
    path = overlay(patch("servicenow-incident"))
    below = path.parent.parent / "mine" / "kustomization.yaml"
    below.write_text(below.read_text().replace(f"{field}: [", f'{field}: ["{name}", '))
    assert len(lost(path)) == 1


def test_a_patch_behind_the_component_is_for_what_it_brings(overlay: Overlay) -> None:
    (warning,) = lost(overlay(after=f"{patch('correlator')}, {patch('servicenow-incident-.*')}, {patch('siem.*')}"))
    assert warning.message.startswith("what mine-4.12/kustomization.yaml changes of `correlator` is lost")


@pytest.mark.parametrize(("behind", "told"), [("", 1), ("../../components/openshift-4.12/servicenow-security", 0)])
def test_a_component_with_a_part_of_its_own_behind_it_loses_nothing(overlay: Overlay, behind: str, told: int) -> None:
    assert len(lost(overlay(before="../../components/servicenow-security", behind=behind))) == told


def test_validate_says_it_of_the_overlays_folder_as_a_warning(overlay: Overlay) -> None:
    folder = overlay(patch("servicenow-incident")).parent
    ended = CliRunner().invoke(app, ["validate", str(folder)])
    assert ended.exit_code == 0
    assert f"{folder}/kustomization.yaml:3" in ended.output
    assert "is lost: openshift-4.12 brings others" in ended.output
