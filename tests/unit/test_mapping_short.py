"""The short way to a field's value gives what the long way gives, for any field and any event."""

from collections.abc import Mapping as Members
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.delivery.mapping import Mapping, render
from shared.delivery.mapping_field import Field
from shared.delivery.templates import MISSING, follow, getter
from shared.events.model import ObjectRef, Observation

PATHS = st.sampled_from(
    [
        "observation.cluster",
        "observation.object",
        "observation.object.name",
        "observation.object.path",
        "observation.owner",
        "observation.owner.path",
        "observation.count",
        "observation.time",
        "observation.first_time",
        "observation.labels",
        "observation.labels.app",
        "observation.labels.items",
        "observation.original",
        "observation.original.deep.name",
        "observation.original.n",
        "observation.nothing",
        "observation",
        "nothing.at.all",
    ]
).map(lambda path: tuple(path.split(".")))
TEXTS = st.sampled_from(["", "a", "b", "Bearer abcdefghijklmnop0123456789", "0", "true"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["n", "deep", "name"]), inner, max_size=3)
    ),
    max_leaves=5,
)
LOOKUPS = st.none() | st.dictionaries(st.sampled_from(["", "a", "0", "1", "True", "None"]), JSON, max_size=3)
FIELDS = st.builds(
    Field,
    name=st.just("x"),
    path=PATHS,
    lookup=LOOKUPS,
    default=st.none() | TEXTS | st.integers(0, 1),
    max=st.sampled_from([0, 0, 2]),
    convert=st.sampled_from([None, None, float]),
)
TIME = datetime(2026, 3, 1, 8, 0, 0, 500, UTC)
OBSERVATIONS = st.builds(
    Observation,
    identity=st.just("i"),
    dialect=st.just("d"),
    cluster=TEXTS,
    object=st.builds(ObjectRef, kind=TEXTS, name=TEXTS),
    owner=st.none() | st.builds(ObjectRef, kind=TEXTS, name=TEXTS),
    time=st.just(TIME),
    received=st.just(TIME),
    first_time=st.none() | st.just(TIME),
    labels=st.dictionaries(st.sampled_from(["app", "items"]), TEXTS),
    original=st.dictionaries(st.sampled_from(["n", "deep"]), JSON),
)


def long_way(one: Field) -> Field:
    """Return the same field, whose value takes the long way."""
    same = replace(one)
    object.__setattr__(same, "take", None)
    return same


def rendered(one: Field, context: Members[str, Any]) -> object:
    return render(Mapping({"record": (one,)}), "record", context)


@given(FIELDS, OBSERVATIONS)
def test_a_field_has_the_same_value_by_the_short_way(one: Field, seen: Observation) -> None:
    context = {"observation": seen}
    short, long = rendered(one, context), rendered(long_way(one), context)
    assert repr(short) == repr(long)


@given(PATHS, OBSERVATIONS)
def test_a_path_leads_to_the_same_value_by_the_short_way(path: tuple[str, ...], seen: Observation) -> None:
    expected = follow(path, {"observation": seen})
    try:
        assert getter(path)(SimpleNamespace(observation=seen)) == expected
    except AttributeError:  # says that `follow` has to be asked: not of what has the attribute
        assert expected is MISSING or expected is None or "labels" in path or "original" in path


def test_most_fields_of_records_take_the_short_way() -> None:
    assert Field("x", path=("observation", "cluster")).take is not None
    assert Field("x", path=("observation", "cluster"), max=3).take is None
