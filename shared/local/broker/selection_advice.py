"""What `tidings validate` warns of in a Trigger that is right as YAML but would lose the end of a ticket.

A ticket function must see every snapshot of an episode that it saw once. Attributes that change while an episode lasts
("moving") in its filter break that (architecture.md §2). `severity` only ever rises, so a filter that passes a severity
must pass every graver one too.
"""

from collections.abc import Collection, Iterable, Mapping

from shared.events.cloudevent import CHANGE_PREFIX, PROBLEM_PREFIX
from shared.events.problem import Problem
from shared.events.vocabulary import SEVERITIES
from shared.local.broker.event_kinds import EventKind
from shared.local.broker.filters import Exact, mentioned
from shared.local.broker.located import Located
from shared.local.broker.reach import Reach, reach, selection
from shared.local.broker.topology import Service, Trigger, is_foreign
from shared.runtime.registry import FUNCTIONS

_PREFIXES = {"episode": PROBLEM_PREFIX, "change": CHANGE_PREFIX}
"""The types of what ticket functions are told of."""
_MOVING = frozenset({"phase", "reason", "time", "id", "subject"})


def advise(
    trigger: Trigger,
    spec: Located,
    services: Mapping[str, Service],
    kinds: Collection[EventKind],
    beside: Iterable[Trigger] = (),
) -> list[Problem]:
    """Return the warnings for one Trigger. What is no function of ours may keep tickets, too, if it gets episodes.

    Triggers `beside` it may bring the same subscriber what this one does not take.
    """
    foreign = is_foreign(trigger.subscriber)
    prefix = _of_foreign(trigger, kinds) if foreign else _of_ours(services.get(trigger.subscriber))
    if not prefix:
        return []
    place = spec.get("filters") or spec.get("filter") or spec
    if_any = ", if any," if foreign else ""
    what = f"a Trigger of episodes to {trigger.subscriber}" if foreign else "a ticket Trigger"
    comparisons = mentioned(trigger.selection.effective())
    warnings: list[Problem] = []
    for name in sorted({name for _, name, _ in comparisons} & _MOVING):
        message = f'{what} filters on "{name}", which changes while an episode lasts: its end may not arrive'
        warnings.append(
            Problem(trigger.file, place.line, message, "filter on category, namespace, cluster or severity")
        )
    severities = {value for dialect, name, value in comparisons if name == "severity" and dialect == "exact"}
    graver = SEVERITIES[: max((SEVERITIES.index(value) for value in severities if value in SEVERITIES), default=-1) + 1]
    missing = [value for value in graver if value not in severities]
    if missing:
        message = (
            f"an episode that rises to {' or '.join(missing)} leaves this Trigger, and its ticket{if_any} stays open"
        )
        warnings.append(Problem(trigger.file, place.line, message, "let `any` name every graver severity too"))
    types = {value for dialect, name, value in comparisons if name == "type" and dialect == "exact"}
    wanted = {kind.type for kind in kinds if kind.type.startswith(prefix)}
    if any(value.startswith(prefix) for value in types) and not wanted <= _types_together(trigger, beside):
        message = f"{what} names single transitions: it would miss the others"
        warnings.append(Problem(trigger.file, place.line, message, f"use `prefix: {{type: {prefix}}}`"))
    return warnings


def _types_together(trigger: Trigger, beside: Iterable[Trigger]) -> set[str]:
    """Return the types that Triggers of one subscriber name which ask, but for the type, exactly the same."""
    rest, _ = _asked(trigger)
    if rest is None:
        return set()
    asked = [_asked(one) for one in beside if one.subscriber == trigger.subscriber]
    return {kind for other, kind in asked if other == rest}


def _asked(trigger: Trigger) -> tuple[frozenset[tuple[str, str]] | None, str]:
    """Return what a Trigger asks for by exact attributes alone, and the type apart; None where it asks otherwise."""
    filters = trigger.selection.effective()
    if len(filters) != 1 or not isinstance(filters[0], Exact):
        return None, ""
    attributes = dict(filters[0].attributes)
    kind = attributes.pop("type", "")
    return frozenset(attributes.items()), kind


def _of_ours(service: Service | None) -> str:
    return _PREFIXES.get(_subject(service.function), "") if service is not None else ""


def _of_foreign(trigger: Trigger, kinds: Iterable[EventKind]) -> str:
    """Return the types of episodes that a Trigger sends to what is not ours, empty where it sends none."""
    chosen = selection(trigger.selection)
    types = {kind.type for kind in kinds if reach(chosen, kind) is not Reach.none}
    return next((prefix for prefix in _PREFIXES.values() if any(one.startswith(prefix) for one in types)), "")


def _subject(function: str) -> str:
    """Return what a function's destination is told of; one that is not ours is told of nothing."""
    registered = FUNCTIONS.get(function.replace("-", "_"))
    return registered.destination.subject if registered is not None and registered.destination is not None else ""
