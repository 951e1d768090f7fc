"""Trigger filters as values, and their evaluation: pure, with the semantics of the Kafka data plane.

Missing attributes are where data planes differ (reference/knative.md §5); this one compares a missing extension as the
empty text, and discards the whole record where `prefix` or `suffix` looks at a missing subject or datacontenttype.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.events.cloudevent import CloudEvent

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


Filter = Exact | Prefix | Suffix | AllOf | AnyOf | Not

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


def compiled(filters: tuple[Filter, ...]) -> Test:
    """Return `passes` for these filters, for where many events are looked at."""
    test = _test(AllOf(filters))

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
        else:
            found += [(type(item).__name__.lower(), name, value) for name, value in item.attributes]
    return found


def _test(item: Filter) -> Test:
    if isinstance(item, AllOf | AnyOf):
        tests = tuple(_test(each) for each in item.filters)
        return _every(tests) if isinstance(item, AllOf) else _some(tests)
    if isinstance(item, Not):
        negated = _test(item.filter)
        return lambda event: not negated(event)
    return _every(tuple(_compare(item, name, value) for name, value in item.attributes))


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


def _compare(item: Exact | Prefix | Suffix, name: str, value: str) -> Test:
    if isinstance(item, Exact):
        if name == "type":  # what nearly every filter looks at
            return lambda event: event.type == value
        return lambda event: (event.attribute(name) or "") == value
    if isinstance(item, Prefix):
        return lambda event: _present(event, name).startswith(value)
    return lambda event: _present(event, name).endswith(value)


def _present(event: CloudEvent, name: str) -> str:
    value = event.attribute(name)
    if value is None and name in _DISCARDS_WHEN_MISSING:
        raise _DiscardedError
    return value or ""
