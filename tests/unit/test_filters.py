"""Trigger filters: the semantics of the Kafka data plane (reference/knative.md §5)."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevent import CloudEvent
from shared.local.broker.cesql.grammar import parse
from shared.local.broker.filters import (
    AllOf,
    AnyOf,
    Cesql,
    Exact,
    Filter,
    FilterSet,
    Not,
    Prefix,
    Suffix,
    compiled,
    matches,
    mentioned,
    passes,
)
from tests.conftest import ROOT

EVENT = CloudEvent(
    id="1",
    source="/cluster/one",
    type="dev.tidings.problem.opened.v1",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    extensions={"category": "infrastructure", "empty": ""},
)
WITH_SUBJECT = CloudEvent(id="1", source="s", type="t", subject="pods/web")


def exact(**attributes: str) -> Exact:
    return Exact(tuple(attributes.items()))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (exact(type="dev.tidings.problem.opened.v1"), True),
        (exact(type="Dev.tidings.problem.opened.v1"), False),
        (exact(type="dev.tidings.problem.opened.v1", category="security"), False),
        (exact(specversion="1.0"), True),
        (exact(time="2026-01-02T03:04:05Z"), True),
        (Prefix((("type", "dev.tidings.problem."),)), True),
        (Prefix((("category", "infra"), ("type", "other"))), False),
        (Suffix((("source", "/one"),)), True),
        (Suffix((("source", "/on"),)), False),
        (AnyOf((exact(id="2"), exact(id="1"))), True),
        (AllOf((exact(id="2"), exact(id="1"))), False),
        (Not(exact(id="2")), True),
        (AnyOf(()), False),
        (AllOf(()), True),
    ],
)
def test_each_dialect_compares_as_its_name_says(item: Filter, expected: bool) -> None:  # noqa: FBT001
    assert passes((item,), EVENT) is expected


def test_a_missing_extension_is_compared_as_the_empty_text() -> None:
    assert not passes((exact(severity="high"),), EVENT)
    assert not passes((Prefix((("severity", "h"),)),), EVENT)
    assert not passes((Suffix((("severity", "h"),)),), EVENT)
    assert passes((Not(exact(severity="high")),), EVENT)
    assert passes((Not(Prefix((("severity", "h"),))),), EVENT)


def test_prefix_or_suffix_on_a_missing_subject_discards_the_record_even_inside_not() -> None:
    looks = Prefix((("subject", "pods/"),))
    assert not passes((looks,), EVENT)
    assert not passes((Not(looks),), EVENT)
    assert not passes((Not(Suffix((("subject", "x"),))),), EVENT)
    assert passes((Not(exact(subject="pods/web")),), EVENT), "exact survives a missing subject"
    assert passes((looks,), WITH_SUBJECT)
    assert not passes((Not(looks),), WITH_SUBJECT)


def test_any_that_is_satisfied_before_it_looks_at_the_missing_subject_passes() -> None:
    looks = Prefix((("subject", "pods/"),))
    assert passes((AnyOf((exact(id="1"), looks)),), EVENT)
    assert not passes((AnyOf((looks, exact(id="1"))),), EVENT)


def test_an_empty_value_in_filter_attributes_drops_out_and_matches_events_without_it() -> None:
    assert matches(FilterSet((("severity", ""), ("category", "infrastructure"))), EVENT)
    assert matches(FilterSet((("severity", ""),)), EVENT)
    assert not matches(FilterSet((("severity", ""), ("category", "security"))), EVENT)


def test_filters_override_filter_attributes() -> None:
    both = FilterSet((("category", "security"),), (exact(category="infrastructure"),))
    assert matches(both, EVENT)
    assert matches(FilterSet(), EVENT), "a Trigger without any filter gets everything"


def test_all_comparisons_are_listed_with_their_dialect() -> None:
    tree = (AnyOf((exact(a="1"), Not(Prefix((("b", "2"),))))), Suffix((("c", "3"),)))
    assert mentioned(tree) == [("exact", "a", "1"), ("not prefix", "b", "2"), ("suffix", "c", "3")]


NAMES = st.sampled_from(["a", "b", "type", "source"])
VALUES = st.text(alphabet="xyz", max_size=3)
LEAVES = st.builds(
    lambda kind, pairs: kind(tuple(pairs.items())),
    st.sampled_from([Exact, Prefix, Suffix]),
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=2),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda items: AllOf(tuple(items)), st.lists(inner, max_size=3)),
        st.builds(lambda items: AnyOf(tuple(items)), st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)
EVENTS = st.builds(
    lambda kind, source, extensions: CloudEvent(id="1", source=source, type=kind, extensions=extensions),
    VALUES,
    VALUES,
    st.dictionaries(st.sampled_from(["a", "b"]), VALUES),
)


@given(TREES, EVENTS)
def test_not_turns_every_answer_round_where_no_record_is_discarded(tree: Filter, event: CloudEvent) -> None:
    assert passes((Not(tree),), event) is not passes((tree,), event)


@given(st.lists(TREES, max_size=4), EVENTS)
def test_all_and_any_are_each_others_negation(trees: list[Filter], event: CloudEvent) -> None:
    negated = tuple(Not(tree) for tree in trees)
    assert passes((AnyOf(tuple(trees)),), event) is not passes((AllOf(negated),), event)
    assert passes(tuple(trees), event) is passes((AllOf(tuple(trees)),), event)


@given(NAMES, VALUES, EVENTS)
def test_what_is_exactly_so_also_begins_and_ends_so(name: str, value: str, event: CloudEvent) -> None:
    pair = ((name, value),)
    if passes((Exact(pair),), event):
        assert passes((Prefix(pair), Suffix(pair)), event)


def cesql(text: str) -> Cesql:
    return Cesql(text, parse(text))


@pytest.mark.parametrize(
    ("item", "kafka", "others"),
    [
        (exact(team="a"), False, False),
        (Not(exact(team="a")), True, True),
        (Not(Prefix((("team", "a"),))), True, True),
        (Prefix((("subject", "a"),)), False, False),
        (Not(Prefix((("subject", "a"),))), False, True),
        (AnyOf((Suffix((("subject", "a"),)), exact(category="infrastructure"))), False, True),
        (cesql("team = 'a'"), False, False),
        (Not(cesql("team = 'a'")), True, True),
        (cesql("NOT (team = 'a')"), True, False),
        (cesql("team = 'a' OR category = 'infrastructure'"), True, False),
        (cesql("NOT EXISTS team AND category LIKE 'infra%'"), True, True),
        (AllOf((cesql("EXISTS empty"), AnyOf((cesql("type = 'x'"), exact(category="infrastructure"))))), True, True),
    ],
)
def test_a_missing_attribute_is_answered_as_each_data_plane_does(item: Filter, kafka: bool, others: bool) -> None:  # noqa: FBT001
    assert compiled((item,))(EVENT) is kafka
    assert compiled((item,), kafka=False)(EVENT) is others


@pytest.mark.parametrize(
    ("time", "compared", "in_cesql"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00Z", "2026-01-02T03:04Z"),
        (datetime(2026, 1, 2, 3, 4, 0, 250_000, UTC), "2026-01-02T03:04:00.250Z", "2026-01-02T03:04:00.250Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 250_001, UTC), "2026-01-02T03:04:05.250001Z", "2026-01-02T03:04:05.250001Z"),
    ],
)
def test_a_time_is_compared_as_java_writes_it(time: datetime, compared: str, in_cesql: str) -> None:
    event = EVENT._replace(time=time)
    assert passes((exact(time=compared), Prefix((("time", compared[:4]),))), event)
    assert passes((cesql(f"time = '{in_cesql}'"),), event)


def test_the_older_name_of_dataschema_is_known() -> None:
    assert passes((exact(schemaurl="http://schema"),), EVENT._replace(dataschema="http://schema"))


def test_filters_without_cesql_load_no_parser() -> None:
    program = (
        "import sys; from pathlib import Path; from shared.local.broker.loader import load_topology; "
        "load_topology(Path('knative')); assert 'lark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
