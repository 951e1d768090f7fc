"""What an overlay says of a Trigger for which a component brings others: kustomize drops it, and says nothing.

Only files that are not rendered yet can tell: in what kustomize renders that Trigger is gone, and its patch with it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from shared.events.problem import Problem
from shared.local.broker.kustomized import beside, is_patch, kustomization, listed, named_file, patches, readable
from shared.local.broker.located import Located, parsed

_CARRIED = "delivery"  # which such a component copies, so it remains
_NAMING = frozenset({"name", "namespace"})
_NOTHING = Located([], 0)


class _Replacing(NamedTuple):
    """A component that deletes Triggers: their `names`, and those that it `brings`."""

    folder: Path
    names: frozenset[str]
    brings: frozenset[str]


def lost(path: Path) -> list[Problem]:
    """Warn of patches of Triggers that a component of this kustomization replaces."""
    folders = list(_folders(path, "components"))
    found = []
    for index, (folder, line) in enumerate(folders):
        component = _replacing(folder)
        if component is None:
            continue
        behind = {one for one, _ in folders[index + 1 :]}
        mended = {one.name for one in behind if one.parent == folder}  # what has a part of its own behind it
        before = [*(one for one, _ in _folders(path, "resources")), *(one for one, _ in folders[:index])]
        touched = [*_touched_below(before, component, mended), *_touched(path, component, component.brings)]
        for file, names in touched:
            message = f"what {file.parent.name}/{file.name} changes of {names} is lost: {folder.name} brings others"
            brought = "patch those that it brings, in `patches` of this overlay"
            found.append(Problem(str(path), line, message, brought))
    return found


def _touched_below(folders: list[Path], component: _Replacing, mended: set[str]) -> Iterator[tuple[Path, str]]:
    """Yield each kustomization of these folders, and of those that they name, that patches such Triggers."""
    seen: set[Path] = set()
    while folders:
        folder, *folders = folders
        file = kustomization(folder)
        if file is not None and folder not in seen and folder.name not in mended:
            seen.add(folder)
            yield from _touched(file, component, frozenset())
            folders += [inner for field in ("resources", "components") for inner, _ in _folders(file, field)]


def _touched(file: Path, component: _Replacing, spared: frozenset[str]) -> Iterator[tuple[Path, str]]:
    """Yield the file with the replaced Triggers that its patches are for, where a patch is not for one of `spared`."""
    found: dict[str, None] = {}
    for item in patches(file):
        pattern = _pattern(item, file)
        if pattern and not any(map(pattern.fullmatch, spared)):
            found |= dict.fromkeys(filter(pattern.fullmatch, sorted(component.names)))
    if found:
        yield file, ", ".join(f"`{name}`" for name in found)


def _pattern(item: Located, file: Path) -> re.Pattern[str] | None:
    """Return which Triggers a patch names that changes more of them than what remains, None where it is no such one."""
    target, name = item.get("target"), named_file(item)
    try:
        text = (file.parent / name).read_text(encoding="utf-8") if name else item.text("patch") or item.text()
        bodies = parsed(text)
        body = next(body for body in bodies if _changes(body))
        named = _named(target, body) if target else body.text("metadata", "name")
        return re.compile(named) if named and re.fullmatch((target or body).text("kind") or ".*", "Trigger") else None
    except (OSError, ValueError, yaml.YAMLError, re.error, StopIteration):
        return None  # kustomize says what is wrong with it


def _named(target: Located, body: Located) -> str:
    """Return the pattern of names that a target means: all of its kind where it has none and selects no other way.

    What is only noted on all of them, as a wave of Argo CD, is no loss to tell.
    """
    all_ = target.text("kind") and not {"labelSelector", "annotationSelector"} & target.mapping().keys()
    return target.text("name") or (".*" if all_ and "spec" in _changes(body) else "")


def _changes(body: Located) -> set[str]:
    """Return the parts that a patch changes beside what remains; none of a deletion, which is kustomize's to refuse."""
    if body.items():
        paths = (step.text("path") for step in body.items())
        return {path.split("/")[1] for path in paths if "/" in path and not path.startswith(f"/spec/{_CARRIED}")}
    if is_patch(body):
        return set()
    kept = {"spec": {_CARRIED}, "metadata": _NAMING}
    return {part for part, names in kept.items() if (body.get(part) or _NOTHING).mapping().keys() - names}


def _replacing(folder: Path) -> _Replacing | None:
    """Return what a component does that deletes the Triggers from which it copies something; None for any other."""
    file = kustomization(folder)
    if file is None or not any("$patch: delete" in str(one.value) for one in listed(file, "transformers")):
        return None
    copied = [one for one in listed(file, "replacements") if one.text("source", "kind") == "Trigger"]
    names = frozenset(one.text("source", "name") for one in copied)
    held = (each for one in listed(file, "resources") for each in readable(folder / str(one.value)))
    brings = frozenset(each.text("metadata", "name") for each in held if each.text("kind") == "Trigger")
    return _Replacing(folder, names, brings) if names else None


def _folders(file: Path, field: str) -> Iterator[tuple[Path, int]]:
    """Yield the folders that a field of a kustomization names, each with its line."""
    for one in listed(file, field):
        folder = beside(file, str(one.value))
        if folder is not None and folder.is_dir():
            yield folder, one.line
