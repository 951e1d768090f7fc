"""The servicenow_event function: what Event Management gets, and what becomes of an event that it does not take."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from functions.servicenow_event.handler import MAPPING, new
from shared.destinations.servicenow.event_record import RESERVED, event_of
from shared.destinations.servicenow.settings import FAMILY, ServiceNowSettings
from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins.servicenow import Options
from shared.runtime.document import settings_models
from shared.settings.environment import SettingsError, variables
from shared.telemetry.metrics import Metrics
from tests.support.rigs.place import Delivering, placed
from tests.support.rigs.registry import UPSERTS
from tests.support.tickets import episode, resolved

RIG = UPSERTS["servicenow_event"]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}
OWN = """
operations:
  open:
    source: Kubernetes
    event_class: '{{ episode.cluster }}'
    severity: '{{ episode.labels | get("severity", "2") }}'
"""


def shown(one: Any, **settings: str) -> dict[str, Any]:
    function = new({**ENVIRON, **settings}, Metrics())
    found = function.preview(one)
    assert isinstance(found, list)
    record: dict[str, Any] = found[0].body["records"][0]
    return record


def test_an_event_says_what_is_affected_how_badly_and_by_which_key() -> None:
    record = shown(episode(host="worker-3", labels={"tidings.dev/assignment-group": "Storage"}))
    info = json.loads(record.pop("additional_info"))
    assert record.pop("description").startswith("Pod shop/api-0 keeps crashing\nBackOff: Back-off restarting failed")
    assert record == {
        "source": "Kubernetes",
        "event_class": "prod-1",
        "node": "worker-3",
        "type": "Pod",
        "resource": "api-0",
        "metric_name": "crash-loop",
        "severity": "2",
        "message_key": episode().id,
        "time_of_event": "2026-03-01 08:01:00",
        "resolution_state": "New",
    }
    assert (info["namespace"], info["assignment_group"]) == ("shop", "Storage")
    assert info["problem_key"] == episode().problem_key
    assert all(isinstance(value, str) for value in info.values())


def test_an_end_clears_the_alert() -> None:
    record = shown(resolved())
    assert (record["severity"], record["resolution_state"]) == ("0", "Closing")
    assert record["message_key"] == episode().id
    assert record["time_of_event"] == "2026-03-01 09:00:00"
    assert record["description"].startswith("The problem ended after 1 h, 1 occurrence; ended by Started.")


@pytest.mark.parametrize(
    ("severity", "theirs"), [("critical", "1"), ("high", "2"), ("medium", "3"), ("low", "4"), ("info", "5")]
)
def test_severities_are_theirs(severity: str, theirs: str) -> None:
    assert shown(episode(severity=severity))["severity"] == theirs


def test_what_a_mapping_makes_too_long_is_cut_and_everything_in_additional_info_is_a_text() -> None:
    fields = {
        "source": "x" * 500,
        "node": "y" * 500,
        "additional_info": {"count": 3, "deep": {"a": 1}, "long": "z" * 5000},
    }
    record = json.loads(event_of(episode(), fields))
    assert (len(record["source"]), len(record["node"])) == (100, 100)
    info = json.loads(record["additional_info"])
    assert (info["count"], info["deep"], len(info["long"])) == ("3", '{"a":1}', 1000)


def test_f58_one_poison_event_in_a_shared_call_is_rejected_alone(tmp_path: Path) -> None:
    """F58: one poison event in a bulk call shared by several requests: it alone is rejected."""
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    many = [
        episode(id=f"{number:026d}-a", problem_key=f"{number:026d}", labels={"severity": "9" if number == 7 else "2"})
        for number in range(20)
    ]

    async def main(deliver: Delivering) -> list[Any]:
        return [result.outcome for result in await asyncio.gather(*(deliver(one) for one in many))]

    with placed(RIG) as place:
        outcomes = place.play(main, SERVICENOW_EVENT_MAPPING=str(own), SERVICENOW_CONNECTIONS="1")
        assert [number for number, one in enumerate(outcomes) if one != Done()] == [7]
        assert isinstance(outcomes[7], Rejected)
        assert len(place.rig.told(place.app)) == 19
        assert place.app.faults.count(operation="events") < 20, "shared, not one by one"


def test_f12_an_instance_that_sleeps_takes_nothing() -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure (content-type + shape check), not Done."""
    with placed(RIG) as place:
        place.app.options = Options(hibernating=True)
        outcome = place.play(lambda deliver: deliver(episode())).outcome
        assert outcome == Retry("no record in the answer; the instance may be asleep", 30.0)


def test_the_link_of_a_report_opens_the_alert() -> None:
    with placed(RIG) as place:
        reply = place.play(lambda deliver: deliver(episode(host="worker-3"))).reply
        shown = httpx2.get(reply.data["link"])
    assert shown.status_code == 200
    assert f"<td>{episode().id}</td>" in shown.text
    assert "worker-3" in shown.text


def test_a_missing_role_is_told_and_a_field_that_no_event_has_keeps_it_from_starting(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN + "    u_cluster: '{{ episode.cluster }}'\n")
    viewer = {"SERVICENOW_USERNAME": "viewer", "SERVICENOW_PASSWORD": "viewer"}
    with placed(RIG) as place:
        outcome = place.play(lambda deliver: deliver(episode()), **viewer).outcome
        assert isinstance(outcome, Rejected)
        assert "403" in outcome.reason
    with pytest.raises(SettingsError, match=r"has no member `u_cluster` - use one of: .*additional_info"):
        new({**ENVIRON, "SERVICENOW_EVENT_MAPPING": str(own)}, Metrics())


@pytest.mark.parametrize("field", sorted(RESERVED["resolve"]))
def test_what_makes_the_key_and_the_end_cannot_be_mapped_away(tmp_path: Path, field: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN + f"  resolve:\n    {field}: x\n")
    with pytest.raises(SettingsError, match=f"SERVICENOW_EVENT_MAPPING: .*field `{field}` is set by Tidings"):
        new({**ENVIRON, "SERVICENOW_EVENT_MAPPING": str(own)}, Metrics())


def test_every_setting_of_another_function_of_the_family_is_known() -> None:
    models = [model for name, model in settings_models().items() if name.startswith("servicenow")]
    all_of_them = {name for model in models for name in variables(model) if name.startswith("SERVICENOW")}
    assert all_of_them == {*variables(ServiceNowSettings), *FAMILY}


def test_the_settings_of_the_other_functions_are_no_slip_of_the_pen(caplog: pytest.LogCaptureFixture) -> None:
    new({**ENVIRON, "SERVICENOW_TABLE": "incident", "SERVICENOW_MAPPING": str(MAPPING)}, Metrics())
    assert caplog.records == []
    new({**ENVIRON, "SERVICENOW_TABEL": "incident"}, Metrics())
    assert "SERVICENOW_TABEL is not a setting" in caplog.text
