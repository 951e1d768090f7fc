"""The servicenow_incident function against an instance: what each snapshot makes of its incident."""

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import httpx2
import jsonschema
import pytest
import yaml

from functions.servicenow_incident.handler import MAPPING, IncidentSettings, new
from shared.delivery.failure import Ambiguous, Gone, Refused, Temporary
from shared.delivery.filters import FILTERS
from shared.delivery.schema import mapping_schema
from shared.delivery.states import TABLE, EpisodeView, RecordView
from shared.destinations.http import Answer
from shared.destinations.servicenow.client import Rows, judge
from shared.destinations.servicenow.record import display_of, mark_of
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, Rejected
from shared.local.standins.faults import Rule
from shared.runtime.function import Call, Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.incidents import Delivering, instance
from tests.support.tickets import START, episode, mark, resolved, run

BACK = episode(4, transition="reopened", reopened=1)
BAD: list[Any] = [None, [], {}, "text", {"id": 1}]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}


def test_an_open_snapshot_becomes_one_incident_that_people_can_read() -> None:
    with instance() as sn:
        answer = sn.play(lambda deliver: deliver(episode(labels={"tidings.dev/assignment-group": "Storage"})))
        row = sn.incidents()[0]
        group = next(one for one in sn.app.records("sys_user_group") if one["name"] == "Storage")
        assert row["short_description"] == "[prod-1] Pod shop/api-0 keeps crashing"
        assert "Object: Pod/shop/api-0\n" in row["description"]
        assert (row["impact"], row["urgency"], row["priority"], row["state"]) == ("2", "2", "3", "1")
        assert (row["correlation_id"], row["assignment_group"]) == (episode().id, group["sys_id"])
        assert row["correlation_display"] == f"tidings:{episode().problem_key}:1:0:o"
        assert answer.outcome == Done()
        assert answer.reply is not None
        assert answer.reply.data["number"] == row["number"]
        assert row["sys_id"] in answer.reply.data["link"]
        assert answer.reply.extensions["problemkey"] == episode().problem_key
        assert answer.reply.extensions["traceparent"].startswith("00-1111")


def test_the_life_of_an_episode_is_the_life_of_one_incident() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> list[tuple[str, str]]:
            seen = []
            later = episode(2, transition="updated", severity="critical")
            for one in (episode(), later, resolved(3), BACK, resolved(5, reopened=1)):
                answer = await deliver(one)
                assert answer.reply is not None
                seen.append((answer.reply.data["operation"], sn.incidents()[0]["state"]))
            return seen

        states = [("open", "1"), ("update", "1"), ("resolve", "6"), ("reopen", "2"), ("resolve", "6")]
        assert sn.play(main) == states
        row = sn.incidents()[0]
        assert len(sn.incidents()) == 1
        assert row["close_code"] == "Solution provided"
        assert row["close_notes"].startswith("The problem ended after 1 h, 1 occurrences; ended by Started.")
        assert [note.splitlines()[-1] for note in sn.notes(row)] == [
            f"[{episode().id} r{revision}]" for revision in (2, 3, 4, 5)
        ]


def test_a_snapshot_that_comes_again_changes_nothing_and_is_reported_under_the_same_id() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> tuple[Result, Result]:
            first = await deliver(episode())
            before = sn.incidents()
            second = await deliver(episode())
            assert sn.incidents() == before
            return first, second

        first, second = sn.play(main)
        assert isinstance(second.outcome, Duplicate)
        assert first.reply is not None
        assert second.reply is not None
        assert first.reply.id == second.reply.id
        assert [first.reply.data["result"], second.reply.data["result"]] == ["done", "duplicate"]
        assert sn.metrics.value("tidings_duplicates_total", function="servicenow_incident") == 1


def test_what_an_agent_changed_by_hand_stays() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            row = sn.incidents()[0]
            sn.app.change("incident", row["sys_id"], {"impact": "3", "assignment_group": "g" * 32, "state": "2"})
            await deliver(episode(2, transition="updated", severity="critical"))

        sn.play(main)
        row = sn.incidents()[0]
        assert (row["impact"], row["urgency"], row["assignment_group"], row["state"]) == ("3", "1", "g" * 32, "2")


def test_an_incident_on_hold_is_told_of_the_end_and_stays_on_hold() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> Result:
            await deliver(episode())
            sn.app.change("incident", sn.incidents()[0]["sys_id"], {"state": "3", "hold_reason": "4"})
            return await deliver(resolved())

        assert isinstance(sn.play(main).outcome, Done)
        row = sn.incidents()[0]
        assert row["state"] == "3"
        assert "The problem ended at 2026-03-01T09:00:00Z by Started." in sn.notes(row)[-1]


@pytest.mark.parametrize(("state", "after", "incidents"), [("6", "2", 1), ("7", "7", 2), ("8", "8", 2)])
def test_what_people_ended_comes_back_only_with_the_problem(state: str, after: str, incidents: int) -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            sn.app.change("incident", sn.incidents()[0]["sys_id"], {"state": state, "close_code": "Known error"})
            lasting = await deliver(episode(2, transition="updated", severity="critical"))
            assert isinstance(lasting.outcome, Ignored)
            assert isinstance((await deliver(resolved(3))).outcome, Ignored)
            assert sn.incidents()[0]["state"] == state
            assert isinstance((await deliver(BACK)).outcome, Done)

        sn.play(main)
        assert len(sn.incidents()) == incidents
        assert sn.incidents()[0]["state"] == after
        assert len(sn.active()) == 1
        if incidents == 2:
            assert f"Follows {sn.incidents()[0]['number']}" in sn.notes(sn.incidents()[1])[0]


def test_a_close_code_that_someone_chose_stays_when_the_incident_is_resolved() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            row = sn.incidents()[0]
            sn.app.change("incident", row["sys_id"], {"close_code": "Known error", "close_notes": "see the wiki"})
            await deliver(resolved())

        sn.play(main)
        row = sn.incidents()[0]
        assert (row["state"], row["close_code"], row["close_notes"]) == ("6", "Known error", "see the wiki")


def test_a_group_that_is_not_there_never_refuses_the_ticket() -> None:
    with instance() as sn:
        one = episode(labels={"tidings.dev/assignment-group": "No Such ^Team"})
        assert isinstance(sn.play(lambda deliver: deliver(one)).outcome, Done)
        assert sn.incidents()[0]["assignment_group"] == ""
        assert "'No Such ^Team' was not found" in sn.notes(sn.incidents()[0])[0]
    with instance() as sn:
        one = episode(labels={"tidings.dev/assignment-group": "Nobody"})
        assert isinstance(
            sn.play(lambda deliver: deliver(one), SERVICENOW_ASSIGNMENT_GROUP="Service Desk").outcome, Done
        )
        group = next(row for row in sn.app.records("sys_user_group") if row["name"] == "Service Desk")
        assert sn.incidents()[0]["assignment_group"] == group["sys_id"]


def test_with_a_unique_key_the_second_writer_finds_the_first_ones_incident() -> None:
    with instance(unique_correlation_id=True) as sn:

        async def main(deliver: Delivering) -> Result:
            sn.app.insert("incident", {"correlation_id": episode().id, "state": "1", "short_description": "first"})
            sn.app.faults.set([Rule(do="body", body='{"result": []}', operation="find")])
            await deliver(episode())
            return await deliver(episode())

        sn.play(main)
        assert len(sn.incidents()) == 1


def test_rows_that_the_query_did_not_mean_are_never_touched() -> None:
    with instance() as sn:
        stranger = sn.app.insert("incident", {"short_description": "someone's own", "state": "1"})
        before = sn.incidents()
        row = f'{{"sys_id": "{stranger}", "state": "1", "sys_created_on": "2020-01-01 00:00:00"}}'
        sn.app.faults.set([Rule(do="body", body=f'{{"result": [{row}]}}', operation="find", count=0)])
        answer = sn.play(lambda deliver: deliver(episode()))
        assert isinstance(answer.outcome, Done)
        assert sn.incidents()[:1] == before
        assert [one["correlation_id"] for one in sn.incidents()] == ["", episode().id]


@pytest.mark.parametrize(
    "settings",
    [
        {"SERVICENOW_TOKEN": "tidings-token", "SERVICENOW_USERNAME": "", "SERVICENOW_PASSWORD": ""},
        {"SERVICENOW_API_KEY": "tidings-token", "SERVICENOW_USERNAME": "", "SERVICENOW_PASSWORD": ""},
        {
            "SERVICENOW_CLIENT_ID": "tidings-client",
            "SERVICENOW_CLIENT_SECRET": "tidings-secret",
            "SERVICENOW_USERNAME": "",
            "SERVICENOW_PASSWORD": "",
        },
    ],
)
def test_every_way_of_authentication_gets_in(settings: dict[str, str]) -> None:
    with instance() as sn:
        assert isinstance(sn.play(lambda deliver: deliver(episode()), **settings).outcome, Done)


def test_events_that_are_not_its_business_are_ignored_and_what_is_no_episode_is_rejected() -> None:
    async def outcome(kind: str, data: Any) -> Any:
        function = new(ENVIRON, Metrics())
        return (await function.handle(CloudEvent(id="1", source="s", type=kind, data=data), Call(1e9))).outcome

    assert isinstance(run(outcome("dev.tidings.security.v1", {})), Ignored)
    for data in BAD:
        assert isinstance(run(outcome("dev.tidings.problem.opened.v1", data)), Rejected)


def test_the_doctor_names_reach_credentials_and_fields(tmp_path: Path) -> None:
    with instance() as sn:

        async def check(deliver: Delivering) -> list[tuple[bool, str]]:
            return await deliver.function.check()

        assert all(good for good, _ in sn.play(check))
        bad = sn.play(check, SERVICENOW_PASSWORD="wrong")  # noqa: S106 - of no system
        assert [good for good, _ in bad] == [False]
        assert "credentials are refused" in bad[0][1]
        sn.app.insert("incident", {"short_description": "any"})
        own = tmp_path / "mapping.yaml"
        own.write_text("operations:\n  open:\n    u_cluster: '{{ episode.cluster }}'\n")
        lines = sn.play(check, SERVICENOW_MAPPING=str(own), SERVICENOW_ASSIGNMENT_GROUP="Nobody")
        assert [text for good, text in lines if not good] == [
            "table incident has no field u_cluster",
            "the group of last resort 'Nobody' is not there",
        ]
        closed = sn.play(check, SERVICENOW_INSTANCE="http://127.0.0.1:9")
        assert "cannot connect" in closed[0][1]


def test_a_preview_is_the_very_request_that_goes_out() -> None:
    with instance() as sn:
        one = episode(labels={"tidings.dev/assignment-group": "Storage"})

        async def main(deliver: Delivering) -> Any:
            shown = deliver.function.preview(one)
            assert sn.app.faults.requests == []
            await deliver(one)
            return shown

        (shown,) = sn.play(main)
        row = sn.incidents()[0]
        assert (shown.method, shown.url) == ("POST", f"{sn.url}/api/now/table/incident")
        for name in shown.body.keys() - {"assignment_group"}:
            assert row[name] == shown.body[name]
        assert new(ENVIRON, Metrics()).preview(episode(ticket=False)) == []
        over = new(ENVIRON, Metrics()).preview(resolved())
        assert isinstance(over, list)
        assert (over[0].method, over[0].body["state"]) == ("PATCH", "6")


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({}, "SERVICENOW_INSTANCE"),
        ({"SERVICENOW_INSTANCE": "https://x"}, "exactly one"),
        ({**ENVIRON, "SERVICENOW_USERNAME": "u", "SERVICENOW_PASSWORD": "p"}, "exactly one"),
        ({**ENVIRON, "SERVICENOW_INSTANCE": "http://servicenow.example.com"}, "https"),
        ({**ENVIRON, "SERVICENOW_TABLE": "incident^x"}, "SERVICENOW_TABLE"),
        ({**ENVIRON, "SERVICENOW_MAPPING": "/no/such/file"}, "SERVICENOW_MAPPING"),
        ({**ENVIRON, "STORE_URL": "nonsense:"}, "STORE_URL"),
    ],
)
def test_settings_that_cannot_work_are_named(environ: dict[str, str], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        new(environ, Metrics())


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, httpx2.Headers(named), b"", body)


UNIQUE = {"error": {"message": "Operation Failed", "detail": "Unique Key violation detected by database (...)"}}


@pytest.mark.parametrize(
    ("method", "given", "meaning"),
    [
        ("GET", answer(200, {"result": []}), Rows),
        ("POST", answer(201, {"result": {"sys_id": "1"}}), Rows),
        ("GET", answer(200, None), Temporary),
        ("POST", answer(200, None), Ambiguous),
        ("POST", answer(201, {"result": "text"}), Ambiguous),
        ("POST", answer(201, {"result": [1]}), Ambiguous),
        ("POST", answer(408), Temporary),
        ("POST", answer(429), Temporary),
        ("POST", answer(503), Temporary),
        ("POST", answer(500), Ambiguous),
        ("POST", answer(502), Ambiguous),
        ("PATCH", answer(504), Ambiguous),
        ("GET", answer(500), Temporary),
        ("PATCH", answer(404), Gone),
        ("GET", answer(404), Refused),
        ("POST", answer(400), Refused),
        ("POST", answer(403), Refused),
        ("POST", answer(403, UNIQUE), Ambiguous),
        ("POST", answer(422), Refused),
    ],
)
def test_each_answer_has_its_class(method: str, given: Answer, meaning: type) -> None:
    assert isinstance(judge(method, given, 0.0), meaning)


def test_a_wait_is_read_from_either_header_and_is_bounded() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert judge("GET", answer(429, retry_after="7"), now) == Temporary("asked to come later", 7.0)
    assert judge("GET", answer(429, x_ratelimit_reset=str(int(now) + 60)), now) == Temporary("asked to come later", 60)
    assert judge("GET", answer(429, x_ratelimit_reset=str(int(now) - 60)), now) == Temporary("asked to come later", 0)
    assert judge("GET", answer(429, retry_after="999999"), now) == Temporary("asked to come later", 3600.0)


def test_a_mark_survives_the_record_and_a_foreign_text_is_no_mark() -> None:
    for standing in ("open", "over", "void"):
        one = mark(episode(7, start=START, reopened=2), standing=standing)
        row = {"correlation_id": one.episode, "correlation_display": display_of(one)}
        assert len(row["correlation_display"]) <= 100
        assert mark_of(row, one.problem) == one
    assert mark_of({"correlation_id": "x-1", "correlation_display": "someone's"}, "x").revision == 0


def test_the_documented_state_table_is_the_one_in_the_code(root: Path) -> None:
    page = (root / "docs" / "destinations" / "servicenow.md").read_text()
    rows = {view: re.search(rf"^\| `{view}`: [^|]+\|(.+)\|$", page, re.MULTILINE) for view in get_args(RecordView)}
    for view, row in rows.items():
        assert row is not None, view
        cells = [cell.strip() for cell in row[1].split("|")]
        assert cells == [TABLE[moment, view].action for moment in get_args(EpisodeView)], view


def test_every_setting_and_every_filter_is_documented(root: Path) -> None:
    page = (root / "docs" / "destinations" / "servicenow.md").read_text()
    for field in IncidentSettings.model_fields.values():
        assert field.alias is not None
        assert field.alias in page or field.alias.removeprefix("SERVICENOW") in page, field.alias
    mapping = (root / "docs" / "mapping.md").read_text()
    assert [name for name in FILTERS if f"`{name}`" not in mapping] == []


def test_the_shipped_mapping_fits_the_published_schema() -> None:
    jsonschema.validate(yaml.safe_load(MAPPING.read_text()), mapping_schema())


def test_a_store_that_others_use_too_is_not_closed_with_the_function() -> None:
    with instance() as sn:

        async def play() -> None:
            function = sn.function()
            await function.start()
            await function.stop()
            assert await sn.store.get("claim.any") is None, "a closed store would raise"

        asyncio.run(play())
