"""A component of kustomize laid over manifests: JSON patches (RFC 6902: add, replace, test) and resources."""

import copy
import re
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]


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
