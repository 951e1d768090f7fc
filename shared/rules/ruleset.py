"""A set of rules in force: what `classify` asks, the same for compiled packs and for YAML."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from shared.events.identity import digest
from shared.events.model import Observation
from shared.events.vocabulary import About, Category, Phase, Severity, Subcategory
from shared.rules.fields import Getter, getter
from shared.rules.index import LEAF, Index
from shared.rules.matchers import Matcher, Test, make_test


class Rule(NamedTuple):
    """One rule in its plain form: only texts, numbers, booleans and tuples, so that it can be compiled into the wheel.

    `part` is empty, or `("container",)`, `("message",)`, `("field", NAME)` or `("group", FIELD, PATTERN, ...)`.
    `summary` alternates literal text and placeholder, beginning with a literal. Durations are seconds.
    """

    name: str
    pack: str
    source: str
    own: bool
    priority: int
    score: int
    length: int
    match: tuple[Matcher, ...]
    category: Category
    subcategory: Subcategory
    severity: Severity
    phase: Phase
    condition: str
    part: tuple[str, ...]
    about: About
    ended_by: tuple[str, ...]
    ticket_after: int
    hold: int
    expires: int
    summary: tuple[str, ...]
    why: str
    runbook: str

    def rank(self) -> tuple[bool, int, int, int]:
        """Return what the rule is compared by, greater wins (shared.rules.specificity)."""
        return (self.own, self.priority, self.score, self.length)


Check = tuple[Getter, Test]


class RuleSet:
    """Rules, best first, behind an index: the cost of a verdict does not grow with their number.

    A rule is known by its number, its place in `rules`; of several that match, the smallest number wins. `by_reason`
    has the numbers of the rules that name a reason exactly, `loose` those of all others.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Order and index the rules. A team's own rule replaces the shipped one of the same name."""
        named: dict[str, Rule] = {}
        for rule in rules:
            present = named.get(rule.name)
            if present is None or rule.own >= present.own:
                named[rule.name] = rule
        self.rules = tuple(sorted(named.values(), key=_order))
        self.ends = _inverted(self.rules, "object")
        self.owner_ends = _inverted(self.rules, "owner")
        self._checks: list[tuple[Check, ...] | None] = [None] * len(self.rules)
        self._versions: dict[str, str] = {}
        self.by_reason: dict[str, list[int]] = {}
        self.loose: list[int] = []
        for number, rule in enumerate(self.rules):
            reasons = reasons_of(rule)
            for reason in reasons:
                self.by_reason.setdefault(reason, []).append(number)
            if not reasons:
                self.loose.append(number)
        self._deep: dict[str, Index] = {}
        self._wide = Index(self.rules, self.loose, frozenset())

    def __len__(self) -> int:
        return len(self.rules)

    def match(self, observation: Observation) -> Rule | None:
        """Return the most specific rule that matches, or None where no rule does."""
        for number in self._candidates(observation):
            for read, test in self._checks[number] or self.checks(number):
                if not test(read(observation)):
                    break
            else:
                return self.rules[number]
        return None

    def matches(self, observation: Observation) -> Iterator[Rule]:
        """Yield every rule that matches, the winner first."""
        for number in self._candidates(observation):
            if all(test(read(observation)) for read, test in self.checks(number)):
                yield self.rules[number]

    def checks(self, number: int) -> tuple[Check, ...]:
        """Return the tests of a rule, cheap ones first; they are made when first asked for."""
        checks = self._checks[number]
        if checks is None:
            matchers = cheap_first(self.rules[number])
            checks = tuple((getter(field), make_test(operator, argument)) for field, operator, argument in matchers)
            self._checks[number] = checks
        return checks

    def version(self, rule: Rule) -> str:
        """Return the version of one of these rules; each is made when first asked for."""
        found = self._versions.get(rule.name)
        if found is None:
            found = self._versions[rule.name] = version_of(rule)
        return found

    def packs(self) -> dict[str, int]:
        """Return the number of rules of each pack."""
        counts: dict[str, int] = {}
        for rule in self.rules:
            counts[rule.pack] = counts.get(rule.pack, 0) + 1
        return counts

    def _candidates(self, observation: Observation) -> list[int]:
        found = self._wide.candidates(observation)
        reason = observation.reason
        bucket = self.by_reason.get(reason)
        if bucket is None:
            return sorted(found)
        if len(bucket) <= LEAF:
            return sorted((*bucket, *found)) if found else bucket
        index = self._deep.get(reason)
        if index is None:
            index = self._deep[reason] = Index(self.rules, bucket, frozenset({"reason"}))
        return sorted((*index.candidates(observation), *found))


@lru_cache(maxsize=1024)
def version_of(rule: Rule) -> str:
    """Return eight characters that stand for all that a rule says, but not for where it stands in its file.

    The same on every replica, and whether the rule was compiled or read as YAML.
    """
    return digest("rule", repr(tuple(rule._replace(source=""))))[:8]


def reasons_of(rule: Rule) -> tuple[str, ...]:
    """Return the exact reasons that a rule names, none where it matches reasons in another way or not at all."""
    for field, operator, argument in rule.match:
        if field == "reason" and operator == "exact":
            return (argument,)
        if field == "reason" and operator == "in":
            return tuple(dict.fromkeys(argument))
    return ()


def _order(rule: Rule) -> tuple[Any, ...]:
    own, priority, score, length = rule.rank()
    return (not own, -priority, -score, -length, rule.name)


_CHEAP_FIRST = ("exact", "in", "prefix", "suffix", "gt", "ge", "lt", "le", "exists", "contains")


def cheap_first(rule: Rule) -> list[Matcher]:
    """Return the matchers in the order in which they are tested."""
    return sorted(rule.match, key=_cost)


def _cost(matcher: Matcher) -> int:
    operator = matcher[1]
    return _CHEAP_FIRST.index(operator) if operator in _CHEAP_FIRST else len(_CHEAP_FIRST)


def _inverted(rules: tuple[Rule, ...], about: About) -> dict[str, tuple[str, ...]]:
    """Turn `ended_by` around: for each rule's name, the conditions about the object, or its owner, that its match ends.

    A recovery of a part ends the problem of that same part only where both mean the same by it: a started container
    ends that container's crashes, but the missing volume of its pod whichever volume it was, written `condition/*`.
    """
    parts = {rule.name: rule.part for rule in rules}
    ends: dict[str, set[str]] = {}
    for rule in rules:
        for name in rule.ended_by if rule.about == about else ():
            any_part = parts.get(name) and parts[name] != rule.part
            ends.setdefault(name, set()).add(f"{rule.condition}/*" if any_part else rule.condition)
    return {name: tuple(sorted(conditions)) for name, conditions in ends.items()}
