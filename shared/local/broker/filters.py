"""Trigger filters as values, and their evaluation: pure, with the semantics of the Kafka data plane.

Missing attributes are where data planes differ (reference/knative.md §5); this one compares a missing extension as the
empty text, and discards the whole record where `prefix` or `suffix` looks at a missing subject or datacontenttype.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.events.cloudevent import CloudEvent
from shared.local.broker.java_time import as_instant, as_offset

if TYPE_CHECKING:  # loaded where a filter is CESQL
    from shared.local.broker.cesql.tree import Node

# The Kafka data plane fails on these two when they are missing, and drops the record: not even a `not` around passes.
_DISCARDS_WHEN_MISSING = frozenset({"subject", "datacontenttype"})


class _DiscardedError(Exception):
    """The data plane would have dropped this record for this Trigger."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Every attribute equals its value; case matters."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Every attribute begins with its value."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Suffix:
    """Every attribute ends with its value."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every filter passes; true for none."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one filter passes; false for none."""

    filters: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The filter does not pass."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class Cesql:
    """The expression is true of the event."""

    text: str
    tree: "Node"


Filter = Exact | Prefix | Suffix | AllOf | AnyOf | Not | Cesql

Test = Callable[[CloudEvent], bool]
"""A filter ready for use: whether an event passes it."""


@dataclass(frozen=True, slots=True)
class FilterSet:
    """A Trigger's whole selection: `attributes` of `spec.filter`, `filters` of `spec.filters`.

    `filters` that is not empty overrides `attributes`; within each, everything must pass. Nothing at all passes all.
    """

    attributes: tuple[tuple[str, str], ...] = ()
    filters: tuple[Filter, ...] = field(default=())

    def effective(self) -> tuple[Filter, ...]:
        """Return the filters in force; an empty value in `attributes` drops out, as on Kafka."""
        if self.filters:
            return self.filters
        wanted = tuple((name, value) for name, value in self.attributes if value)
        return (Exact(wanted),) if wanted else ()


def matches(selection: FilterSet, event: CloudEvent) -> bool:
    """Return whether a Trigger with this selection gets the event."""
    return passes(selection.effective(), event)


def passes(filters: tuple[Filter, ...], event: CloudEvent) -> bool:
    """Return whether the event passes all of them, without the data plane dropping it on the way."""
    return compiled(filters)(event)


def compiled(filters: tuple[Filter, ...], *, kafka: bool = True) -> Test:
    """Return `passes` for these filters, made for many events; or what Knative's other brokers answer."""
    test = _test(AllOf(filters), kafka)

    def passes_all(event: CloudEvent) -> bool:
        try:
            return test(event)
        except _DiscardedError:
            return False

    return passes_all


def mentioned(filters: tuple[Filter, ...]) -> list[tuple[str, str, str]]:
    """Return (dialect, attribute, value) of every comparison, in order of writing: for validation."""
    found: list[tuple[str, str, str]] = []
    for item in filters:
        if isinstance(item, AllOf | AnyOf):
            found += mentioned(item.filters)
        elif isinstance(item, Not):
            found += [(f"not {dialect}", name, value) for dialect, name, value in mentioned((item.filter,))]
        elif isinstance(item, Cesql):
            from shared.local.broker.cesql.comparisons import comparisons  # as above

            found += comparisons(item.tree)
        else:
            found += [(type(item).__name__.lower(), name, value) for name, value in item.attributes]
    return found


def expressions(filters: tuple[Filter, ...]) -> "list[tuple[str, Node]]":
    """Return every CESQL expression, as text and tree."""
    found: list[tuple[str, Node]] = []
    for item in filters:
        if isinstance(item, Cesql):
            found.append((item.text, item.tree))
        elif isinstance(item, AllOf | AnyOf):
            found += expressions(item.filters)
        elif isinstance(item, Not):
            found += expressions((item.filter,))
    return found


def _test(item: Filter, kafka: bool) -> Test:  # noqa: FBT001 - passed on as it came
    if isinstance(item, AllOf | AnyOf):
        tests = tuple(_test(each, kafka) for each in item.filters)
        return _every(tests) if isinstance(item, AllOf) else _some(tests)
    if isinstance(item, Not):
        negated = _test(item.filter, kafka)
        return lambda event: not negated(event)
    if isinstance(item, Cesql):
        from shared.local.broker.cesql import evaluation  # as above

        flavour = evaluation.Flavour.kafka if kafka else evaluation.Flavour.standard
        true = evaluation.compiled(item.tree, flavour)
        return lambda event: true(_Java(event))
    return _every(tuple(_compare(item, name, value, kafka) for name, value in item.attributes))


def _every(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def every(event: CloudEvent) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs as much as all the tests
            if not test(event):
                return False
        return True

    return every


def _some(tests: tuple[Test, ...]) -> Test:
    def some(event: CloudEvent) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs as much as all the tests
            if test(event):
                return True
        return False

    return some


def _compare(item: Exact | Prefix | Suffix, name: str, value: str, kafka: bool) -> Test:  # noqa: FBT001 - as above
    text = _reader(name)
    if isinstance(item, Exact):
        if name == "type":  # what nearly every filter looks at
            return lambda event: event.type == value
        return lambda event: (text(event) or "") == value
    discards = kafka and name in _DISCARDS_WHEN_MISSING

    def present(event: CloudEvent) -> str:
        found = text(event)
        if discards and not found:
            raise _DiscardedError
        return found or ""

    if isinstance(item, Prefix):
        return lambda event: present(event).startswith(value)
    return lambda event: present(event).endswith(value)


def _reader(name: str) -> Callable[[CloudEvent], str | None]:
    """Return what reads an attribute as the data plane compares it."""
    if name == "time":
        return lambda event: None if event.time is None else as_instant(event.time)
    read = "dataschema" if name == "schemaurl" else name
    return lambda event: event.attribute(read)


@dataclass(frozen=True, slots=True)
class _Java:
    """An event as expressions see it: what they make of `time` is what Java makes of it."""

    event: CloudEvent

    def attribute(self, name: str) -> str | None:
        """Return the text of an attribute, None where the event has none."""
        if name == "time" and self.event.time is not None:
            return as_offset(self.event.time)
        return self.event.attribute(name)
