"""The reason catalogue as observations, and how Tidings' verdicts are compared with it (reference/inputs.md §2)."""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from shared.events.model import Observation, Verdict
from shared.events.vocabulary import severity_rank
from shared.rules.ruleset import RuleSet, reasons_of
from shared.rules.specimen import build
from tests.support.patterns import messages


class Row(NamedTuple):
    """One row of the catalogue; lists where the file writes several."""

    line: int
    reason: str
    component: str
    kinds: tuple[str, ...]
    types: tuple[str, ...]
    category: str
    subcategory: str
    severity: int
    recovery: frozenset[str]
    pattern: str


class Difference(NamedTuple):
    """Where a rule judges otherwise than a row."""

    rule: str
    field: str
    catalogue: str
    ours: str


# The catalogue's words that are no subcategories of ours, and what each may become (architecture.md §1).
_INFRASTRUCTURE = ("node", "pod", "workload", "control-plane")
_WORDS: dict[str, tuple[str, ...]] = {
    "kubevirt": ("infrastructure/virtualization",),
    "operator": tuple(f"infrastructure/{word}" for word in _INFRASTRUCTURE),
    "upgrade": tuple(f"infrastructure/{word}" for word in _INFRASTRUCTURE),
    "machine": tuple(f"infrastructure/{word}" for word in _INFRASTRUCTURE),
    "resource": tuple(f"infrastructure/{word}" for word in _INFRASTRUCTURE),
    "autoscaling": ("infrastructure/workload", "infrastructure/node"),
    "gitops": ("infrastructure/workload",),
    "runtime-network": ("security/runtime",),
    "secret": ("security/authentication", "security/certificate", "security/rbac"),
    "credentials": ("security/authentication", "security/certificate", "security/rbac"),
    "audit": ("security/rbac", "security/runtime"),
    "compliance": ("admission/policy", "infrastructure/control-plane"),
    "kyverno": ("admission/policy",),
    "gatekeeper": ("admission/policy",),
    "vap": ("admission/policy",),
    "webhook-unavailable": ("admission/validating-webhook",),
}


def rows(shared_data: Path) -> list[Row]:
    """Return the rows of the catalogue, in its order."""
    with (shared_data / "reference" / "reasons.csv").open(encoding="utf-8", newline="") as file:
        return [
            Row(
                line=line,
                reason=each["reason"],
                component=each["component"],
                kinds=tuple(each["kind"].split("|")),
                types=tuple(each["type"].split("|")),
                category=each["category"],
                subcategory=each["subcategory"],
                severity=int(each["severity"]),
                recovery=frozenset(word for word in each["recovery_reason"].split("|") if word),
                pattern=each["message_pattern"],
            )
            for line, each in enumerate(csv.DictReader(file), start=2)
        ]


def observations(row: Row, anything: str = "something") -> Iterator[Observation]:
    """Yield what the row stands for: each of its kinds and types, with each form of its reason and message.

    `anything` stands for what the message pattern leaves open.
    """
    for kind in row.kinds:
        for type_ in row.types:
            for reason in _reasons(row.reason):
                for message in messages(row.pattern, anything):
                    made = build(
                        {
                            "reason": reason,
                            "kind": kind or "Widget",
                            "type": type_,
                            "message": message,
                            "component": row.component.partition("(")[0] if row.component != "*" else "widget-operator",
                            "field_path": "spec.containers{web}" if kind == "Pod" else "",
                        }
                    )
                    assert isinstance(made, Observation), made
                    yield made


def differences(row: Row, verdict: Verdict, ruleset: RuleSet, ended_elsewhere: frozenset[str]) -> Iterator[Difference]:
    """Yield where the verdict differs from the row."""
    ours = f"{verdict.category}/{verdict.subcategory}"
    if ours not in places(row.category, row.subcategory):
        yield Difference(verdict.rule, "subcategory", f"{row.category}/{row.subcategory}", ours)
    if severity_rank(verdict.severity) != row.severity:
        yield Difference(verdict.rule, "severity", str(row.severity), verdict.severity)
    wanted = expected_phase(row, ended_elsewhere)
    if wanted and verdict.phase not in wanted:
        yield Difference(verdict.rule, "phase", " or ".join(wanted), verdict.phase)
    if verdict.phase == "problem":
        closing = closing_reasons(verdict.rule, ruleset)
        if not row.recovery <= closing or (closing and not row.recovery):
            yield Difference(verdict.rule, "recovery", _listed(row.recovery), _listed(closing))


def places(category: str, subcategory: str) -> tuple[str, ...]:
    """Return where a row of the reference may stand with us, as `infrastructure/node`."""
    return _WORDS.get(subcategory, (f"{category}/{subcategory}",))


def expected_phase(row: Row, ended_elsewhere: frozenset[str]) -> tuple[str, ...]:
    """Return the phases that the row may stand for; the catalogue has no column for it, but what it says implies it."""
    if row.severity < severity_rank("low"):
        return ("problem",)
    if row.severity == severity_rank("low"):
        return ("problem",) if row.recovery else ()
    return ("recovery", "change", "info") if row.reason in ended_elsewhere else ("change", "info")


def recoveries(all_rows: list[Row]) -> frozenset[str]:
    """Return the reasons that end something according to the catalogue."""
    return frozenset(word for row in all_rows for word in row.recovery)


def closing_reasons(rule: str, ruleset: RuleSet) -> frozenset[str]:
    """Return the reasons of the Events that end what the rule opens."""
    return _closing(rule, ruleset)


@cache
def _closing(name: str, ruleset: RuleSet) -> frozenset[str]:
    named = {rule.name: rule for rule in ruleset.rules}
    return frozenset(reason for closer in named[name].ended_by for reason in reasons_of(named[closer]))


def _reasons(reason: str) -> list[str]:
    if reason == "*":
        return ["WidgetBroke"]
    return messages(reason.strip("/")) if reason.startswith("/") else [reason]


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words)) or "none"
