"""What `tidings validate` warns of where a filter asks for something that no event of this system has.

Warnings, for a team may send events of its own: but a slip of the pen in a name passes nothing, for ever, in silence.
"""

from collections.abc import Collection, Iterator
from typing import get_args

from shared.events import attributes
from shared.events.change import ChangeTransition
from shared.events.cloudevent import (
    APISERVER_PREFIX,
    CHANGE_PREFIX,
    CLASSIFIED_PREFIX,
    DELIVERY,
    LISTED,
    OBSERVED,
    PROBLEM_PREFIX,
    TICK,
    UNREAD,
    type_of_change,
    type_of_transition,
    type_of_verdict,
)
from shared.events.episode import Transition
from shared.events.problem import did_you_mean
from shared.events.vocabulary import CATEGORIES
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report
from shared.local.broker.slips import FAMILIES, WORDS, is_slip_of_type

_CONTEXT = ("id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "specversion")
_FROM_APISERVER = ("kind", "name", "namespace", "apiversion", "cluster")
_TRACE = ("traceparent", "tracestate")
_FROM_INTAKE = ("dialect", "action")
NAMES = frozenset({*_CONTEXT, *_FROM_APISERVER, *_FROM_INTAKE, *_TRACE, *attributes.NAMES})
"""Every attribute that an event of a source or of a function of ours may have."""

TYPES = (
    *(type_of_verdict(category) for category in CATEGORIES),
    *(type_of_transition(transition) for transition in get_args(Transition)),
    *(type_of_change(transition) for transition in get_args(ChangeTransition)),
    *(OBSERVED, UNREAD, LISTED, TICK, DELIVERY),
    *(f"{APISERVER_PREFIX}{what}.{verb}" for what in ("resource", "ref") for verb in ("add", "update", "delete")),
)
"""Every event type that functions, the local broker and ApiServerSources emit."""

_PREFIXES = (PROBLEM_PREFIX, CHANGE_PREFIX, CLASSIFIED_PREFIX, APISERVER_PREFIX, f"{APISERVER_PREFIX}resource.")


def advise_names(spec: Located, overrides: Collection[str], warn: Report) -> None:
    """Warn of attributes and types that no event has; `overrides` are the extensions that sources here add."""
    known = NAMES.union(overrides)
    found = list(compared(spec))
    if not found:
        place = spec.get("filters") or spec.get("filter") or spec
        warn(
            place,
            "this Trigger has no filter: it gets every event, also what functions reply",
            "filter on type at least",
        )
    for dialect, name, value in found:
        if name not in known:
            message = f'no event here has an attribute "{name}"'
            warn(value, message, did_you_mean(name, sorted(known)))
        elif name in WORDS and dialect == "exact" and value.value not in WORDS[name]:
            warn(value, f'there is no {name} "{value.value}"', did_you_mean(str(value.value), WORDS[name]))
        elif name == "type" and isinstance(value.value, str) and not _emitted(dialect, value.value):
            message = f'nobody emits an event type that {_VERBS[dialect]} "{value.value}"'
            choices = TYPES if dialect == "exact" else _PREFIXES
            warn(value, message, did_you_mean(value.value, choices))


_VERBS = {"exact": "is", "prefix": "begins with", "suffix": "ends with"}


def _emitted(dialect: str, value: str) -> bool:
    """Return False where a comparison with the type can pass nothing, as far as the type is one of ours."""
    ours = value.startswith(tuple(family.rstrip(".") for family in FAMILIES)) or is_slip_of_type(value)
    if dialect not in {"exact", "prefix"} or not ours:
        return True
    return value in TYPES if dialect == "exact" else any(kind.startswith(value) for kind in TYPES)


def compared(spec: Located) -> Iterator[tuple[str, str, Located]]:
    """Yield (dialect, attribute, value) of every comparison in force, each with its line."""
    filters = spec.get("filters")
    if filters is not None and filters.items():
        yield from _compared(filters.items())
        return
    plain = spec.get("filter", "attributes")
    for name, value in plain.mapping().items() if plain is not None else ():
        if value.value:  # an empty one drops out, as on Kafka
            yield "exact", name, value


def _compared(filters: list[Located]) -> Iterator[tuple[str, str, Located]]:
    for item in filters:
        for dialect, body in item.mapping().items():
            if dialect in _VERBS:
                yield from ((dialect, name, value) for name, value in body.mapping().items())
            elif dialect == "cesql":
                yield from _of_expression(body)
            else:
                yield from _compared([body] if dialect == "not" else body.items())


def _of_expression(body: Located) -> Iterator[tuple[str, str, Located]]:
    from shared.local.broker.cesql.comparisons import comparisons  # Lark, only where there is an expression
    from shared.local.broker.cesql.grammar import parse

    for dialect, name, value in comparisons(parse(body.value)):
        yield dialect.removeprefix("not "), name, Located(value, body.line)
