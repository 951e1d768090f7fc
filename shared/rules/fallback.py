"""What becomes of an observation that no rule names: type, kind and words decide, and the verdict says so.

`places` knows whose matter it is, `outcomes` what it means.
"""

from functools import lru_cache

from shared.events.model import Observation
from shared.rules.outcome import Outcome
from shared.rules.outcome_rows import ROWS
from shared.rules.outcomes import KIND_WORDS, MESSAGE_WORDS, STATE_WORDS, outcome_of
from shared.rules.place import Place
from shared.rules.places import place_of
from shared.rules.ruleset import Rule
from shared.rules.words import Signals, apart, matter

_EXPIRES = 3600
_NAME = 253  # of a Kubernetes name: no reason, kind or component says anything beyond it
_MOST = 2000  # characters of a message that are read
_TROUBLE = frozenset({"warning", "error", "critical", "alert", "emergency", "fatal"})  # types of Events, and of alerts
_ABOUT_A_MATTER = ("problem", "recovery")
CONDITION = "unknown"
"""What is wrong, for all that no rule names: which of several it is, the part tells."""
_OBJECTS: dict[str, tuple[str, Outcome]] = {
    "add": ("object-added", Outcome("add", "change", "info", "An object appeared; no rule says that this matters.")),
    "update": (
        "object-updated",
        Outcome("update", "change", "info", "An object changed; no rule says that this matters."),
    ),
    "delete": (
        "object-deleted",
        Outcome("delete", "recovery", "info", "The object is gone, and every problem of it with it."),
    ),
}
IMPLICIT = frozenset(name for name, _ in _OBJECTS.values())

NAMES = IMPLICIT | {f"unknown-{row.name}" for row in ROWS}
"""Every rule name that a verdict can have without any rule file."""


def judge(observation: Observation) -> tuple[Rule, str, tuple[str, ...], str]:
    """Return the rule that type, kind and words stand for; the part, what it ends, and why, as only the event tells."""
    rule = rule_for(observation)
    if rule.name in IMPLICIT:
        return rule, "", (), rule.why
    reason = observation.reason
    why = f'No rule names the reason "{reason[:80]}"; {rule.why}.' if reason else f"No rule names it; {rule.why}."
    if rule.phase not in _ABOUT_A_MATTER:
        return rule, "", (), why
    part = matter(reason[:_NAME])[:_NAME]  # words that are taken apart are longer
    return rule, part, _ends(part) if rule.phase == "recovery" else (), why


def rule_for(observation: Observation) -> Rule:
    """Return the rule that the observation's type, kind and words stand for."""
    if not observation.reason and observation.operation != "event":
        return _rule(*_OBJECTS[observation.operation], _place(observation, "", ""))
    return _unknown(observation)


def _ends(part: str) -> tuple[str, ...]:
    """Return what good news ends: the problem of the same matter, or those of any where it names none."""
    return (CONDITION,) if part else (f"{CONDITION}/*",)


def _unknown(observation: Observation) -> Rule:
    type_ = observation.type.lower()
    sort = "W" if type_ in _TROUBLE else "N" if type_ == "normal" and observation.reason else "A"
    message = observation.message[:_MOST]
    reason, in_reason = _heard(observation.reason[:_NAME])
    place = _place(observation, reason, message)
    row = outcome_of(
        in_reason, MESSAGE_WORDS.signals(message), _sort_of(observation.object.kind[:_NAME]), place[1], sort
    )
    return _rule(f"unknown-{row.name}", row, place)


# Reasons and kinds are few, and a storm repeats one of them; what is kept is cut to the length of a name.
@lru_cache(maxsize=4096)
def _heard(reason: str) -> tuple[str, Signals]:
    """Return a reason as a sentence, and its words."""
    sentence = apart(reason)
    return sentence, STATE_WORDS.signals(sentence)


@lru_cache(maxsize=1024)
def _sort_of(kind: str) -> Signals:
    return KIND_WORDS.signals(kind)


def _place(observation: Observation, reason: str, message: str) -> Place:
    thing = observation.object
    kind = f"{thing.kind[:_NAME]} {thing.api_version[:_NAME]}"
    return place_of(kind, observation.component[:_NAME], thing.namespace, reason, message)


@lru_cache(maxsize=1024)
def _rule(name: str, outcome: Outcome, place: Place) -> Rule:
    problem = outcome.phase == "problem"
    verb = name.removeprefix("object-") if name in IMPLICIT else ""
    return Rule(
        name=name,
        pack="unknown",
        source="fallback",
        own=False,
        priority=0,
        score=0,
        length=0,
        match=(),
        category=place[0],
        subcategory=place[1],
        severity=outcome.severity,
        phase=outcome.phase,
        condition=CONDITION if problem else "",
        part=(),
        about="object",
        ended_by=(),
        ticket_after=outcome.ticket_after,
        hold=0,
        expires=_EXPIRES if problem else 0,
        summary=("", "kind", " ", "name", f" {verb}") if verb else ("", "kind", " ", "name", ": ", "reason", ""),
        why=outcome.why,
        runbook="",
    )
