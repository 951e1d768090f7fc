"""Policy files as `tidings validate` checks them: what is wrong, and what is in order and hardly what was meant."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from shared.cli import configured, policy_doubts, policy_routes
from shared.episodes.policy_file import Content, looked_at, read
from shared.episodes.policy_forms import AT, LISTS, WRONG
from shared.episodes.policy_shipped import SHIPPED
from shared.events.problem import Problem
from shared.rules.loader import load
from shared.rules.ruleset import Rule
from shared.rules.shipped import shipped_rules

T = TypeVar("T")

_OWN_RULES = "CLASSIFIER_RULES"


def check(files: Sequence[Path], packs: Sequence[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with policy files, and what is only doubtful; those of one folder are in force together.

    `packs` are rule packs that are checked with them: their rules are known, as those in force are.
    """
    return by_folder(files, looked_at, lambda contents, wrong: _doubtful(_sound(contents, wrong), packs))


def by_folder(
    files: Sequence[Path],
    look: Callable[[Iterable[tuple[str, str]]], tuple[T, list[Problem]]],
    doubt: Callable[[T, Sequence[Problem]], list[Problem]],
) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with files, and what is only doubtful, of each folder's together.

    `look` reads them by names and texts; `doubt` gets what it found, and what was wrong.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for folder in dict.fromkeys(path.parent for path in files):
        beside = [path for path in files if path.parent == folder]
        found, wrong = look((str(path), path.read_text(encoding="utf-8-sig")) for path in beside)
        problems += wrong
        warnings += doubt(found, wrong)
    return problems, warnings


def _doubtful(contents: Sequence[Content], packs: Sequence[Path]) -> list[Problem]:
    if not contents:
        return []
    rules = rules_with(packs)
    shipped = [one for one in read(SHIPPED) if not isinstance(one, Problem)]
    return [
        *policy_doubts.found(contents, rules, policy_doubts.labels_in_force(), time.time()),
        *policy_routes.found(contents, shipped, rules),
    ]


def _sound(contents: Sequence[Content], wrong: Sequence[Problem]) -> list[Content]:
    """Return the contents without the items in which something is wrong: of the others there is more to say."""
    places = {(one.file, one.line) for one in wrong}

    def good(item: Content) -> bool:
        return WRONG not in item and item[AT] not in places

    lists = [{part: tuple(filter(good, content[part])) for part in LISTS if part in content} for content in contents]
    return [
        {**kept, **({"defaults": content["defaults"]} if good(content.get("defaults", {WRONG: True})) else {})}
        for kept, content in zip(lists, contents, strict=True)
    ]


def rules_with(packs: Sequence[Path]) -> list[Rule]:
    """Return the rules that are shipped, those of these packs, and those that the settings name."""
    own = configured.files().get(_OWN_RULES)
    paths = [*packs, *([own] if own is not None and own.exists() else [])]
    return [*shipped_rules(), *(item.rule for item in load(paths).located)]
