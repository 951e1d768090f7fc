"""The servicenow_incident function's settings, sign-in, check, preview and documents, and events it turns away."""

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from functions.servicenow_incident.handler import MAPPING, IncidentSettings, new
from shared.delivery.filters import FILTERS
from shared.delivery.schema import mapping_schema
from shared.delivery.states import TABLE, EpisodeView, RecordView
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Ignored, Rejected
from shared.local.standins import glpi
from shared.local.standins.faults import Rule
from shared.runtime.function import Call
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.incidents import Delivering, instance
from tests.support.servers import serve
from tests.support.tickets import episode, resolved, run

BAD: list[Any] = [None, [], {}, "text", {"id": 1}]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}


@pytest.mark.parametrize(
    "settings",
    [
        {"SERVICENOW_TOKEN": "tidings-token", "SERVICENOW_USERNAME": "", "SERVICENOW_PASSWORD": ""},
        {"SERVICENOW_API_KEY": "tidings-api-key", "SERVICENOW_USERNAME": "", "SERVICENOW_PASSWORD": ""},
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

        async def check(deliver: Delivering) -> list[tuple[bool | None, str]]:
            return await deliver.function.check()

        assert all(good is not False for good, _ in sn.play(check))
        bad = sn.play(check, SERVICENOW_PASSWORD="wrong")  # noqa: S106 - of no system
        assert [good for good, _ in bad] == [False]
        assert "the credentials are refused: look at SERVICENOW_USERNAME and _PASSWORD" in bad[0][1]
        sn.app.insert("incident", {"short_description": "any"})
        own = tmp_path / "mapping.yaml"
        own.write_text("operations:\n  open:\n    u_cluster: '{{ episode.cluster }}'\n")
        last = {"SERVICENOW_ASSIGNMENT_GROUP": "Nobody", "SERVICENOW_CALLER": "viewer", "SERVICENOW_DEFAULT_CI": "none"}
        lines = sn.play(check, SERVICENOW_MAPPING=str(own), **last)
        assert [text for good, text in lines if good is False] == [
            "table incident has no field u_cluster: make it there, or take it out of the mapping",
            "the group of last resort 'Nobody' is not there",
            "the configuration item of last resort 'none' is not there",
        ]
        assert (True, "the caller of last resort 'viewer' is there") in lines
        closed = sn.play(check, SERVICENOW_INSTANCE="http://127.0.0.1:9")
        assert "cannot connect (nothing listens there): check SERVICENOW_INSTANCE" in closed[0][1]


async def findings(deliver: Delivering) -> list[tuple[bool | None, str]]:
    return await deliver.function.check()


def test_the_doctor_says_that_another_system_is_no_servicenow_and_not_that_a_right_is_missing() -> None:
    with instance() as sn, contextlib.closing(glpi.new_app()) as other, serve(other) as url:
        no = (False, f"{url}: this is no ServiceNow: check SERVICENOW_INSTANCE")
        assert sn.play(findings, SERVICENOW_INSTANCE=url) == [no]
        for status, body in ((404, "<html>"), (400, '["ERROR"]'), (404, '{"error":{"reason":"x"}}'), (405, "")):
            sn.app.faults.set([Rule("status", status=status, body=body)])
            ((good, text),) = sn.play(findings)
            assert (good, "this is no ServiceNow: check SERVICENOW_INSTANCE" in text) == (False, True), body


def test_the_doctor_says_that_there_is_no_such_table() -> None:
    with instance() as sn:
        no = f"{sn.url}: there is no table"
        assert sn.play(findings, SERVICENOW_TABLE="incidents") == [
            (False, f"{no} incidents: check SERVICENOW_TABLE and SERVICENOW_TABLE_MAPPING")
        ]
        invalid = '{"error":{"message":"Invalid table sn_si_incident","detail":null},"status":"failure"}'
        sn.app.faults.set([Rule("status", status=400, body=invalid)])
        assert sn.play(findings, SERVICENOW_TABLE="sn_si_incident") == [
            (False, f"{no} sn_si_incident: is Security Incident Response installed?")
        ]


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
        for name in shown.body.keys() - {"assignment_group", "cmdb_ci"}:  # shown by what they are looked up by
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
