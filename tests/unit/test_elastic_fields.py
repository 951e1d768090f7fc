"""Every field that the shipped mapping of Elastic makes is one of the Elastic Common Schema, or ours below `tidings`.

Rendered are the specimens of every dialect and every event of the recorded day, judged by the shipped rules.
"""

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.elastic_forwarder.settings import MAPPING
from shared.delivery.mapping import Mapping, load_mapping
from shared.destinations.elastic.record import Document, document
from shared.events.cloudevent import CloudEvent
from shared.events.codec import decode as decode_http
from shared.events.model import Classified, Observation
from shared.local.recorded.player import requests
from shared.local.standins.elastic.fields import flattened
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.sources.registry import decode
from tests.support.records import classified
from tests.support.specimens import RECEIVED, decoded, specimens

OURS = "tidings."
TEXTS = {"keyword", "wildcard", "constant_keyword", "match_only_text"}
INDEX = "logs-k8s.events-default"


@pytest.fixture(scope="module")
def schema(shared_data: Path) -> dict[str, Any]:
    file = shared_data / "data" / "schemas" / "ecs_flat.yml"
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded


def mapping() -> Mapping:
    found = load_mapping(MAPPING)
    assert isinstance(found, Mapping), found
    return found


def day() -> Iterator[Observation]:
    for request in requests():
        event = decode_http(request.headers, request.body)
        assert isinstance(event, CloudEvent)
        found = decode(event, cluster="prod", now=RECEIVED)
        yield from found if isinstance(found, list) else ()


@cache
def documents() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return the sources of all that is rendered, each with its dialect."""
    rules, made = load_shipped(), mapping()
    seen = [
        one for item in specimens() for found in [decoded(item.payload)] if isinstance(found, list) for one in found
    ]
    found = []
    for one in (*seen, *day()):
        rendered = document(Classified(observation=one, verdict=classify(one, rules)), made, index=INDEX)
        assert isinstance(rendered, Document), rendered
        found.append((one.dialect, rendered.source))
    return tuple(found)


def fields(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def fits(kind: str, value: Any) -> bool:
    if kind in TEXTS:
        return isinstance(value, str)
    if kind in {"long", "float"}:
        return isinstance(value, int if kind == "long" else int | float) and not isinstance(value, bool)
    if kind == "date":
        return datetime.fromisoformat(value).tzinfo is not None
    return kind == "ip" and bool(ipaddress.ip_address(value))


def test_every_field_is_one_of_the_schema_and_has_its_type(schema: dict[str, Any]) -> None:
    wrong = Counter[str]()
    for dialect, source in documents():
        for name, value in fields(source):
            if name.startswith(OURS):
                continue
            known = schema.get(name)
            if known is None:
                wrong[f"{dialect}: there is no {name}"] += 1
                continue
            several = "array" in known["normalize"]
            if isinstance(value, list) != several:
                wrong[f"{dialect}: {name} is {'a list' if several else 'no list'}"] += 1
            for one in value if isinstance(value, list) else [value]:
                if not fits(known["type"], one):
                    wrong[f"{dialect}: {name} is {known['type']}, not {one!r:.40}"] += 1
    assert not wrong


def test_every_value_of_a_closed_set_is_in_it(schema: dict[str, Any]) -> None:
    allowed = {
        name: {one["name"] for one in known["allowed_values"]}
        for name, known in schema.items()
        if known.get("allowed_values")
    }
    wrong = {
        (name, value)
        for _, source in documents()
        for name, given in fields(source)
        if name in allowed
        for value in (given if isinstance(given, list) else [given])
        if value not in allowed[name]
    }
    assert not wrong
    patterns = {name: known["pattern"] for name, known in schema.items() if known.get("pattern")}
    assert not [
        (name, value)
        for _, source in documents()
        for name, value in fields(source)
        if name in patterns and not re.fullmatch(patterns[name], str(value))
    ]


def test_each_type_of_an_event_is_expected_in_each_of_its_categories(schema: dict[str, Any]) -> None:
    expected = {one["name"]: set(one["expected_event_types"]) for one in schema["event.category"]["allowed_values"]}
    found = Counter(
        (dialect, category, kind)
        for dialect, source in documents()
        for category in source["event"]["category"]
        for kind in source["event"]["type"]
    )
    assert not {key: count for key, count in found.items() if key[2] not in expected[key[1]]}
    assert {category for _, category, _ in found} >= {"process", "host", "configuration", "iam", "network"}
    assert {kind for *_, kind in found} >= {"info", "creation", "change", "deletion", "denied"}


def test_what_the_schema_requires_is_always_there(schema: dict[str, Any]) -> None:
    required = {name for name, known in schema.items() if known.get("required")}
    assert required
    for _, source in documents():
        assert required <= {name for name, _ in fields(source)}


def test_no_field_is_an_empty_or_nearly_empty_text() -> None:
    """A slip of white space in a template would look up nothing, and index blanks."""
    blank = {
        name
        for _, source in documents()
        for name, given in fields(source)
        for value in (given if isinstance(given, list) else [given])
        if isinstance(value, str) and (not value or (value != value.strip() and name != "message"))
    }
    assert not blank


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("audit", {("configuration", "access"), ("iam", "admin"), ("process", "info")}),
        ("falco", {("intrusion_detection", "info"), ("iam", "info")}),
        ("kyverno", {("intrusion_detection", "denied")}),
        ("hubble", {("network", "denied"), ("network", "info")}),
        ("trivy", {("vulnerability", "info")}),
    ],
)
def test_a_dialect_is_found_where_analysts_look_for_it(dialect: str, expected: set[tuple[str, str]]) -> None:
    found = {
        (category, kind)
        for name, source in documents()
        if name == dialect
        for category in source["event"]["category"]
        for kind in source["event"]["type"]
    }
    assert found >= expected


def test_only_security_and_admission_problems_are_alerts_and_never_signals() -> None:
    for _, source in documents():
        told = source["tidings"]
        alert = told["phase"] == "problem" and told["category"] != "infrastructure"
        assert source["event"]["kind"] == ("alert" if alert else "event")
        assert source["event"]["severity"] in {21, 47, 73, 99}, "what Elastic Security reads"


def test_a_request_to_the_api_server_says_who_from_where_and_how_it_ended() -> None:
    refused = [
        source for name, source in documents() if name == "audit" and source["event"].get("outcome") == "failure"
    ]
    assert refused
    for source in refused:
        assert source["user"]["name"] in source["related"]["user"]
        assert source["source"]["ip"] in source["related"]["ip"]
        assert source["user_agent"]["original"]


def test_names_with_dots_become_objects_and_the_identity_cannot_be_mapped_away() -> None:
    made = document(classified(), mapping(), index=INDEX)
    assert isinstance(made, Document)
    assert made.action == {"create": {"_index": INDEX, "_id": "id-1"}}
    assert made.source["event"]["id"] == "id-1"
    assert not [name for name in made.source if "." in name]
    assert made.source["data_stream"] == {"type": "logs", "dataset": "k8s.events", "namespace": "default"}


def test_an_index_that_is_no_data_streams_name_has_no_parts() -> None:
    for index in ("k8s-events", "events", "metrics-a-b", "logs-a"):
        made = document(classified(), mapping(), index=index)
        assert isinstance(made, Document)
        assert "data_stream" not in made.source


def test_the_shipped_template_has_every_field_that_is_rendered_with_its_type_in_the_schema(
    schema: dict[str, Any], root: Path
) -> None:
    folder = root / "functions" / "elastic_forwarder" / "setup"
    types: dict[str, str] = {}
    for name in ("mappings.json", "settings-elasticsearch.json"):
        template = json.loads((folder / name).read_text(encoding="utf-8"))["template"]
        types |= dict(flattened(template["mappings"]["properties"]))
    leaves = {name: kind for name, kind in types.items() if kind != "object"}
    assert {name for _, source in documents() for name, _ in fields(source)} <= leaves.keys()
    own = {name for name in leaves if name.startswith(OURS)}
    assert {name: kind for name, kind in leaves.items() if name not in own} == {
        name: schema[name]["type"] for name in leaves if name not in own
    }
