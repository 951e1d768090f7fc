"""Kubernetes manifests as `tidings validate` checks them: whole folders for their Triggers, each file for the rest."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from shared.cli import manifest_files
from shared.cli.manifest_files import documents
from shared.events.problem import Problem
from shared.local.broker.kustomized import patch_files
from shared.local.broker.loader import load_topology
from shared.local.broker.located import read_documents
from shared.local.broker.reach import constant, selection
from shared.local.broker.topology import Topology

_PARTS = ("base", "triggers")  # of the folder of manifests
_EVENTING = "eventing.knative.dev/"


def check(paths: Sequence[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with manifests and what is only doubtful, told of those that were named.

    A Trigger needs its Broker, so files are read with those beside them. One with both was rendered from many: it is a
    whole by itself. A patch is none of it; what becomes of it, is seen in what kustomize renders.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    patched = {folder: patch_files(folder) for folder in {path.parent for path in paths}}
    wanted: dict[Path, str] = {}
    for path in paths:
        read = read_documents(path, str(path))
        if isinstance(read, Problem):
            problems.append(read)
        wrong, doubtful = manifest_files.check(path, is_patch=path.resolve() in patched[path.parent])
        problems += wrong
        warnings += doubtful
        if path.resolve() not in patched[path.parent]:
            wanted[path.resolve()] = str(path)
    for root, files in _together(wanted).items():
        topology = load_topology(root)
        problems += _named((*topology.problems, *_passing_nothing(topology)), root, files)
        warnings += _named(topology.warnings, root, files)
    return problems, warnings


def _together(wanted: Mapping[Path, str]) -> dict[Path, dict[Path, str]]:
    """Return files by what is read with them, as far as any of them has to do with Triggers."""
    found: dict[Path, dict[Path, str]] = {}
    for path, name in wanted.items():
        found.setdefault(path if _is_whole(path) else _root(path), {})[path] = name
    return {root: files for root, files in found.items() if _has_eventing(files)}


def _has_eventing(files: Collection[Path]) -> bool:
    return any(document.text("apiVersion").startswith(_EVENTING) for path in files for document in documents(path))


def _is_whole(path: Path) -> bool:
    kinds = {document.text("kind") for document in documents(path)}
    return path.parent.name not in _PARTS and {"Broker", "Trigger"} <= kinds


def _root(file: Path) -> Path:
    """Return the folder of manifests that a file belongs to: around `base` and `triggers`, else its own."""
    return file.parent.parent if file.parent.name in _PARTS else file.parent


def _passing_nothing(topology: Topology) -> list[Problem]:
    """Return an error for each Trigger that no event can pass, as `tidings triggers` ends with 1 for it."""
    return [
        Problem(one.file, one.line, f"no event can pass the Trigger `{one.name}`", "`tidings triggers` shows what does")
        for one in topology.triggers
        if constant(selection(one.selection), topology.kinds) is False
    ]


def _named(found: tuple[Problem, ...], root: Path, files: dict[Path, str]) -> list[Problem]:
    """Return problems with their file as the user named it; those of files that were not named are left out."""
    shown = []
    for problem in found:
        path = root.parent / problem.file
        if path in files:
            shown.append(problem._replace(file=files[path]))
        elif path == root:
            first, name = next(iter(files.items()))
            up = Path(name).parent if first.parent == root else Path(name).parent.parent
            shown.append(problem._replace(file=str(up)))
    return shown
