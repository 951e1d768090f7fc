"""What a foreign system takes in its fields: told before anything is sent, and cut where only the event decides."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.servicenow_incident.handler import MAPPING
from functions.servicenow_incident.handler import new as new_incident
from shared.cli.checked import check
from shared.delivery.limits import Limit
from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_file import read_text
from shared.delivery.preview import Preview
from shared.delivery.telling import context_of
from shared.destinations.servicenow.record import FIELDS
from shared.runtime.registry import FUNCTIONS
from shared.runtime.terms import terms_of
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.tickets import episode

LIMITS = {
    "short": Limit(10),
    "rank": Limit(choices=("1", "2")),
    "count": Limit(type="number"),
    "on": Limit(type="boolean"),
    "group.inner": Limit(5),
    "list.0": Limit(5),
}


def problems(fields: str, lookups: str = "{}") -> list[tuple[int, str, str]]:
    found = read_text(f"lookups: {lookups}\noperations:\n  open:\n    {fields}\n", "m", Terms(limits=LIMITS))
    return [(one.line, one.message, one.suggestion) for one in found] if isinstance(found, list) else []


@pytest.mark.parametrize(
    ("fields", "message", "suggestion"),
    [
        (
            "short: '12345678901'",
            "field `short`: the system takes at most 10 characters here, and these are 11",
            "shorten it",
        ),
        ("short: {value: a, default: '12345678901'}", "takes at most 10 characters here, and these are 11", "shorten"),
        ("short: {value: '{{ episode.summary }}', max: 11}", "at most 10 characters here", "write `max: 10`"),
        ("rank: 3", "the system does not take `3` here", "use one of: 1, 2"),
        ("rank: {from: episode.host, default: 5}", "does not take `5`", "use one of: 1, 2"),
        ("count: many", "`many` is no number", "use a number"),
        ("'on': 'yes'", "the system takes no `yes` here", "use true or false"),
        ("group: {fields: {inner: abcdef}}", "field `group.inner`: the system takes at most 5", "shorten it"),
        ("free: {value: many, type: number}", "`many` does not have the type that is asked for", "change one"),
        ("free: {from: episode.count, default: none, type: number}", "`none` does not have the type", "change one"),
        ("list: {items: [abcdef]}", "field `list.0`: the system takes at most 5", "shorten it"),
        ("short: {items: [a]}", "field `short` is a single value over there", "use `value` or `from`"),
        ("short: {fields: {a: b}}", "field `short` is a single value over there", "use `value` or `from`"),
    ],
)
def test_what_the_system_would_refuse_whatever_the_event_says_is_a_mistake_with_its_line(
    fields: str, message: str, suggestion: str
) -> None:
    ((line, said, hint),) = problems(fields)
    assert (line, message in said, suggestion in hint) == (4, True, True), (said, hint)


@pytest.mark.parametrize("fields", ["rank: {from: episode.severity}", "rank: '{{ episode.severity }}'"])
def test_a_word_of_the_event_model_that_the_system_does_not_know_is_told_before_it_comes(fields: str) -> None:
    found = problems(fields)
    assert [line for line, _, _ in found] == [4] * 5
    assert "field `rank`: the system does not take `critical` here" in [said for _, said, _ in found]
    assert problems("short: {from: episode.severity}") == []


def test_a_value_of_a_lookup_is_told_at_its_own_line() -> None:
    ((line, said, _),) = problems("rank: {from: episode.severity, lookup: r}", "{r: {high: 1, low: 7, none: null}}")
    assert (line, said) == (1, "field `rank`: the system does not take `7` here")


def test_a_list_of_a_lookup_is_told_where_the_system_takes_a_single_value() -> None:
    ((line, said, _),) = problems("rank: {from: episode.severity, lookup: r}", "{r: {high: [1, 2]}}")
    assert (line, said) == (1, "field `rank`: the system takes a single value here, no list")
    assert problems("free: {from: episode.severity, lookup: r}", "{r: {high: [1, 2]}}") == []


@pytest.mark.parametrize(
    "fields",
    [
        "short: '1234567890'",
        "short: {value: '12345678901', max: 10}",
        "short: '{{ episode.summary }}'",
        "rank: 2",
        "count: {value: '1.5', type: number}",
        "'on': true",
        "group: {fields: {inner: abcde, other: any length at all}}",
        "unknown: nothing is known of it",
        "short: {fields: {a: b}, type: json-text}",
    ],
)
def test_what_it_takes_or_what_only_the_event_decides_is_no_mistake(fields: str) -> None:
    assert problems(fields) == []


def bounded(fields: str, tmp_path: Path) -> Mapping:
    file = tmp_path / "own.yaml"
    low = "{for: {severity: low}, operations: {open: {short: '{{ episode.message }}'}}}"
    file.write_text(f"operations:\n  open: {{{fields}}}\noverrides:\n- {low}\n")
    found = load_mapping(file, Terms(limits=LIMITS))
    assert isinstance(found, Mapping), found
    return found


def test_a_text_without_max_is_cut_where_the_system_ends_it(tmp_path: Path) -> None:
    mapping = bounded(
        "short: '{{ episode.summary }}', free: '{{ episode.summary }}', "
        "group: {fields: {inner: {from: episode.summary}}}, list: {items: [{from: episode.summary}]}",
        tmp_path,
    )
    summary = "Pod shop/api-0 keeps crashing"
    values = render(mapping, "open", context_of(episode(summary=summary)))
    assert values == {"short": "Pod shop/…", "free": summary, "group": {"inner": "Pod …"}, "list": ["Pod …"]}
    low = render(mapping, "open", context_of(episode(summary=summary, severity="low", message="m" * 99)))
    assert isinstance(low, dict)
    assert low["short"] == "m" * 9 + "…"


def test_a_max_of_the_mapping_that_is_smaller_stays(tmp_path: Path) -> None:
    mapping = bounded("short: {value: '{{ episode.summary }}', max: 4}", tmp_path)
    assert render(mapping, "open", context_of(episode())) == {"short": "Pod…"}


@settings(deadline=None)
@given(st.text(max_size=200))
def test_nothing_that_is_sent_is_longer_than_the_system_takes(text: str) -> None:
    found = load_mapping(MAPPING, Terms(limits=FIELDS, shipped=MAPPING))
    assert isinstance(found, Mapping)
    one = episode(summary=text * 30, message=text * 30, category="security", labels={"team": text})
    values = render(found, "open", context_of(one))
    assert isinstance(values, dict)
    assert all(
        len(value) <= FIELDS[name].longest for name, value in values.items() if name in FIELDS and FIELDS[name].longest
    )


def test_an_incident_knows_its_limits_at_the_start_and_at_validate(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "destination: servicenow_incident\noperations:\n  open:\n"
        "    short_description: '{{ episode.summary }}'\n    impact: high\n"
    )
    environ = {"SERVICENOW_INSTANCE": "https://sn.example", "SERVICENOW_TOKEN": "t", "SERVICENOW_MAPPING": str(own)}
    (problem,) = check([own]).problems
    assert (problem.line, problem.message) == (5, "field `impact`: the system does not take `high` here")
    with pytest.raises(SettingsError, match=r"own\.yaml:5: field `impact`"):
        new_incident(environ, Metrics())
    own.write_text(own.read_text().replace("impact: high", "impact: 2"))
    (preview,) = shown(new_incident(environ, Metrics()).preview(episode(summary="s" * 500)))
    assert len(preview.body["short_description"]) == 160


def shown(found: Any) -> list[Preview]:
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("name", [name for name, one in FUNCTIONS.items() if one.destination is not None])
def test_every_shipped_mapping_is_within_what_its_system_takes(name: str, root: Path) -> None:
    destination = FUNCTIONS[name].destination
    assert destination is not None
    terms = terms_of({name: destination})
    folder = root / "functions" / name
    for path in [folder / "mapping.yaml", *sorted(folder.glob("mappings/*.yaml"))]:
        assert isinstance(load_mapping(path, terms), Mapping), path
