"""Checks over several packs: names that clash, recoveries that do not exist, rules that no order can tell apart."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.events.problem import Problem, did_you_mean
from shared.rules.pack import Located
from shared.rules.ruleset import Rule, reasons_of


def across(located: Sequence[Located], below: Sequence[Located], broken: set[str]) -> list[Problem]:
    """Return what is wrong between rules; `broken` are names of rules whose own mistakes are said already."""
    return [
        *_duplicates(located),
        *_unknown_recoveries(located, below, broken),
        *_owners(located, below),
        *_ties(located, below),
    ]


def _say(item: Located, key: str, message: str, suggestion: str) -> Problem:
    path = (*item.path, key)
    # What all rules have from the defaults is told there, once.
    inherited = path not in item.document.lines and ("defaults", key) in item.document.lines
    return item.document.problem(("defaults", key) if inherited else path, message, suggestion)


def _duplicates(located: Sequence[Located]) -> Iterable[Problem]:
    first: dict[str, Located] = {}
    for item in located:
        other = first.setdefault(item.rule.name, item)
        if other is not item:
            message = f'a second rule is called "{item.rule.name}", as the one at {other.rule.source}'
            yield _say(item, "name", message, "give it a name of its own, or merge the two")


def _owners(located: Sequence[Located], below: Sequence[Located]) -> Iterable[Problem]:
    """Find rules that share a condition, and say of it now that each pod has it, now that its workload has."""
    first: dict[str, Rule] = {}
    for item in (*below, *located):
        rule = item.rule
        if rule.phase != "problem":
            continue
        other = first.setdefault(rule.condition, rule)
        if other.about != rule.about and other.name != rule.name:
            message = (
                f'"{rule.condition}" is about the {rule.about} here, and about the {other.about} in "{other.name}"'
            )
            yield _say(item, "about", message, f"write about: {other.about}, or a condition of its own")


def _unknown_recoveries(located: Sequence[Located], below: Sequence[Located], broken: set[str]) -> Iterable[Problem]:
    names = {item.rule.name for item in (*below, *located)} | broken
    for item in located:
        for name in item.rule.ended_by:
            if name not in names:
                hint = did_you_mean(name, sorted(names), otherwise="name a rule of any pack whose match ends this")
                yield _say(item, "ended_by", f'there is no rule "{name}"', hint)


def _ties(located: Sequence[Located], below: Sequence[Located]) -> Iterable[Problem]:
    """Find pairs of one rank that surely match one observation both. Only rules with a common reason are compared."""
    groups: dict[tuple[Any, ...], list[Located]] = {}
    new = {id(item) for item in located}
    for item in (*below, *located):
        for reason in reasons_of(item.rule) or ("",):
            others = groups.setdefault((reason, *item.rule.rank()), [])
            for other in others:
                if id(item) in new and other.rule.name != item.rule.name and surely_together(item.rule, other.rule):
                    message = f'it ties with "{other.rule.name}" ({other.rule.source}): both match the same observation'
                    yield _say(item, "match", message, "add a matcher to the one that shall win, or set its priority")
            others.append(item)


def surely_together(left: Rule, right: Rule) -> bool:
    """Return True where some observation matches both rules for sure; False where that cannot be shown."""
    fields = {field for field, _, _ in (*left.match, *right.match)}
    return all(_compatible(_of(left, field), _of(right, field)) for field in fields)


def _of(rule: Rule, field: str) -> tuple[tuple[str, Any], ...]:
    return tuple((operator, argument) for name, operator, argument in rule.match if name == field)


def _compatible(left: tuple[tuple[str, Any], ...], right: tuple[tuple[str, Any], ...]) -> bool:
    if not left or not right or sorted(left, key=repr) == sorted(right, key=repr):
        return True
    words = [_words(pairs) for pairs in (left, right)]
    return words[0] is not None and words[1] is not None and bool(words[0] & words[1])


def _words(pairs: tuple[tuple[str, Any], ...]) -> set[Any] | None:
    if len(pairs) != 1:
        return None
    operator, argument = pairs[0]
    return {argument} if operator == "exact" else set(argument) if operator == "in" else None
