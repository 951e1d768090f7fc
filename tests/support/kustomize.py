"""Components of kustomize laid over manifests: by us (JSON patches of RFC 6902, and resources), and by the real one."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT, could_not_run

Manifest = dict[str, Any]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""CRDs and whole overlays are long."""
KNATIVE = ROOT / "knative"
OVERLAYS = sorted(path.parent.name for path in KNATIVE.glob("overlays/*/kustomization.yaml"))
_ALONE = {"gatekeeper", "installation", "multi-cluster-spoke"}
_NAMES = [
    path.parent.relative_to(KNATIVE / "components").as_posix()
    for folders in ("*", "remediation/*", "openshift-4.12/*")
    for path in sorted(KNATIVE.glob(f"components/{folders}/kustomization.yaml"))
]
_NEEDED = {
    "multi-cluster-hub": ["amq-streams"],
    "splunk-cronjob": ["archive"],
    **{name: ["remediate"] for name in _NAMES if name.startswith("remediation/")},
    "openshift-4.12/servicenow-security": ["servicenow-security", "openshift-4.12"],
}
COMPONENTS = {name: (*_NEEDED.get(name, ()), name) for name in _NAMES if name not in _ALONE}
"""Each component that is laid over the base, and what else it needs there, in order.

Gatekeeper's changes somebody else's Deployments; a spoke has no base: its overlay is looked at.
"""
WAYS = ("base", *COMPONENTS, *(f"overlays/{name}" for name in OVERLAYS))
"""All ways to run it."""


def overlaid(manifests: list[Manifest], component: Path) -> list[Manifest]:
    """Return the manifests with a component's patches and resources, as `kubectl kustomize` renders them."""
    written = yaml.safe_load((component / "kustomization.yaml").read_text(encoding="utf-8"))
    found = copy.deepcopy(manifests)
    for patch in written.get("patches", ()):
        targets = [item for item in found if _is_target(item, patch["target"])]
        assert targets, f"nothing to patch: {patch['target']}"
        for item in targets:
            for step in yaml.safe_load(patch["patch"]):
                _apply(item, step)
    for name in written.get("resources", ()):
        found += list(yaml.safe_load_all((component / name).read_text(encoding="utf-8")))
    return found


def _is_target(item: Manifest, target: dict[str, str]) -> bool:
    group = item["apiVersion"].rpartition("/")[0]
    named = re.fullmatch(target.get("name", ".*"), item["metadata"]["name"])
    return bool(target.get("group", group) == group and re.fullmatch(target["kind"], item["kind"]) and named)


def _apply(item: Any, step: dict[str, Any]) -> None:
    *path, last = step["path"].removeprefix("/").split("/")
    for key in path:
        item = item[int(key)] if isinstance(item, list) else item[key]
    place: Any = int(last) if isinstance(item, list) and last != "-" else last
    if step["op"] == "test":
        assert item[place] == step["value"], step
    elif step["op"] == "replace":
        item[place]
        item[place] = step["value"]
    elif place == "-":
        item.append(step["value"])
    else:
        assert place not in item, f"it would be lost: {step}"
        item[place] = step["value"]


def ways(folder: Path) -> dict[str, list[Manifest]]:
    """Return what the real kustomize makes of each of WAYS."""
    found = {"base": rendered(folder)}
    found |= {name: rendered(folder, components=needed) for name, needed in COMPONENTS.items()}
    return found | {f"overlays/{name}": kustomized(KNATIVE / "overlays" / name) for name in OVERLAYS}


def rendered(folder: Path, *, components: Sequence[str] = (), resources: Sequence[str] = ("base",)) -> list[Manifest]:
    """Return what the real kustomize makes of an overlay of `knative`, copied to `folder`."""
    if not (folder / "knative").exists():
        shutil.copytree(ROOT / "knative", folder / "knative")
    overlay = folder / "knative" / "overlays" / "of-this-test"
    overlay.mkdir(parents=True, exist_ok=True)
    written = {
        "resources": [f"../../{name}" for name in resources],
        "components": [f"../../components/{name}" for name in components],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return kustomized(overlay)


def kustomized(folder: Path) -> list[Manifest]:
    """Return what the real kustomize makes of a folder."""
    ended = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return list(yaml.load_all(ended.stdout, Loader=LOADER))


def kubectl() -> str:
    """Return the path of kubectl, which has kustomize in it; without it the test could not run."""
    own = Path(sys.executable).with_name("kubectl")
    found = str(own) if own.exists() else shutil.which("kubectl")
    return found or could_not_run("kubectl is missing", "make .venv/test.stamp")


def of_kind(items: list[Manifest], kind: str) -> list[Manifest]:
    """Return the manifests of a kind."""
    return [item for item in items if item["kind"] == kind]


def one(items: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the manifest of that kind and name."""
    (found,) = [item for item in of_kind(items, kind) if item["metadata"]["name"] == name]
    return found
