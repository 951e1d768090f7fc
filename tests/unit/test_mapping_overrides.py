"""Overrides: fields that differ for some events, told by namespace, cluster, category, severity or label."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from shared.cli.app import app
from shared.delivery.mapping import Mapping, Terms, load_mapping, render
from shared.delivery.mapping_compiled import compile_mapping, compiled_file
from shared.delivery.mapping_file import read_text
from shared.delivery.telling import context_of
from tests.support.records import classified
from tests.support.tickets import episode

BASE = "operations:\n  open: {a: base, g: {fields: {x: one, y: two}}}\n  update: {a: again}\n"


def read(overrides: str, base: str = BASE) -> Mapping:
    mapping = read_text(f"{base}overrides:\n{overrides}", "m")
    assert isinstance(mapping, Mapping), mapping
    return mapping


def opened(overrides: str, **changes: Any) -> Any:
    return render(read(overrides), "open", context_of(episode(**changes)))


UNCHANGED = {"a": "base", "g": {"x": "one", "y": "two"}}


@pytest.mark.parametrize(
    ("demand", "holds"),
    [
        ("{namespace: shop}", True),
        ("{namespace: sho}", False),
        ("{namespace: sh*}", True),
        ("{namespace: [pay, shop]}", True),
        ("{namespace: [pay, ban*]}", False),
        ("{cluster: prod-*}", True),
        ("{cluster: test}", False),
        ("{category: infrastructure}", True),
        ("{category: sec*}", False),
        ("{severity: [high, critical]}", True),
        ("{severity: low}", False),
        ("{label: {team: blue}}", True),
        ("{label: {team: [red, blu*]}}", True),
        ("{label: {team: red}}", False),
        ("{label: {unknown: '*'}}", False),
        ("{label: {team: blue, tier: gold}}", True),
        ("{label: {team: blue, tier: tin}}", False),
        ("{namespace: shop, severity: high}", True),
        ("{namespace: shop, severity: low}", False),
        ("{namespace: '*'}", True),
    ],
)
def test_an_override_takes_effect_where_all_that_it_is_for_holds(demand: str, *, holds: bool) -> None:
    values = opened(
        f"  - {{for: {demand}, operations: {{open: {{a: other}}}}}}\n", labels={"team": "blue", "tier": "gold"}
    )
    assert values == ({**UNCHANGED, "a": "other"} if holds else UNCHANGED)


def test_an_event_of_a_namespace_itself_is_of_that_namespace() -> None:
    text = "  - {for: {namespace: shop}, operations: {open: {a: other}}}\n"
    assert opened(text, object={"kind": "Namespace", "name": "shop"})["a"] == "other"
    assert opened(text, object={"kind": "Node", "name": "shop"})["a"] == "base"


def test_later_ones_win_and_all_else_stays() -> None:
    text = (
        "  - {for: {namespace: shop}, operations: {open: {a: first, b: kept}}}\n"
        "  - {for: {severity: high}, operations: {open: {a: '{{ episode.severity }}'}, update: {a: upd}}}\n"
    )
    assert opened(text) == {**UNCHANGED, "a": "high", "b": "kept"}
    assert opened(text, severity="low") == {**UNCHANGED, "a": "first", "b": "kept"}
    assert render(read(text), "update", context_of(episode(severity="low"))) == {"a": "again"}
    assert render(read(text), "update", context_of(episode())) == {"a": "upd"}


def test_groups_merge_and_null_takes_a_field_away() -> None:
    differs = "a: null, g: {fields: {y: null, z: three}}, h: {fields: {i: j, k: null}}"
    text = f"  - {{for: {{namespace: shop}}, operations: {{open: {{{differs}}}}}}}\n"
    assert opened(text) == {"g": {"x": "one", "z": "three"}, "h": {"i": "j"}}
    assert opened(text, object={"kind": "Pod", "namespace": "x", "name": "n"}) == UNCHANGED
    hidden = "  - {for: {namespace: shop}, operations: {open: {g: {when: episode.count > 9, fields: {z: three}}}}}\n"
    assert opened(hidden) == {"a": "base"}
    assert opened("  - {for: {namespace: shop}, operations: {open: {g: flat}}}\n") == {"a": "base", "g": "flat"}


def test_records_are_judged_by_observation_and_verdict() -> None:
    mapping = read(
        "  - {for: {namespace: shop, severity: high, label: {team: blue}}, operations: {record: {event: mine}}}\n",
        "operations: {record: {event: '{{ verdict.rule }}'}}\n",
    )
    mine, other = classified(labels={"team": "blue"}), classified()
    assert render(mapping, "record", {"observation": mine.observation, "verdict": mine.verdict}) == {"event": "mine"}
    assert render(mapping, "record", {"observation": other.observation, "verdict": other.verdict}) == {
        "event": "crash-loop"
    }


WRONG = [
    ("- {for: {category: securty}, operations: {open: {a: b}}}", "there is no category `securty`", 'mean "security"'),
    ("- {for: {severity: none}, operations: {open: {a: b}}}", "there is no severity `none`", "use one of: critical"),
    ("- {for: {severity: x*}, operations: {open: {a: b}}}", "there is no severity `x*`", "use one of"),
    ("- {for: {namespace: Shop}, operations: {open: {a: b}}}", "no namespace is called `Shop`", "small letters"),
    ("- {for: {cluster: a*b}, operations: {open: {a: b}}}", "`a*b` never holds", "leave it out"),
    ("- {for: {namespace: []}, operations: {open: {a: b}}}", "`namespace` names nothing", "write what"),
    ("- {for: {}, operations: {open: {a: b}}}", "`for` is empty", "write what"),
    ("- {for: {namspace: a}, operations: {open: {a: b}}}", "`for` has no member `namspace`", 'mean "namespace"'),
    ("- {for: {label: blue}, operations: {open: {a: b}}}", "`label` must have members", ""),
    ("- {operations: {open: {a: b}}}", "an override needs `for`", "add `for:`"),
    ("- {for: {namespace: a}}", "an override needs `operations`", "add `operations:`"),
    ("- {for: {namespace: a}, operations: {open: {a: '{{ episode.sumary }}'}}}", "has no `sumary`", 'mean "summary"'),
    ("- {for: {namespace: a}, operations: {open: {a: {value: x, lookup: y}}}}", "there is no lookup `y`", "add it"),
    ("- {for: {namespace: a}, operations: {open: {mark: x}}}", "field `mark` is set by Tidings", "remove it"),
    ("- {for: {namespace: a}, operations: {open: {g: {fields: {id: x}}}}}", "field `g.id` is set by", "remove it"),
    ("- a", "an override must have members", ""),
    ("{for: a}", "`overrides` must be a list", ""),
]


@pytest.mark.parametrize(("text", "message", "suggestion"), WRONG)
def test_what_can_never_hold_and_what_cannot_be_rendered_is_told_with_its_line(
    text: str, message: str, suggestion: str
) -> None:
    found = read_text(f"{BASE}overrides:\n  {text}\n", "m", Terms(ours={"open": frozenset({"mark", "g.id"})}))
    assert isinstance(found, list), "a mistake was not found"
    (problem,) = found
    assert (problem.line, message in problem.message, suggestion in problem.suggestion) == (5, True, True), problem


def test_a_later_override_of_an_own_file_stands_behind_the_shipped_ones(tmp_path: Path) -> None:
    shipped = tmp_path / "mapping.yaml"
    shipped.write_text(
        f"{BASE}overrides:\n- {{for: {{namespace: shop}}, operations: {{open: {{a: theirs, b: kept}}}}}}\n"
    )
    own = "extends: shipped\noverrides:\n- {for: {severity: high}, operations: {open: {a: mine}}}\n"
    mapping = read_text(own, "m", Terms(shipped=shipped))
    assert isinstance(mapping, Mapping)
    assert render(mapping, "open", context_of(episode())) == {**UNCHANGED, "a": "mine", "b": "kept"}


def test_fields_of_overrides_are_among_the_names_and_are_prepared() -> None:
    mapping = read("  - {for: {namespace: shop}, operations: {open: {u_x: '{{ episode.count + 1 }}'}}}\n")
    assert "u_x" in mapping.names
    mapping.prepare()
    (one,) = mapping.overrides[0].operations["open"]
    assert one.text is not None
    assert one.text._compiled is not None


def test_compiled_overrides_are_the_overrides(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(
        f"{BASE}overrides:\n- {{for: {{namespace: [shop, b*], label: {{t: [x]}}}}, "
        "operations: {open: {a: null, c: d}}}\n"
    )
    compiled_file(file).write_bytes(compile_mapping(file))
    made, whole = load_mapping(file, Terms(shipped=file)), load_mapping(file)
    assert isinstance(made, Mapping)
    assert isinstance(whole, Mapping)
    assert (made, made.overrides) == (whole, whole.overrides)
    assert made.names == whole.names
    refused = load_mapping(file, Terms({"open": frozenset({"c"})}, shipped=file))
    assert isinstance(refused, list)
    assert refused[0].line == 5


def test_what_is_kept_of_put_together_fields_is_bounded() -> None:
    text = "".join(f"  - {{for: {{namespace: n{n}-*}}, operations: {{open: {{a: v{n}}}}}}}\n" for n in range(300))
    mapping = read(text)
    for n in range(300):
        one = episode(object={"kind": "Pod", "namespace": f"n{n}-x", "name": "p"})
        values = render(mapping, "open", context_of(one))
        assert isinstance(values, dict)
        assert values["a"] == f"v{n}"
    assert len(mapping._together) <= 256


@settings(deadline=None)
@given(st.permutations(range(4)), st.lists(st.sampled_from(["shop", "pay", "x"]), min_size=1, max_size=6))
def test_what_came_before_changes_nothing(order: list[int], namespaces: list[str]) -> None:
    lines = [
        "  - {for: {namespace: shop}, operations: {open: {a: '1', g: {fields: {x: '1'}}}}}\n",
        "  - {for: {namespace: [shop, pay]}, operations: {open: {a: '2', g: null}}}\n",
        "  - {for: {severity: high}, operations: {open: {g: {fields: {y: '3'}}}}}\n",
        "  - {for: {cluster: prod-1}, operations: {open: {a: null}}}\n",
    ]
    text = "".join(lines[place] for place in order)
    used = read(text)
    for namespace in namespaces:
        context = context_of(episode(object={"kind": "Pod", "namespace": namespace, "name": "p"}))
        assert render(used, "open", context) == render(read(text), "open", context)


def test_a_mapping_without_overrides_asks_nothing_of_the_event() -> None:
    mapping = read_text("operations: {record: {source: tidings}}", "m")
    assert isinstance(mapping, Mapping)
    assert render(mapping, "record", {}) == {"source": "tidings"}


EVENT = {
    "apiVersion": "v1", "kind": "Event", "reason": "FailedScheduling", "type": "Warning", "count": 4,
    "lastTimestamp": "2026-01-01T00:00:00Z", "message": "0/3 nodes are available: 3 Insufficient memory.",
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
}  # fmt: skip


def test_explain_shows_the_request_as_the_overrides_make_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets, records = tmp_path / "tickets.yaml", tmp_path / "records.yaml"
    tickets.write_text(
        "extends: shipped\noverrides:\n- {for: {namespace: shop}, operations: {open: {assignment_group: Shop}}}\n"
        "- {for: {namespace: pay}, operations: {open: {assignment_group: Pay}}}\n"
    )
    records.write_text(
        "extends: shipped\noverrides:\n- {for: {namespace: sh*}, "
        "operations: {record: {index: shop, event: {fields: {message: null}}}}}\n"
    )
    monkeypatch.chdir(root)
    monkeypatch.setenv("SERVICENOW_MAPPING", str(tickets))
    monkeypatch.setenv("SPLUNK_MAPPING", str(records))
    ended = CliRunner().invoke(app, ["explain", "-o", "json"], input=json.dumps(EVENT))
    assert ended.exit_code == 0, ended.output
    sent = {item["destination"]: item["body"] for item in json.loads(ended.stdout)[0]["sent"]}
    assert sent["servicenow_incident"]["assignment_group"] == "Shop"
    assert sent["servicenow_incident"]["short_description"]
    assert sent["siem_forwarder"]["index"] == "shop"
    assert "message" not in sent["siem_forwarder"]["event"]
    assert sent["siem_forwarder"]["event"]["reason"] == "FailedScheduling"
