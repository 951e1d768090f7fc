"""The kinds of events that there are on this system's Broker, each with the attributes that it has.

A kind stands for all events of one type (and category); `choices` are attributes of a closed set of values, `free`
those whose values nobody can list. What is in neither, an event of the kind does not have (architecture.md §2).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import get_args

from shared.events import attributes
from shared.events.change import ChangeTransition
from shared.events.cloudevent import (
    APISERVER_PREFIX,
    DELIVERY,
    LISTED,
    OBSERVED,
    TICK,
    UNREAD,
    type_of_change,
    type_of_transition,
    type_of_verdict,
)
from shared.events.episode import Transition
from shared.events.vocabulary import CATEGORIES, PHASES, SEVERITIES, SUBCATEGORIES

_TRACE = frozenset({"traceparent", "tracestate"})
_ALWAYS = frozenset({"id", "source", "time", "specversion", "datacontenttype"}) | _TRACE
_OF_OBJECTS = frozenset({"kind", "name", "namespace", "apiversion", "subject"})
_PRODUCERS = ("falco.rule.output.v1", "KUBERNETES_TOPOLOGY_CHANGE", "com.dapr.event.sent")
_EVENT = "Event"


@dataclass(frozen=True, slots=True)
class EventKind:
    """Events of one type. `name` says which of them, where a type has several kinds."""

    type: str
    category: str = ""
    name: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    free: frozenset[str] = _ALWAYS
    never: Mapping[str, str] = field(default_factory=dict)
    """Values that a free attribute does not have in this kind."""
    optional: frozenset[str] = _TRACE
    """Free attributes that an event of the kind may be without."""


def kinds(overrides: Iterable[str] = (), ticks: Iterable[str] = ()) -> list[EventKind]:
    """Return all of them; `overrides` are extensions that sources here add, `ticks` the sources of PingSources."""
    own = frozenset(overrides)
    added = _ALWAYS | own
    found = [*_sent(added, tuple(ticks)), *_classified(added), *_told(added)]
    return [replace(one, optional=one.optional | own) for one in found]


def _sent(added: frozenset[str], ticks: tuple[str, ...]) -> list[EventKind]:
    """Return what sources and intake send."""
    resource = [f"{APISERVER_PREFIX}resource.{verb}" for verb in ("add", "update", "delete")]
    references = [f"{APISERVER_PREFIX}ref.{verb}" for verb in ("add", "update", "delete")]
    objects = added | _OF_OBJECTS | {"cluster"}
    observed = added | {"subject", "cluster"}
    return [
        *(EventKind(one, name="Events", choices={"kind": (_EVENT,)}, free=objects) for one in resource),
        *(EventKind(one, name="objects", free=objects, never={"kind": _EVENT}) for one in resource),
        *(EventKind(one, free=objects) for one in references),
        EventKind(OBSERVED, name="intake", free=observed | {"dialect", "action"}),
        EventKind(OBSERVED, name="changes", free=observed | {"kind", "namespace", "name", "reason"}),
        EventKind(UNREAD, free=observed, optional=_TRACE | {"cluster"}),
        EventKind(LISTED, free=observed),
        *(EventKind(one, free=added | {"subject"}) for one in _PRODUCERS),
        EventKind(TICK, free=added),
        *(
            EventKind("dev.knative.sources.ping", name=one.rsplit("/", 1)[-1], choices={"source": (one,)}, free=added)
            for one in ticks
        ),
    ]


def _classified(added: frozenset[str]) -> list[EventKind]:
    free = added | {"subject", *attributes.NAMES}
    return [
        EventKind(type_of_verdict(one), one, choices=_words(one) | {"phase": PHASES}, free=free) for one in CATEGORIES
    ]


def _told(added: frozenset[str]) -> list[EventKind]:
    """Return what is told of problems and changes: snapshots of each category, and what became of tickets."""
    free = added | {"subject", *attributes.NAMES}
    found = [
        EventKind(
            type_of_transition(transition),
            category,
            choices=_words(category) | {"phase": ("recovery" if transition == "resolved" else "problem",)},
            free=free,
        )
        for transition in get_args(Transition)
        for category in CATEGORIES
    ]
    changes = [
        EventKind(type_of_change(transition), category, choices=_words(category) | {"phase": ("change",)}, free=free)
        for transition in get_args(ChangeTransition)
        for category in CATEGORIES
    ]
    outcomes = [
        EventKind(DELIVERY, one, choices=_words(one) | {"phase": PHASES}, free=free)
        for one in CATEGORIES  # of changes as well, and in shadow of any classified event
    ]
    return [*found, *changes, *outcomes]


def _words(category: str) -> dict[str, tuple[str, ...]]:
    known = {str(name): words for name, words in SUBCATEGORIES.items()}
    return {"category": (category,), "subcategory": known[category], "severity": SEVERITIES}
