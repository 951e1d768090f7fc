"""Policy files as `tidings validate` checks them: what is wrong, and conditions and rules that nobody knows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shared.cli import configured
from shared.episodes.policy_file import read_texts
from shared.episodes.policy_forms import AT, LISTS
from shared.episodes.spans import moment
from shared.events.problem import Problem, did_you_mean
from shared.events.vocabulary import SEVERITIES
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
    if not contents:
        return problems, []
    return problems, [*_doubtful(contents, packs), *_silences(contents, time.time()), *_escalations(contents)]


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


def _silences(contents: Sequence[Mapping[str, Any]], now: float) -> Iterator[Problem]:
    """Warn of silences that are over, and of those that take in everything."""
    for item in (item for content in contents for item in content.get("silences", ())):
        file, line = item[AT]
        end = moment(item["until"], item.get("timezone", "UTC"))
        if end is not None and end <= now:
            message = f"the silence `{item['name']}` ended at {item['until']}: it keeps nothing quiet"
            yield Problem(file, line, message, "take it out, or write a later `until`")
        elif not item["match"]:
            message = f"the silence `{item['name']}` takes in everything: no ticket is opened until {item['until']}"
            yield Problem(file, line, message, "name in `match` what is to be quiet")


def _escalations(contents: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Warn of escalations to what is no higher than all that the route matches: a severity only rises."""
    for item in (item for content in contents for item in content.get("routes", ())):
        asked = [texts for member, texts, _, wanted in item["match"] if member == "severity" and wanted]
        known = [SEVERITIES.index(text) for texts in asked for text in texts if text in SEVERITIES]
        lowest = max(known, default=len(SEVERITIES) - 1)
        for step in item.get("escalate", ()):
            if SEVERITIES.index(step["severity"]) >= lowest:
                file, line = item[AT]
                said = f"`{item['name']}` escalates to {step['severity']}, which is not above what it matches"
                yield Problem(file, line, said, "name a higher severity: one never falls by `escalate`")


def _rules(packs: Sequence[Path]) -> list[Rule]:
    own = configured.files().get(_OWN_RULES)
    paths = [*packs, *([own] if own is not None and own.exists() else [])]
    return [*shipped_rules(), *(item.rule for item in load(paths).located)]
