"""What a Trigger reaches: its filter is tried on events made of the values that it mentions, kind by kind.

For each attribute that a filter looks at, there are events with each value that the filter compares it with, and with
one that it does not; all combinations are tried, within bounds. So `none` is a proof for filters that only compare
attributes with texts; where functions or sums are involved, or the bound is met, it is not said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import chain, islice, product
from math import prod

from shared.events.cloudevent import CloudEvent
from shared.local.broker.event_kinds import EventKind
from shared.local.broker.filters import Filter, FilterSet, compiled, expressions, mentioned
from shared.local.broker.slips import FAMILIES, WORDS, is_slip, is_slip_of_type

_OTHER = "~other~"  # begins and ends as nothing that anybody looks for
_MOST = 1_000  # of a kind: `tidings up` waits for it
_CONTEXT = frozenset({"type", "id", "source", "subject", "datacontenttype", "dataschema"})
_REQUIRED = frozenset({"id", "source", "specversion", "datacontenttype"})
_NAMING = frozenset({"source", "dataschema", "subject"})
"""What says, beside the type, whose events are meant."""
_NAMES = {"schemaurl": "dataschema"}
_Domains = dict[str, list[str | None]]
_TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Reach(Enum):
    """How many events of a kind pass a filter."""

    every = "every"
    some = "some"
    none = "none"
    perhaps = "perhaps"
    """Where trying is no proof: functions, sums, times, or too many combinations."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter with the values that it mentions, by attribute; `plain` where these decide everything that it asks."""

    filters: tuple[Filter, ...]
    values: dict[str, tuple[str, ...]]
    plain: bool


def selection(chosen: FilterSet) -> Selection:
    """Return the filters in force with the values that they mention."""
    filters = chosen.effective()
    comparisons = mentioned(filters)
    values: dict[str, set[str]] = {}
    for dialect, name, value in comparisons:
        values.setdefault(_NAMES.get(name, name), set()).update(_around(dialect, value) if value else ())
    for dialect, name, value in comparisons:  # what begins so and ends so
        if dialect.endswith("prefix"):
            values[name] |= {
                value + end for other, same, end in comparisons if other.endswith("suffix") and same == name
            }
    plain = "time" not in values
    for _, tree in expressions(filters):
        from shared.local.broker.cesql.candidates import candidates, is_plain  # only where a filter is CESQL

        plain &= is_plain(tree)
        for name, texts in candidates(tree).items():
            values.setdefault(name, set()).update(texts)
    return Selection(filters, {name: tuple(sorted(found)) for name, found in values.items()}, plain)


def reach(chosen: Selection, kind: EventKind) -> Reach:
    """Return how many events of a kind pass."""
    domains = _domains(chosen, kind)
    test = compiled(chosen.filters)
    answers = {test(event) for event in _events(domains)}
    if answers == {True, False}:
        return Reach.some
    if not chosen.plain or prod(map(len, domains.values())) > _MOST:
        return Reach.perhaps
    return Reach.every if True in answers else Reach.none


def overlap(one: Selection, other: Selection, kinds: Iterable[EventKind]) -> bool:
    """Return whether an event of these kinds passes both."""
    names = one.values | other.values
    values = {name: tuple({*one.values.get(name, ()), *other.values.get(name, ())}) for name in names}
    both = Selection((*one.filters, *other.filters), values, plain=one.plain and other.plain)
    return any(reach(both, kind) in {Reach.every, Reach.some} for kind in kinds)


def constant(chosen: Selection, kinds: Iterable[EventKind]) -> bool | None:
    """Return the one answer that every event gets, of these kinds and of anybody's; None where it depends, or may.

    Nobody sends a slip of the pen, unless the filter names a type or source that is not ours: others have own words.
    """
    kinds = tuple(kinds)
    domains = _meant(_foreign(chosen), kinds)
    if not chosen.plain or prod(map(len, domains.values())) > _MOST:
        return None
    test = compiled(chosen.filters)
    answers = set(map(test, _events(domains)))
    if len(answers) > 1:
        return None
    (answer,) = answers
    wanted = Reach.every if answer else Reach.none
    return answer if all(reach(chosen, kind) is wanted for kind in kinds) else None


def differing(chosen: Selection, kinds: Iterable[EventKind]) -> CloudEvent | None:
    """Return an event that passes on Kafka's broker and not on Knative's others, or the other way round."""
    kafka, others = compiled(chosen.filters), compiled(chosen.filters, kafka=False)
    events = chain(*(_events(_domains(chosen, kind)) for kind in kinds), _events(_foreign(chosen)))
    return next((event for event in events if kafka(event) != others(event)), None)


def _domains(chosen: Selection, kind: EventKind) -> _Domains:
    """Return the values of each attribute that a filter looks at, in events of a kind."""
    domains: _Domains = {"type": [kind.type]}
    for name, values in chosen.values.items():
        if name in kind.choices:
            domains[name] = list(kind.choices[name])
        elif name in kind.free:
            domains[name] = [value for value in (*values, _OTHER) if value != kind.never.get(name)]
            domains[name] += [None] if name in kind.optional else []
    return domains


def _foreign(chosen: Selection) -> _Domains:
    """Return the same for events that anybody might send: of types that are not ours, each attribute there or not."""
    domains: _Domains = {"type": [_OTHER]}
    for name, values in chosen.values.items():
        if name == "type":
            domains[name] += [value for value in values if not value.startswith(FAMILIES)]
        else:
            domains[name] = [*values, _OTHER, *(() if name in _REQUIRED else (None,))]
    return domains


def _meant(foreign: _Domains, kinds: Iterable[EventKind]) -> _Domains:
    """Return the values of others' events without those that are slips of the pen for what ours have."""
    types = [value for value in foreign["type"] if value == _OTHER or not is_slip_of_type(value or "")]
    domains = {**foreign, "type": types}
    if len(types) > 1 or _NAMING & domains.keys():
        return domains
    known = {name for kind in kinds for name in (*kind.free, *kind.choices)}
    for name, values in foreign.items():
        if is_slip(name, known):
            domains[name] = [None]
        elif name in WORDS:
            domains[name] = [value for value in values if not is_slip(value or "", WORDS[name])]
    return domains


def _events(domains: _Domains) -> Iterator[CloudEvent]:
    for values in islice(product(*domains.values()), _MOST):
        yield _event({name: value for name, value in zip(domains, values, strict=True) if value is not None})


def _event(values: dict[str, str]) -> CloudEvent:
    own = {name: value for name, value in values.items() if name in _CONTEXT}
    extensions = {name: value for name, value in values.items() if name not in {*_CONTEXT, "time", "specversion"}}
    return CloudEvent(**{"id": "1", "source": _OTHER, **own}, time=_TIME, extensions=extensions)


def _around(dialect: str, value: str) -> tuple[str, ...]:
    """Return texts that a comparison takes, and for what only begins or ends so one that goes on."""
    if dialect.endswith("prefix"):
        return value, f"{value}{_OTHER}"
    if dialect.endswith("suffix"):
        return value, f"{_OTHER}{value}"
    return (value,)
