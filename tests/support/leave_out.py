"""Leave-one-out: how events are judged that no rule was written for, measured with the catalogue's own rows.

For each component of the catalogue all rules that belong to it are taken away, and its rows are judged by what is left:
the rules for other components, the message rules and the fallback. What the full set says of them is held to be right.

A rule belongs to a component where it decides one of the component's rows, or where it matches one and names that row's
reason exactly (so that no lesser rule for the very same reason stands in for it).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared.events.model import Observation, Verdict
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet, reasons_of
from tests.support import catalogue

_APART = " something "  # in a real message, words stand apart
FIELDS = ("category", "subcategory", "severity", "phase", "ticket")


@dataclass(slots=True)
class Score:
    """How many rows were judged alike, field by field; a row with several forms counts in parts."""

    rows: int = 0
    alike: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0.0))

    def share(self, name: str) -> float:
        """Return the share of a field in percent."""
        return 100 * self.alike[name] / self.rows if self.rows else 0.0

    @property
    def mean(self) -> float:
        """Return the mean of all fields in percent."""
        return sum(self.share(name) for name in FIELDS) / len(FIELDS)

    def __add__(self, other: "Score") -> "Score":
        """Return the score of both together."""
        alike = {name: self.alike[name] + other.alike[name] for name in FIELDS}
        return Score(self.rows + other.rows, alike)


def fields_of(verdict: Verdict, count: int = 1) -> dict[str, object]:
    """Return what is compared; `ticket` is whether an observation with this count deserves one."""
    return {
        "category": verdict.category,
        "subcategory": verdict.subcategory,
        "severity": verdict.severity,
        "phase": verdict.phase,
        "ticket": 0 < verdict.ticket_after <= count,
    }


def scores(shared_data: Path, ruleset: RuleSet) -> dict[str, Score]:
    """Return the score of each component, in the order of the catalogue."""
    made: dict[str, Score] = {}
    for component, _, pairs in judged(shared_data, ruleset):
        score = made.setdefault(component, Score())
        score.rows += 1
        for _, right, ours in pairs:
            wanted, got = fields_of(right), fields_of(ours)
            for name in FIELDS:
                score.alike[name] += (wanted[name] == got[name]) / len(pairs)
    return made


Pair = tuple[Observation, Verdict, Verdict]


def judged(shared_data: Path, ruleset: RuleSet) -> Iterator[tuple[str, catalogue.Row, list[Pair]]]:
    """Yield each row with its component, and for each of its forms the full set's verdict and the one without it."""
    by_component: dict[str, list[tuple[catalogue.Row, list[Observation]]]] = {}
    for row in catalogue.rows(shared_data):
        by_component.setdefault(row.component, []).append((row, list(catalogue.observations(row, anything=_APART))))
    for component, rows in by_component.items():
        gone = {name for _, seen in rows for each in seen for name in _belonging(each, ruleset)}
        left = RuleSet(rule for rule in ruleset.rules if rule.name not in gone)
        for row, seen in rows:
            yield component, row, [(each, classify(each, ruleset), classify(each, left)) for each in seen]


def _belonging(observation: Observation, ruleset: RuleSet) -> Iterator[str]:
    matching = list(ruleset.matches(observation))
    yield from (rule.name for rule in matching[:1])
    yield from (rule.name for rule in matching[1:] if observation.reason in reasons_of(rule))
