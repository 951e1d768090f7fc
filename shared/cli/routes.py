"""Which events the Triggers take, as values: a route for each kind of event, a line for each Trigger."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from shared.events.cloudevent import APISERVER_PREFIX, PROBLEM_PREFIX
from shared.local.broker.event_kinds import EventKind
from shared.local.broker.reach import Reach, Selection, constant, overlap, reach, selection
from shared.local.broker.topology import Topology, Trigger

NOBODY = "nobody"
_LAST = re.compile(rf"^({re.escape(APISERVER_PREFIX)}\w+\.|{re.escape(PROBLEM_PREFIX)})(\w+)(.*)$")


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of event, and the Triggers that take every one, or some, of it."""

    kind: EventKind
    takers: tuple[tuple[Trigger, Reach], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A Trigger. `overlaps` are those that send some event to the same subscriber as well: it would get it twice."""

    trigger: Trigger
    kinds: int
    nothing: bool
    overlaps: tuple[str, ...]


def routes(topology: Topology, triggers: Sequence[Trigger]) -> tuple[list[Route], list[Line]]:
    """Return where each kind of event goes, and what becomes of each Trigger."""
    chosen = {trigger.name: selection(trigger.selection) for trigger in triggers}
    found = [Route(kind, tuple(_takers(kind, triggers, chosen))) for kind in topology.kinds]
    twice = _overlapping(topology, triggers, chosen)
    return found, [
        Line(
            trigger,
            sum(trigger in (taker for taker, _ in route.takers) for route in found),
            constant(chosen[trigger.name], topology.kinds) is False,
            tuple(sorted(twice[trigger.name])),
        )
        for trigger in triggers
    ]


def shown(found: Sequence[Route]) -> list[dict[str, str]]:
    """Return the routes as rows for people; types of one family that go the same way are one row."""
    sizes = Counter(_family(route) for route in found)
    rows: dict[tuple[str, ...], list[str]] = {}
    for route in found:
        goes = ", ".join(_named(*taker) for taker in route.takers) or NOBODY
        rows.setdefault((*_family(route), goes), []).append(route.kind.type)
    return [
        {
            "event type": family if len(types) == sizes[family, which, category] else ", ".join(types),
            "which": which,
            "category": category,
            "goes to": goes,
        }
        for (family, which, category, goes), types in rows.items()
    ]


def as_json(found: Sequence[Route], lines: Sequence[Line]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return events and Triggers as JSON has them."""
    events = [
        {
            "type": route.kind.type,
            "which": route.kind.name,
            "category": route.kind.category,
            "triggers": [{"name": one.name, "team": one.team, "takes": how.value} for one, how in route.takers],
        }
        for route in found
    ]
    triggers = [
        {
            "name": line.trigger.name,
            "team": line.trigger.team,
            "subscriber": line.trigger.subscriber,
            "file": line.trigger.file,
            "line": line.trigger.line,
            "kinds": line.kinds,
            "nothing": line.nothing,
            "overlaps": list(line.overlaps),
        }
        for line in lines
    ]
    return events, triggers


def _takers(
    kind: EventKind, triggers: Sequence[Trigger], chosen: Mapping[str, Selection]
) -> Iterator[tuple[Trigger, Reach]]:
    for trigger in triggers:
        how = reach(chosen[trigger.name], kind)
        if how is not Reach.none:
            yield trigger, how


def _overlapping(
    topology: Topology, triggers: Sequence[Trigger], chosen: Mapping[str, Selection]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {trigger.name: set() for trigger in triggers}
    for one, other in combinations(triggers, 2):
        if one.subscriber == other.subscriber and overlap(chosen[one.name], chosen[other.name], topology.kinds):
            found[one.name].add(other.name)
            found[other.name].add(one.name)
    return found


def _family(route: Route) -> tuple[str, str, str]:
    return _LAST.sub(r"\1*\3", route.kind.type), route.kind.name, route.kind.category


def _named(trigger: Trigger, how: Reach) -> str:
    return trigger.name if how is Reach.every else f"{trigger.name} ({how.value})"
