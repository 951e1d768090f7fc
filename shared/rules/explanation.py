"""Why a verdict is as it is: the rule that won, those that lost to it, and those that nearly matched."""

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple

from shared.events.model import Observation, Verdict
from shared.rules.classify import verdict_of
from shared.rules.matchers import describe
from shared.rules.ruleset import Rule, RuleSet, cheap_first

MOST = 5  # of each sort: a handful is read, a page is not
_VALUE_LENGTH = 60  # what an event held, as a reminder only: its message stands above in full
_EXPECTED_LENGTH = 2000  # what a rule wants is shown whole, but for lists that nobody reads


class Lost(NamedTuple):
    """A rule that matched too, and why it lost."""

    rule: str
    source: str
    because: str


class NearMiss(NamedTuple):
    """A rule that failed on exactly one matcher."""

    rule: str
    source: str
    field: str
    expected: str
    actual: str


class Explanation(NamedTuple):
    """`matched` is each matcher of the rule in words; `because` says why it won, or why no rule decided."""

    verdict: Verdict
    rule: str
    source: str
    why: str
    because: str
    matched: tuple[str, ...]
    lost: tuple[Lost, ...]
    near_misses: tuple[NearMiss, ...]


def explain(observation: Observation, ruleset: RuleSet) -> Explanation:
    """Return the verdict and why; dearer than `classify`, so it is for people, not for the way of an event."""
    matching = list(ruleset.matches(observation))
    winner = matching[0] if matching else None
    verdict = verdict_of(winner, observation, ruleset)
    misses = sorted(_near_misses(observation, ruleset), key=lambda miss: -miss[0])
    return Explanation(
        verdict=verdict,
        rule=verdict.rule,
        source=verdict.source,
        why=verdict.why,
        because=_because(winner, matching),
        matched=tuple(f"{f} {describe(o, a)}" for f, o, a in winner.match) if winner else (),
        lost=tuple(Lost(rule.name, rule.source, _order(matching[0], rule)) for rule in matching[1 : MOST + 1]),
        near_misses=tuple(miss for _, miss in misses[:MOST]),
    )


def why_not(name: str, observation: Observation, ruleset: RuleSet) -> str:
    """Return why a rule did not decide: what it failed on, or what it lost to; empty where there is no such rule."""
    number = next((number for number, rule in enumerate(ruleset.rules) if rule.name == name), None)
    if number is None:
        return ""
    rule = ruleset.rules[number]
    failed = _failures(number, observation, ruleset)
    if failed:
        return f"{name} failed on " + "; ".join(f"{field}: it {want}, was {got}" for field, want, got in failed[:3])
    winner = ruleset.match(observation)
    if winner is None or winner.name == name:
        return ""
    return f"{name} matches, but {winner.name} ({winner.source}) wins: {_order(winner, rule)}"


def _because(winner: Rule | None, matching: list[Rule]) -> str:
    if winner is None:
        return "no rule matches; its type, kind and words decided"
    if len(matching) == 1:
        return "the only rule that matches"
    return f"the most specific of {len(matching)} rules that match: {_order(winner, matching[1])}"


def _order(winner: Rule, other: Rule) -> str:
    """Say in words why one rule stands before another."""
    if winner.own != other.own:
        return "a team's own rule goes before a shipped one"
    if winner.priority != other.priority:
        return f"priority {winner.priority} is above {other.priority}"
    if winner.score != other.score:
        return f"more or sharper matchers ({winner.score} points against {other.score})"
    if winner.length != other.length:
        return f"longer patterns ({winner.length} characters against {other.length})"
    return "both are equally specific; the name decides"


def _near_misses(observation: Observation, ruleset: RuleSet) -> Iterator[tuple[int, NearMiss]]:
    """Yield the rules that failed on one matcher of several: those of this reason, or of one spelt much like it.

    A rule for whatever reason is none of them, for an event with one: it shares no more than the kind with it.
    """
    reason = observation.reason
    for number in (*ruleset.by_reason.get(reason, ()), *ruleset.loose):
        rule = ruleset.rules[number]
        if reason and all(field != "reason" for field, _, _ in rule.match):
            continue
        failed = _failures(number, observation, ruleset, most=2)
        if len(failed) == 1 and len(rule.match) > 1 and failed[0][0] != "reason":
            yield rule.score, NearMiss(rule.name, rule.source, *failed[0])
    for word in () if not reason or reason in ruleset.by_reason else _alike(reason, ruleset):
        for number in ruleset.by_reason[word]:
            rule = ruleset.rules[number]
            failed = _failures(number, observation, ruleset, most=2)
            if len(failed) == 1:
                yield rule.score, NearMiss(rule.name, rule.source, *failed[0])


def _alike(reason: str, ruleset: RuleSet) -> list[str]:
    lower = {word.lower(): word for word in ruleset.by_reason}
    return [lower[word] for word in difflib.get_close_matches(reason.lower(), lower, n=3, cutoff=0.8)]


def _failures(number: int, observation: Observation, ruleset: RuleSet, most: int = 10) -> list[tuple[str, str, str]]:
    """Return the matchers of a rule that do not hold: field, expectation and value in words."""
    failed: list[tuple[str, str, str]] = []
    for (read, test), (field, *pair) in zip(ruleset.checks(number), cheap_first(ruleset.rules[number]), strict=True):
        value = read(observation)
        if not test(value):
            failed.append((field, _cut(describe(pair[0], pair[1]), _EXPECTED_LENGTH), _shown(value)))
            if len(failed) >= most:
                break
    return failed


def _shown(value: Any) -> str:
    text = "not there" if value in (None, "") else f'"{value}"' if isinstance(value, str) else str(value)
    return _cut(text)


def _cut(text: str, most: int = _VALUE_LENGTH) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
