"""What a file is that somebody wants checked: told by what it holds, not by how it is called."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from shared.episodes.policy_forms import LISTS, POLICY
from shared.events import yaml_nodes
from shared.events.problem import Problem
from shared.local.broker.kustomized import KUSTOMIZE, patch_files
from shared.settings.folder import files_below, is_yaml

TAKEN = (
    "rule packs (pack: and rules:) and their tests (pack: and tests:), mappings (operations: or extends:), "
    "policies (routes:, inhibit:, maintenance:, silences: or defaults:), hooks (hooks:), layouts (paths:), "
    "Kubernetes manifests (apiVersion:), func.yaml and .env files"
)
_MOST_BYTES = 2 << 20
_TOP_KEY = re.compile(r"^([A-Za-z][\w-]*)[ \t]*:", re.MULTILINE)
_PACK_KEYS = {"pack", "rules", "tests"}
_MAPPING_KEYS = {"operations", "overrides", "extends", "minimise"}
_POLICY_KEYS = {*LISTS, "defaults", *POLICY}  # the last in a wrong place, which the policies' reader tells
_HOOKS = "hooks"
_TEST = "_test"
_FUNC = "func.yaml"


@dataclass(slots=True)
class Found:
    """The files below what was named, by what they are, as the user would name them; `count` of what is none, too."""

    packs: list[Path] = field(default_factory=list)
    mappings: list[Path] = field(default_factory=list)
    layouts: list[Path] = field(default_factory=list)
    policies: list[Path] = field(default_factory=list)
    hooks: list[Path] = field(default_factory=list)
    manifests: list[Path] = field(default_factory=list)
    dotenvs: list[Path] = field(default_factory=list)
    funcs: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0


def recognise(paths: list[Path]) -> Found:
    """Sort files, and those of folders at any depth, by what they hold. What is none of it is a problem, said."""
    found = Found()
    looked: set[Path] = set()
    for path in paths:
        files = _below(path, found) if path.is_dir() else [path]
        for file in files:
            if file not in looked:
                looked.add(file)
                _sort(file, found)
        if path.is_dir() and not files:
            found.problems.append(Problem(str(path), 0, "nothing to check in this folder", f"taken are {TAKEN}"))
    found.count = len(looked)
    return found


def _below(folder: Path, found: Found) -> list[Path]:
    """Return the files of a folder that may be ours."""

    def refused(path: Path, error: OSError) -> None:
        found.problems.append(Problem(str(path), 0, f"cannot be read ({error.strerror})", "check the permissions"))

    return [file for file in files_below(folder, refused) if file.name == ".env" or is_yaml(file)]


def _sort(file: Path, found: Found) -> None:
    if file.name == ".env" or file.suffix == ".env":
        found.dotenvs.append(file)
        return
    if file.name == _FUNC:
        found.funcs.append(file)
        return
    text = _text(file)
    if isinstance(text, Problem):
        found.problems.append(text)
        return
    # By the lines and not by a parser: a file with a mistake in it shall still be told by those who know its kind.
    keys = set(_TOP_KEY.findall(text))
    if (
        not keys & {"apiVersion", "paths", _HOOKS, *_MAPPING_KEYS, *_PACK_KEYS, *_POLICY_KEYS}
        and file.name not in KUSTOMIZE
    ):
        parsed = _parsed(file, text)
        if isinstance(parsed, Problem):
            found.problems.append(parsed)
            return
        keys = parsed
    meant = None if file.name in KUSTOMIZE else _meant(keys, found)
    if meant is not None:
        meant.append(file)
    elif file.name in KUSTOMIZE or file.resolve() in patch_files(file.parent):  # a JSON patch, which is a list
        found.manifests.append(file)
    else:
        keyless = "it has no key" if text.strip() else "it is empty"
        held = f"its keys are {', '.join(sorted(keys)[:5])}" if keys else keyless
        found.problems.append(
            Problem(str(file), 0, f"it cannot be told what this file is: {held}", f"taken are {TAKEN}")
        )


def _meant(keys: set[str], found: Found) -> list[Path] | None:
    """Return the files that one with these keys belongs to, None where nobody knows them."""
    kinds = (
        ({"apiVersion"}, found.manifests),
        (_MAPPING_KEYS, found.mappings),
        ({"paths"}, found.layouts),
        (_PACK_KEYS, found.packs),
        ({_HOOKS}, found.hooks),
        (_POLICY_KEYS, found.policies),
    )
    return next((files for known, files in kinds if keys & known), None)


def _text(file: Path) -> str | Problem:
    try:
        if not file.is_file():
            return Problem(str(file), 0, "this is no file", f"taken are {TAKEN}")
        if file.stat().st_size > _MOST_BYTES:
            return Problem(str(file), 0, "larger than 2 MiB", "nothing that is checked here is so large")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        return Problem(str(file), 0, f"cannot be read ({error.strerror})", "check the permissions")
    except UnicodeDecodeError:
        return Problem(str(file), 0, "this is not UTF-8 text", f"taken are {TAKEN}")


def _parsed(file: Path, text: str) -> set[str] | Problem:
    """Return the keys of the first document, as `{pack: x, rules: []}` has them on one line."""
    try:
        first = next(iter(yaml_nodes.compose_all(text)), None)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        hint = "check the indentation, the quotes and the brackets on this line and the one before"
        return Problem(str(file), mark.line + 1 if mark else 0, f"broken YAML: {error.problem or error.context}", hint)
    except (yaml.YAMLError, ValueError):
        hint = f"the file must be text, at most {yaml_nodes.MAX_DEPTH} levels deep"
        return Problem(str(file), 0, "broken YAML: not readable as text", hint)
    members = first.value if isinstance(first, yaml.MappingNode) else []
    return {str(key.value) for key, _ in members if isinstance(key, yaml.ScalarNode)}


def with_siblings(packs: list[Path]) -> list[Path]:
    """Return packs with those beside them: a test needs its pack, and a recovery may live in the next file."""
    folders = list(dict.fromkeys(pack.parent for pack in packs))
    named = {pack.resolve() for pack in packs}
    beside = [file for folder in folders for file in sorted(folder.iterdir()) if is_yaml(file)]
    others = Found()
    for file in beside:
        if file.resolve() not in named and not file.stem.endswith(_TEST):
            _sort(file, others)
    return [*packs, *others.packs]
