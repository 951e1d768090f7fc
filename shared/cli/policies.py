"""Policy files as `tidings validate` checks them: what is wrong, and conditions and rules that nobody knows."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shared.cli import configured
from shared.episodes.policy_file import read_texts
from shared.episodes.policy_forms import AT, LISTS
from shared.events.problem import Problem, did_you_mean
from shared.rules.fallback import CONDITION, NAMES
from shared.rules.loader import load
from shared.rules.ruleset import Rule
from shared.rules.shipped import shipped_rules

_MATCHES: Final = ("match", "cause", "affected")
_OWN_RULES: Final = "CLASSIFIER_RULES"


def check(files: Sequence[Path], packs: Sequence[Path]) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with policy files, and what is only doubtful; those of one folder are in force together.

    `packs` are rule packs that are checked with them: their rules are known, as those in force are.
    """
    problems: list[Problem] = []
    contents: list[Mapping[str, Any]] = []
    for folder in dict.fromkeys(path.parent for path in files):
        beside = [path for path in files if path.parent == folder]
        for found in read_texts((str(path), path.read_text(encoding="utf-8-sig")) for path in beside):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                contents.append(found)
    return problems, list(_doubtful(contents, packs)) if contents else []


def _doubtful(contents: Sequence[Mapping[str, Any]], packs: Sequence[Path]) -> Iterator[Problem]:
    rules = _rules(packs)
    known = {
        "condition": {CONDITION, *(rule.condition for rule in rules)},
        "rule": {*NAMES, *(rule.name for rule in rules)},
    }
    for item in (item for content in contents for part in LISTS for item in content.get(part, ())):
        for member, texts, _, _ in (row for name in _MATCHES for row in item.get(name, ())):
            for text in texts if member in known else ():
                if text not in known[member]:
                    file, line = item[AT]
                    hint = did_you_mean(text, sorted(known[member]), "see docs/rule-packs.md for those that there are")
                    yield Problem(
                        file, line, f"`{item['name']}` asks for the {member} `{text}`, which there is not", hint
                    )


def _rules(packs: Sequence[Path]) -> list[Rule]:
    own = configured.files().get(_OWN_RULES)
    paths = [*packs, *([own] if own is not None and own.exists() else [])]
    return [*shipped_rules(), *(item.rule for item in load(paths).located)]
