"""Shadow: which destinations are in it, what it shows of each event, and that this is bounded."""

import asyncio
import base64
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.delivery.preview import Preview
from shared.delivery.shadow import requests_of
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.outcome import Done, Duplicate, Ignored, Rejected
from shared.runtime.edge import Edge
from shared.runtime.function import Call, Result
from shared.runtime.registry import FUNCTIONS, load
from shared.runtime.shadow import Shadow
from shared.settings.environment import SettingsError
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.records import TIME, classified, classified_event
from tests.support.rigs.place import event_of
from tests.support.tickets import episode, resolved

INCIDENTS = {"SERVICENOW_INSTANCE": "https://servicenow.example", "SERVICENOW_TOKEN": "t"}
WEBHOOK = {"WEBHOOK_URL": "https://hooks.example/T0/secret-part"}
DESTINATIONS = [name for name, one in FUNCTIONS.items() if one.destination is not None]


def built(name: str, **settings: str) -> Any:
    return counted_by(Metrics(), name, **settings)


def counted_by(metrics: Metrics, name: str, **settings: str) -> Any:
    destination = FUNCTIONS[name].destination
    environ = {} if destination is None else dict(destination.example)
    return load(name, {**environ, **settings}, metrics, store=MemoryStore())


def answers(name: str, events: Sequence[CloudEvent], **settings: str) -> list[Result]:
    """Return what a destination in shadow answers, one event after the other."""

    async def main() -> list[Result]:
        function = built(name, SHADOW="all", **settings)
        await function.start()
        try:
            return [await function.handle(one, Call(asyncio.get_running_loop().time() + 5)) for one in events]
        finally:
            await function.stop()

    return asyncio.run(main())


def snapshots(*episodes: Any) -> list[CloudEvent]:
    return [event_of(one) for one in episodes]


def data(result: Result) -> dict[str, Any]:
    assert result.reply is not None
    found: dict[str, Any] = result.reply.data
    return found


@pytest.mark.parametrize("name", DESTINATIONS)
@pytest.mark.parametrize("said", ["all", "ALL", "{name}", "{hyphens}", " webhook , {hyphens},", "all,webhook"])
def test_the_setting_names_functions_in_either_spelling_or_all(name: str, said: str) -> None:
    text = said.format(name=name, hyphens=name.replace("_", "-"))
    assert isinstance(built(name, SHADOW=text), Shadow)
    other = next(one for one in DESTINATIONS if one not in {name, "webhook"})
    if "all" not in text.lower():
        assert not isinstance(built(other, SHADOW=text), Shadow)


def test_without_the_setting_nothing_is_in_shadow_and_what_is_no_destination_never_is() -> None:
    assert not any(isinstance(built(name), Shadow) for name in DESTINATIONS)
    assert not any(isinstance(built(name, SHADOW=""), Shadow) for name in DESTINATIONS)
    assert not isinstance(built("classifier", SHADOW="all"), Shadow)


def test_the_setting_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "shadow").write_text("glpi-ticket\n")
    assert isinstance(built("glpi_ticket", SHADOW_FILE=str(tmp_path / "shadow")), Shadow)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("glpi-tickets", "did you mean glpi_ticket?"),
        ("webhook,siem_forwader", "did you mean siem_forwarder?"),
        ("al", "did you mean all?"),
        ("classifier", "there are: servicenow_incident"),
        ("x" * 1000, "there are: servicenow_incident"),
    ],
)
def test_a_name_that_is_no_destination_keeps_it_from_starting_and_is_told_what_was_meant(
    text: str, advice: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        built("webhook", SHADOW=text)
    (problem,) = caught.value.problems
    assert problem.startswith("SHADOW: ")
    assert advice in problem
    assert len(problem) < 400


def test_it_says_once_at_its_start_and_with_its_readiness_that_it_is_in_shadow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="tidings.shadow"):
        answers("webhook", snapshots(episode(), episode(2, transition="updated", severity="critical")))
    assert [record.message for record in caplog.records] == [
        "in shadow: nothing is sent, what would be sent is reported"
    ]
    messages: list[Any] = []

    async def main() -> None:
        async def send(message: Any) -> None:
            messages.append(message)

        function = built("webhook", SHADOW="webhook")
        edge = Edge(function, Metrics())
        await function.start()
        await edge({"type": "http", "method": "GET", "path": "/ready", "headers": []}, None, send)  # type: ignore[arg-type]
        await function.stop()
        await edge({"type": "http", "method": "GET", "path": "/ready", "headers": []}, None, send)  # type: ignore[arg-type]

    asyncio.run(main())
    assert [messages[0]["status"], messages[2]["status"]] == [200, 503]
    ready = json.loads(messages[1]["body"])
    assert ready == {
        "ready": True,
        "problems": [],
        "notes": ["in shadow: nothing is sent, what would be sent is reported"],
    }


def test_a_copy_is_shown_again_under_the_same_id_and_an_older_snapshot_is_not_shown() -> None:
    worse = episode(2, transition="updated", severity="critical")
    results = answers("servicenow_incident", snapshots(episode(), worse, worse, episode()))
    first, second, again, older = results
    assert [type(one.outcome) for one in results] == [Done, Done, Duplicate, Duplicate]
    assert data(again)["operation"] == data(second)["operation"] == "update"
    assert data(again)["requests"] == data(second)["requests"]
    assert again.reply is not None
    assert second.reply is not None
    assert first.reply is not None
    assert again.reply.id == second.reply.id != first.reply.id
    assert older.reply is None


def test_what_opens_its_ticket_late_is_shown_as_its_creation() -> None:
    held = episode(1, ticket=False)
    first, second = answers("servicenow_incident", snapshots(held, episode(2, transition="updated")))
    assert first == Result(Ignored("it would send nothing of it"))
    assert (data(second)["operation"], data(second)["requests"][0]["method"]) == ("open", "POST")


def test_an_update_in_which_people_would_see_nothing_new_is_not_shown() -> None:
    _, same, end, gone = answers(
        "servicenow_incident", snapshots(episode(), episode(2, transition="updated"), resolved(3), resolved(4))
    )
    assert same == Result(Ignored("nothing that people need to know changed"))
    assert data(end)["operation"] == "resolve"
    assert gone == Result(Ignored("the end was told already"))


def test_after_a_restart_an_end_is_shown_for_its_beginning_may_have_been() -> None:
    (end,) = answers("servicenow_incident", snapshots(resolved(7)))
    (request,) = data(end)["requests"]
    assert (data(end)["operation"], request["method"]) == ("resolve", "PATCH")
    assert request["url"].endswith("/incident/{sys_id}")


def test_the_report_belongs_to_its_problem_and_goes_on_with_the_trace() -> None:
    (shown,) = answers("servicenow_incident", snapshots(episode()))
    assert shown.reply is not None
    report = DeliveryReport.model_validate(shown.reply.data)
    assert (shown.reply.type, shown.reply.source) == (DELIVERY, "tidings/servicenow_incident")
    assert (report.destination, report.key, report.revision) == ("servicenow_incident", episode().id, 1)
    assert (report.record, report.number, report.link) == ("", "", "")
    assert shown.reply.extensions["problemkey"] == episode().problem_key
    assert shown.reply.extensions["traceparent"].startswith("00-11111111111111111111111111111111-")


def test_a_mapping_that_cannot_work_on_an_event_is_seen_in_shadow_already(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: shipped\noperations: {open: {u_at: '{{ episode.started | minus(episode.summary) }}'}}\n")
    (shown,) = answers("servicenow_incident", snapshots(episode()), SERVICENOW_MAPPING=str(own))
    assert isinstance(shown.outcome, Rejected)
    assert (shown.outcome.stage, shown.reply) == ("mapping", None)


def test_what_is_minimised_for_the_system_is_minimised_in_the_report(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: shipped\nminimise: {names: drop}\n")
    secret = episode(
        object={"kind": "Pod", "namespace": "shop", "name": "johns-notebook"}, message="johns-notebook failed"
    )
    (whole,) = answers("servicenow_incident", snapshots(secret))
    (shown,) = answers("servicenow_incident", snapshots(secret), SERVICENOW_MAPPING=str(own))
    assert "johns-notebook" in json.dumps(data(whole))
    assert "johns-notebook" not in json.dumps(data(shown))


def test_no_credential_is_shown_not_even_one_that_is_part_of_an_address() -> None:
    secret = f"whsec_{base64.b64encode(b'hunter2' * 4).decode()}"
    signed = {**WEBHOOK, "WEBHOOK_TOKEN": "hunter2", "WEBHOOK_SECRET": secret}
    (shown,) = answers("webhook", snapshots(episode()), **signed)
    assert "hunter2" not in json.dumps(data(shown))
    assert secret not in json.dumps(data(shown))
    assert "secret-part" not in json.dumps(data(shown))


def test_a_body_is_shown_whole_as_a_value_or_its_beginning_as_a_text() -> None:
    nested: Any = 1
    for _ in range(40):
        nested = [nested]
    bodies = [{"a": 1}, "x" * 40_000, {"text": "ä" * 40_000}, nested, None, "<13>a line"]
    found = requests_of([Preview("x", "POST", "https://x.example", body) for body in bodies])
    assert isinstance(found, tuple)
    assert [one.cut for one in found] == [False, True, True, False, False, False]
    assert found[0].body == {"a": 1}
    assert [len(one.body.encode()) <= 32_768 for one in found[1:3]] == [True, True]
    assert json.loads(found[3].body) == nested, "too deep for whoever takes the report, so it is a text"
    assert found[5].body == "<13>a line"


def test_what_is_no_json_is_rejected_as_it_would_be_when_sent() -> None:
    assert isinstance(requests_of([Preview("x", "POST", "https://x.example", {"a": "\ud800"})]), Rejected)


def test_events_that_are_none_of_its_business_are_ignored_and_broken_ones_rejected() -> None:
    tick = CloudEvent("1", "s", "dev.tidings.tick.v1")
    broken = CloudEvent("2", "s", "dev.tidings.problem.opened.v1", data={"id": 7})
    ticked, record, bad, keyless = answers(
        "servicenow_incident", [tick, classified_event(classified()), broken, event_of(episode(id="no key!"))]
    )
    assert [type(one.outcome) for one in (ticked, record, bad, keyless)] == [Ignored, Ignored, Rejected, Rejected]


def test_a_webhook_in_shadow_shows_deliveries_of_others_and_never_its_own() -> None:
    def told_of(destination: str) -> CloudEvent:
        report = DeliveryReport(
            destination=destination, operation="open", key="k", revision=3, result="done", cluster="prod", time=TIME
        )
        return CloudEvent("d", "s", DELIVERY, extensions={"cluster": "prod"}, data=report.model_dump(mode="json"))

    one, other, own = answers("webhook", [told_of("glpi_ticket"), told_of("servicenow_incident"), told_of("webhook")])
    assert [data(shown)["operation"] for shown in (one, other)] == ["record", "record"]
    assert isinstance(own.outcome, Ignored)
    assert one.reply is not None
    assert one.reply.extensions["cluster"] == "prod"


def test_shadow_is_counted_by_what_would_have_been_done() -> None:
    metrics = Metrics()

    async def main() -> None:
        function = counted_by(metrics, "siem_forwarder", SHADOW="siem-forwarder")
        await function.start()
        for _ in range(2):
            await function.handle(classified_event(classified()), Call(asyncio.get_running_loop().time() + 5))
        await function.stop()

    asyncio.run(main())
    labels = {"destination": "splunk", "operation": "record"}
    assert metrics.value("tidings_deliveries_total", **labels, result="shadow") == 1
    assert metrics.value("tidings_deliveries_total", **labels, result="duplicate") == 1
