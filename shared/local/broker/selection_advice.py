"""What `tidings validate` warns of in a Trigger that is right as YAML but would lose the end of a ticket.

A ticket function must see every snapshot of an episode that it saw once. Attributes that change while an episode lasts
("moving") in its filter break that (architecture.md §2). `severity` only ever rises, so a filter that passes a severity
must pass every graver one too.
"""

from collections.abc import Mapping

from shared.events.cloudevent import CHANGE_PREFIX, PROBLEM_PREFIX
from shared.events.problem import Problem
from shared.events.vocabulary import SEVERITIES
from shared.local.broker.filters import mentioned
from shared.local.broker.located import Located
from shared.local.broker.topology import Service, Trigger
from shared.runtime.registry import FUNCTIONS

_PREFIXES = {"episode": PROBLEM_PREFIX, "change": CHANGE_PREFIX}
"""The types of what ticket functions are told of."""
_MOVING = frozenset({"phase", "reason", "time", "id", "subject"})


def advise(trigger: Trigger, spec: Located, services: Mapping[str, Service]) -> list[Problem]:
    """Return the warnings for one Trigger."""
    service = services.get(trigger.subscriber)
    prefix = _PREFIXES.get(_subject(service.function)) if service is not None else None
    if prefix is None:
        return []
    place = spec.get("filters") or spec.get("filter") or spec
    comparisons = mentioned(trigger.selection.effective())
    warnings: list[Problem] = []
    for name in sorted({name for _, name, _ in comparisons} & _MOVING):
        message = f'a ticket Trigger filters on "{name}", which changes while an episode lasts: its end may not arrive'
        warnings.append(
            Problem(trigger.file, place.line, message, "filter on category, namespace, cluster or severity")
        )
    severities = {value for dialect, name, value in comparisons if name == "severity" and dialect == "exact"}
    graver = SEVERITIES[: max((SEVERITIES.index(value) for value in severities if value in SEVERITIES), default=-1) + 1]
    missing = [value for value in graver if value not in severities]
    if missing:
        message = f"an episode that rises to {' or '.join(missing)} leaves this Trigger, and its ticket stays open"
        warnings.append(Problem(trigger.file, place.line, message, "let `any` name every graver severity too"))
    types = {value for dialect, name, value in comparisons if name == "type" and dialect == "exact"}
    if any(value.startswith(prefix) for value in types):
        message = "a ticket Trigger names single transitions: it would miss the others"
        warnings.append(Problem(trigger.file, place.line, message, f"use `prefix: {{type: {prefix}}}`"))
    return warnings


def _subject(function: str) -> str:
    """Return what a function's destination is told of; one that is not ours is told of nothing."""
    registered = FUNCTIONS.get(function.replace("-", "_"))
    return registered.destination.subject if registered is not None and registered.destination is not None else ""
