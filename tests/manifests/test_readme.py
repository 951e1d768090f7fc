"""What knative/README.md tells a newcomer: the Secrets with their keys, the components, and an overlay that renders."""

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.support.kustomize import kustomized

KNATIVE = ROOT / "knative"
PAGE = (KNATIVE / "README.md").read_text(encoding="utf-8")
_ROW = re.compile(r"(?m)^\| `(base|components)/([\w.-]+)`.* \| `([\w-]+)` \| (.+) \|$")


def secrets_of(item: Any) -> set[tuple[str, str, bool]]:
    """Return Secret, key, and whether it may be missing, of all that a manifest takes from Secrets."""
    if isinstance(item, list):
        return {found for member in item for found in secrets_of(member)}
    if not isinstance(item, dict):
        return set()
    found = {found for member in item.values() for found in secrets_of(member)}
    if one := item.get("secretKeyRef"):
        found.add((one["name"], one["key"], one.get("optional", False)))
    if "items" in (volume := item.get("secret") or {}):  # a KafkaSink names a Secret as a whole
        found |= {(volume["secretName"], each["key"], volume.get("optional", False)) for each in volume["items"]}
    return found


def needed(path: Path) -> set[tuple[str, str, bool]]:
    """Return what a file, or all files of a component, take from Secrets."""
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return secrets_of([list(yaml.safe_load_all(file.read_text(encoding="utf-8"))) for file in files])


def test_the_page_names_every_secret_with_the_keys_that_the_manifests_take() -> None:
    told: dict[Path, set[tuple[str, str, bool]]] = {}
    for folder, name, secret, keys in _ROW.findall(PAGE):
        path = KNATIVE / folder / name
        if keys == "as above":
            keys = "`instance`, `username`, `password`"  # noqa: PLW2901 - what the word stands for
        must, _, may = keys.partition("(")
        told.setdefault(path, set()).update((secret, key, False) for key in re.findall(r"`([^`]+)`", must))
        told[path] |= {(secret, key, True) for key in re.findall(r"`([^`]+)`", may)}
    places = [*(KNATIVE / "components").iterdir(), *KNATIVE.glob("base/*.yaml"), *KNATIVE.glob("triggers/*.yaml")]
    assert told == {path: found for path in places if (found := needed(path))}


def test_the_page_names_every_component() -> None:
    there = {path.parent.name for path in KNATIVE.glob("components/*/kustomization.yaml")}
    assert set(re.findall(r"`components/([\w.-]+)`", PAGE)) == there


def test_the_commands_make_secrets_with_all_keys_of_their_function() -> None:
    made = re.findall(r"kubectl create secret generic ([\w-]+) -n tidings ((?:.*\\\n)*.*)", PAGE)
    wanted = {secret: {key for _, key, _ in needed(KNATIVE / "components" / name)}
              for secret, name in (("glpi", "glpi-ticket"), ("qradar", "qradar-forwarder"))}  # fmt: skip
    keys = {secret: set(re.findall(r"--from-(?:literal|file)=([\w.-]+)=", rest)) for secret, rest in made}
    assert keys == wanted


def test_the_overlay_of_the_page_has_glpi_and_nothing_of_servicenow_and_splunk(tmp_path: Path) -> None:
    (overlay,) = re.findall(r"(?ms)<<'END'\n(.*?)^END$", PAGE)
    blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", PAGE)
    more = yaml.safe_dump({"patches": [patch for block in blocks for patch in yaml.safe_load(block)["patches"]]})
    shutil.copytree(KNATIVE, tmp_path / "knative")
    folder = tmp_path / "knative" / "overlays" / "own"
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(overlay + more)
    rendered = kustomized(folder)
    assert {secret for secret, _, _ in secrets_of(rendered)} == {"glpi"}
    (nats,) = [item for item in rendered if item["kind"] == "StatefulSet"]
    user = nats["spec"]["template"]["spec"]["securityContext"]
    assert (user["runAsUser"], user["fsGroup"], user["runAsNonRoot"]) == (1000, 1000, True)
    assert nats["spec"]["template"]["spec"]["containers"][0]["image"] == "quay.io/mine/nats@sha256:" + "2" * 64
    names = {(item["kind"], item["metadata"]["name"]) for item in rendered}
    for kind in ("Service", "Trigger"):
        assert (kind, "glpi-ticket") in names
        assert (kind, "classifier") in names
        assert not {(kind, "servicenow-incident"), (kind, "siem-forwarder")} & names


OLD = KNATIVE / "components" / "openshift-4.12"


def oldest(text: str) -> dict[str, int]:
    """Return the oldest minor version of each that a text names."""
    named = {name: re.findall(rf"{name} (?:1|4)\.(\d+)", text) for name in ("OpenShift", "Serverless", "Knative")}
    return {name: min(map(int, found)) for name, found in named.items()}


def test_the_component_for_the_oldest_is_told_of_with_what_it_is_for() -> None:
    places = [ROOT / "docs" / "deploy" / "kustomize.md", OLD / "kustomization.yaml"]
    for place in places:
        assert oldest(place.read_text(encoding="utf-8")) == {"OpenShift": 12, "Serverless": 33, "Knative": 12}


def test_no_page_asks_for_a_knative_that_is_too_old_for_the_tick() -> None:
    """Seconds in a PingSource came with Knative 1.13; the first Serverless with that is 1.34, on OpenShift 4.13."""
    (tick,) = yaml.safe_load_all((KNATIVE / "base" / "tick.yaml").read_text(encoding="utf-8"))
    assert len(tick["spec"]["schedule"].split()) == 6
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "decisions"]
    pages += [*KNATIVE.rglob("*.md"), *(path for path in KNATIVE.rglob("*.yaml") if OLD.name not in path.parts)]
    whole = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    others = re.sub(r"(?ms)^## (?:OpenShift 4\.12|Without `filters`)$.*?^(?=## )", "", whole)
    text = re.sub(r"(?m)^.*(?:components/openshift-4\.12|#openshift-412).*$", "", others)
    assert oldest(text) == {"OpenShift": 13, "Serverless": 34, "Knative": 12}
    told = re.findall(r"(?i)(?:knative|needs|asks for) 1\.12\b", text)
    assert told == ["Knative 1.12"], "since when Triggers have `filters`, and no more"
    production = (KNATIVE / "overlays" / "production" / "kustomization.yaml").read_text(encoding="utf-8")
    kinds = {item["apiVersion"] for item in kustomized(KNATIVE / "overlays" / "production")}
    assert "kafka.strimzi.io/v1" in kinds, "of Strimzi 0.49, which wants Kubernetes 1.27"
    assert production.startswith("# OpenShift 4.14 or newer")
