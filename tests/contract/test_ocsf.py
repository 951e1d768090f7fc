"""The mappings to OCSF: what each payload becomes is valid by the published schema, and nothing unknown is in it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from shared.events.model import Classified, Observation
from shared.events.outcome import Done
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.runtime.registry import load
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.conftest import ROOT
from tests.support import unknown_events
from tests.support.records import classified
from tests.support.rigs.place import Delivering, placed
from tests.support.rigs.registry import RECORDS
from tests.support.specimens import observations, specimens

CLASSES = {2004: "detection_finding", 6003: "api_activity", 2003: "compliance_finding"}


class Target(NamedTuple):
    """A destination that speaks OCSF: its settings, and how the event is found in what it sends."""

    settings: Mapping[str, str]
    event: Callable[[Any], dict[str, Any]]
    """The event of a preview's body, without what the destination itself adds beside it."""
    own: frozenset[str]
    """What it adds."""


TARGETS = {
    "siem_forwarder": Target(
        {"SPLUNK_HEC_URL": "https://splunk.example:8088", "SPLUNK_TOKEN": "t", "SPLUNK_MAPPING": "ocsf"},
        lambda body: dict(body["event"]),
        frozenset({"event_id"}),
    ),
    "elastic_forwarder": Target(
        {"ELASTIC_URL": "https://elastic.example:9200", "ELASTIC_API_KEY": "a:b", "ELASTIC_MAPPING": "ocsf"},
        lambda body: dict(body[1]),
        frozenset({"@timestamp", "data_stream", "event"}),
    ),
    "webhook": Target({"WEBHOOK_URL": "https://target.example/in", "WEBHOOK_MAPPING": "ocsf"}, dict, frozenset()),
}
SETTINGS = TARGETS["siem_forwarder"].settings


@pytest.fixture(scope="module", params=sorted(TARGETS))
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0")).get_class_schema(name))


@cache
def subjects() -> list[Classified]:
    """Return every observation that we have, with what the shipped rules say of it."""
    ruleset = load_shipped()
    seen = [one for specimen in specimens() for one in observations(specimen.payload)]
    seen += [one.observation for one in unknown_events.events(Path(__file__).with_name("unknown_events.yaml"))]
    return [Classified(observation=one, verdict=classify(one, ruleset)) for one in seen]


@pytest.fixture(scope="module")
def made(target: str) -> list[tuple[Observation, dict[str, Any]]]:
    """Return every observation with its OCSF event."""
    destination = TARGETS[target]
    forwarder: Any = load(target, destination.settings, Metrics(), store=MemoryStore())
    found = []
    for subject in subjects():
        event = destination.event(forwarder.preview(subject)[0].body)
        assert event.keys() >= destination.own
        found.append((subject.observation, {name: event[name] for name in event.keys() - destination.own}))
    return found


def test_the_event_is_the_same_wherever_it_goes() -> None:
    """Each shipped file stands alone; what is the event in it is one text in three places."""

    def read(function: str, *below: str) -> tuple[Any, Any]:
        whole = yaml.safe_load((ROOT / "functions" / function / "mappings" / "ocsf.yaml").read_text())
        fields = whole["operations"]["record"]
        for name in below:
            fields = fields[name]["fields"]
        return whole["lookups"], {name: value for name, value in fields.items() if name != "_index"}

    assert read("siem_forwarder", "event") == read("elastic_forwarder") == read("webhook", "body")


def test_a_cluster_with_the_shipped_templates_takes_every_event() -> None:
    """A field that is of one type for one event and of another for the next would be refused."""
    with placed(RECORDS["elastic_forwarder"]) as place:
        place.settings = {**place.settings, "ELASTIC_MAPPING": "ocsf"}

        async def main(deliver: Delivering) -> list[Any]:
            results = await asyncio.gather(*(deliver(subject) for subject in subjects()))
            return [result.outcome for result in results]

        assert set(place.play(main)) == {Done()}
        assert place.app.streams() == ["logs-k8s.ocsf-default"]


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
