"""`tidings dead-letters` of a bus: what a broker or a consumer put there is shown, sent again once, or discarded."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.bus.embedded import EmbeddedBus
from shared.bus.letters import as_it_was, next_attempt
from shared.bus.protocol import Topic
from shared.bus.topology import KUBERNETES, LETTERS, TRAIL, topic_of
from shared.cli.commands import build
from shared.events.attributes import of, of_episode
from shared.events.cloudevent import CloudEvent, type_of_transition
from shared.local.standins import servicenow
from shared.runtime.letters import subscriber_of
from tests.support.buses.use import publish, read, run
from tests.support.functions import environment
from tests.support.records import classified, classified_event
from tests.support.servers import serve
from tests.support.sinks import Sink
from tests.support.tickets import KEY, episode

APP = build(["dead-letters"])
SERVICE = "http://servicenow-incident.tidings.svc.cluster.local/"


def seen(number: int) -> CloudEvent:
    one = classified(f"id-{number}")
    return classified_event(one).with_extensions(**of(one.observation, one.verdict))


def opened() -> CloudEvent:
    one = episode()
    return CloudEvent(
        id=f"{one.id}-1",
        source="tidings/correlator",
        type=type_of_transition("opened"),
        extensions=of_episode(one),
        data=one.model_dump(mode="json"),
    )


def letter(event: CloudEvent, code: str = "422", stage: str = "mapping", reason: str = "it has no name") -> CloudEvent:
    """Return it as the Kafka Broker gives it to its sink: what `kne-` headers say stands over the event's own."""
    answer = base64.b64encode(b'{"error": "rejected"}').decode()
    said = {"stage": stage, "reason": reason} if stage else {}
    broker = {"knativeerrordest": SERVICE, "knativeerrorcode": code, "knativeerrordata": answer}
    return event.with_extensions(**broker, **said, knativekafkapartition="3", knativekafkaoffset="17")


@dataclass
class Place:
    """An embedded bus with its topics, and the command beside it."""

    path: Path
    extra: dict[str, str]

    def command(self, *arguments: str, code: int = 0) -> Any:
        settings = environment({"EMBEDDED_BUS": str(self.path), "COLUMNS": "300", **self.extra})
        line = ["dead-letters", *arguments, "--source", "embedded"]
        ended = CliRunner().invoke(APP, line, env=settings)
        assert ended.exit_code == code, ended.output
        return ended

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.command("list", *arguments, "-o", "json").stdout)
        return found

    def put(self, *letters: CloudEvent) -> None:
        async def work() -> None:
            bus = EmbeddedBus(self.path)
            for topic in (LETTERS, KUBERNETES, TRAIL):
                await bus.ensure(Topic(topic))
            await publish(bus, LETTERS, letters)
            await bus.close()

        run(work())

    def kept(self, topic: str) -> list[CloudEvent]:
        async def work() -> list[Any]:
            bus = EmbeddedBus(self.path)
            found = [record.event for record in await read(bus, topic)]
            await bus.close()
            return found

        return run(work())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "bus.db", {})


def test_what_the_broker_says_of_a_letter_is_its_reason_and_stage(place: Place) -> None:
    place.put(letter(seen(0)), letter(seen(1), code="503", stage=""))
    first, second = place.listed()
    assert (first["id"], first["trigger"], first["code"]) == ("0/1", SERVICE, 422)
    assert (first["stage"], first["reason"]) == ("mapping", "it has no name")
    assert (second["stage"], second["reason"]) == ("", "the subscriber answered 503"), "BackOff is the event's own"
    shown = json.loads(place.command("show", "0/1").stdout)
    assert shown["answer"] == '{"error": "rejected"}'
    assert shown["event"]["data"]["observation"]["identity"] == "id-0"
    assert "mapping" in place.command("list").stdout


def test_letters_are_counted_by_reason_stage_and_subscriber(place: Place) -> None:
    place.put(*(letter(seen(number)) for number in range(3)), letter(seen(3), code="503", stage=""))
    by = {name: place.listed("--group-by", name) for name in ("reason", "stage", "trigger")}
    assert by["reason"] == [
        {"reason": "it has no name", "letters": 3},
        {"reason": "the subscriber answered 503", "letters": 1},
    ]
    assert by["stage"] == [{"stage": "mapping", "letters": 3}, {"stage": "", "letters": 1}]
    assert by["trigger"] == [{"trigger": SERVICE, "letters": 4}]
    assert place.listed("--group-by", "stage", "--filter", "stage = 'mapping'") == by["stage"][:1]


def test_a_retry_by_filter_sends_the_event_as_it_was_and_lists_it_no_more(place: Place) -> None:
    place.put(*(letter(seen(number)) for number in range(3)), letter(seen(3), code="503", stage=""))
    sink = Sink()
    with serve(sink) as url:
        place.extra["K_SINK"] = url
        ended = place.command("retry", "--filter", "stage = 'mapping'", "--rate", "50", "-o", "json")
        assert json.loads(ended.stdout)["outcomes"] == {"done": 3}
        sent = sorted(sink.got, key=lambda one: one.id)
        again = place.command("retry", "--filter", "stage = 'mapping'", "-o", "json")
        assert json.loads(again.stdout)["outcomes"] == {}
        place.command("retry", "0/1", code=1)
    assert sent == [seen(number).with_extensions(tidingsretry="1") for number in range(3)]
    assert [one["id"] for one in place.listed()] == ["0/4"]
    ended_rows = place.listed("--ended")
    assert [(one["id"], one["act"], one["to"]) for one in ended_rows] == [
        ("0/1", "retried", "broker"),
        ("0/2", "retried", "broker"),
        ("0/3", "retried", "broker"),
    ]


def test_what_is_refused_again_or_not_taken_now_stays_listed(place: Place) -> None:
    place.put(letter(seen(0)), letter(seen(1)))
    with serve(Sink(status=lambda one: 400 if one.id == "c-id-0" else 202)) as url:
        place.extra["K_SINK"] = url
        ended = place.command("retry", "0/1", "0/2", "-o", "json", code=1)
    assert json.loads(ended.stdout)["outcomes"] == {"done": 1, "rejected": 1}
    assert [one["id"] for one in place.listed()] == ["0/1"]


def test_a_retry_that_fails_is_a_letter_of_its_own_with_one_attempt_more(place: Place) -> None:
    place.put(letter(seen(0)))
    place.put(letter(seen(0)))  # the broker gave it twice: it is one
    assert len(place.listed()) == 1
    sink = Sink()
    with serve(sink) as url:
        place.extra["K_SINK"] = url
        place.command("retry", "0/1")
        place.put(letter(sink.got[0]), letter(seen(0))._replace(extensions={"knativeerrordest": "webhook"}))
        retried = {one["trigger"]: one["retried"] for one in place.listed()}
        assert retried == {SERVICE: 1, "webhook": 0}, "and what another one could not be told is another letter"
        place.command("retry", "--filter", f"knativeerrordest = '{SERVICE}'")
    assert sink.got[1].extensions["tidingsretry"] == "2"
    assert {one.id for one in sink.got} == {"c-id-0"}


def test_who_discards_says_why_and_that_can_be_looked_up(place: Place) -> None:
    place.put(letter(seen(0)), letter(seen(1)))
    place.command("discard", "0/2", code=2)
    place.command("discard", "0/2", "--note", " ", code=2)
    place.command("discard", "0/2", "0/9", "--note", "a test of the network team", code=1)
    assert [one["id"] for one in place.listed()] == ["0/1"]
    (ended,) = place.listed("--ended")
    assert (ended["id"], ended["act"], ended["note"]) == ("0/2", "discarded", "a test of the network team")
    assert (ended["event_id"], ended["reason"]) == ("c-id-1", "it has no name")
    assert {topic_of(one) for one in place.kept(LETTERS)} == {LETTERS}


def test_a_letter_goes_to_the_destination_that_could_not_be_told_and_makes_one_ticket(place: Place) -> None:
    place.put(letter(opened()), letter(seen(1)), letter(seen(2)).with_extensions(knativeerrordest="http://other/"))
    desk, user = servicenow.new_app(), servicenow.USERS[0]
    with serve(desk) as url:
        sign_in = {"SERVICENOW_USERNAME": user.name, "SERVICENOW_PASSWORD": user.password}
        place.extra.update({"SERVICENOW_INSTANCE": url, **sign_in})
        ended = place.command("retry", "0/1", "--to", "subscriber", "-o", "json")
        place.put(letter(opened()).with_extensions(tidingsretry="1"))
        place.command("retry", "--filter", f"problemkey = '{KEY}'", "--to", "subscriber")
        refused = json.loads(place.command("retry", "0/3", "--to", "subscriber", "-o", "json", code=1).stdout)
        (incident,) = desk.records("incident")
    desk.close()
    assert json.loads(ended.stdout)["outcomes"] == {"done": 1}
    reports = place.kept(TRAIL)
    assert {one.data["number"] for one in reports} == {incident["number"]}, "its reply is in the trail"
    assert "names no destination" in refused["rejected"][0]["reason"]
    assert [one["id"] for one in place.listed()] == ["0/2", "0/3"]


def test_a_letter_goes_back_to_its_topic_where_there_is_no_broker(place: Place) -> None:
    place.put(letter(seen(0)))
    place.command("retry", "0/1", "--to", "bus")
    assert place.kept(KUBERNETES) == [seen(0).with_extensions(tidingsretry="1")]
    assert place.listed() == []


def test_what_the_answer_said_goes_and_the_events_own_reason_comes_back() -> None:
    for event in (seen(0), opened()):
        assert letter(event).extensions["reason"] == "it has no name"
        assert as_it_was(letter(event)) == event
        assert as_it_was(letter(event, stage="")) == event
        assert next_attempt(next_attempt(letter(event))).extensions["tidingsretry"] == "2"
    strange = CloudEvent("1", "s", "com.example", extensions={"colour": "red"}, data=[1])
    assert as_it_was(letter(strange)) == strange


@pytest.mark.parametrize(
    ("named", "function"),
    [
        (SERVICE, "servicenow_incident"),
        ("servicenow_incident", "servicenow_incident"),
        ("http://siem-forwarder.tidings.svc/", "siem_forwarder"),
        ("http://correlator.tidings.svc.cluster.local", None),
        ("http://elsewhere.example/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_letter_names_a_destination_by_its_service_or_its_name(named: str, function: str | None) -> None:
    assert subscriber_of(named) == function


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("retry",), 2, "name dead letters, or choose them by --filter"),
        (("retry", "7"), 2, "write it as 0/41"),
        (("retry", "0/1", "--filter", "TRUE"), 2, "not both"),
        (("retry", "--filter", "stage ="), 2, "--filter"),
        (("retry", "0/1", "--to", "pigeons"), 2, "there is no pigeons"),
        (("retry", "0/1"), 1, "K_SINK"),
        (("list", "--topic", "nothing"), 1, "there is no topic nothing"),
        (("list", "--ended", "--group-by", "stage"), 2, "--ended lists all"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(place: Place, arguments: tuple[str, ...], code: int, text: str) -> None:
    place.put(letter(seen(0)))
    assert text in place.command(*arguments, code=code).stderr
