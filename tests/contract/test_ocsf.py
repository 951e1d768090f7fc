"""The mapping to OCSF: what each payload becomes is valid by the published schema, and nothing unknown is in it."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from shared.events.model import Classified, Observation
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.support import unknown_events
from tests.support.records import classified
from tests.support.specimens import observations, specimens

MAPPING = ROOT / "functions" / "siem_forwarder" / "mappings" / "ocsf.yaml"
SETTINGS = {"SPLUNK_HEC_URL": "https://splunk.example:8088", "SPLUNK_TOKEN": "t", "SPLUNK_MAPPING": str(MAPPING)}
CLASSES = {2004: "detection_finding", 6003: "api_activity", 2003: "compliance_finding"}


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema(name))


@pytest.fixture(scope="module")
def made() -> list[tuple[Observation, dict[str, Any]]]:
    """Return every observation that we have with its OCSF event."""
    forwarder: Any = load("siem_forwarder", SETTINGS, Metrics())
    ruleset = load_shipped()
    seen = [one for specimen in specimens() for one in observations(specimen.payload)]
    seen += [one.observation for one in unknown_events.events(Path(__file__).with_name("unknown_events.yaml"))]
    found = []
    for observation in seen:
        subject = Classified(observation=observation, verdict=classify(observation, ruleset))
        event = dict(forwarder.preview(subject)[0].body["event"])
        assert event.pop("event_id") == observation.identity  # Splunk's own, beside what the schema has
        found.append((observation, event))
    return found


def test_every_event_is_valid_by_the_published_schema(made: list[tuple[Observation, dict[str, Any]]]) -> None:
    wrong = Counter(
        f"{CLASSES[event['class_uid']]} {error.json_path}: {error.message[:150]}"
        for _, event in made
        for error in validator(CLASSES[event["class_uid"]]).iter_errors(event)
    )
    assert wrong == Counter()
    assert len(made) > 300


def test_all_three_classes_come_out(made: list[tuple[Observation, dict[str, Any]]]) -> None:
    found = Counter(event["class_uid"] for _, event in made)
    assert set(found) == set(CLASSES)
    assert min(found.values()) >= 10, found


def test_type_class_category_and_activity_agree(made: list[tuple[Observation, dict[str, Any]]]) -> None:
    for observation, event in made:
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], observation
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["metadata"]["uid"] == observation.identity
        assert event["time"] == int(observation.time.timestamp() * 1000)


@pytest.mark.parametrize(
    ("code", "status"), [(200, 1), (201, 1), (403, 2), (500, 2), ("403", 2), (None, 1), ("", 1), ([], 1), ({"a": 1}, 1)]
)
def test_a_request_succeeded_or_failed_whatever_stands_for_its_code(code: Any, status: int) -> None:
    forwarder: Any = load("siem_forwarder", SETTINGS, Metrics())
    subject = classified(dialect="audit", action="create", original={"responseStatus": {"code": code}})
    event = forwarder.preview(subject)[0].body["event"]
    assert (event["class_uid"], event["activity_id"], event["status_id"]) == (6003, 1, status)


def test_the_schema_check_finds_what_is_missing_and_what_is_unknown() -> None:
    forwarder: Any = load("siem_forwarder", SETTINGS, Metrics())
    event = dict(forwarder.preview(classified())[0].body["event"])
    problems = {error.validator for error in validator("detection_finding").iter_errors(event)}
    assert problems == {"additionalProperties"}, "event_id is Splunk's"
    del event["event_id"], event["finding_info"]
    assert [error.validator for error in validator("detection_finding").iter_errors(event)] == ["required"]
