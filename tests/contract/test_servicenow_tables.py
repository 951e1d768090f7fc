"""SERVICENOW_TABLE_MAPPING: categories go to different tables of one instance."""

import asyncio
import json
from typing import Any

import pytest

from functions.servicenow_incident.handler import new
from functions.servicenow_incident.tables import ByTable
from shared.destinations.servicenow.tables import parse_tables
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Rejected
from shared.runtime.function import Call
from shared.runtime.ticketing import Ticketing
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.rigs.place import Delivering, placed
from tests.support.rigs.registry import TICKETS
from tests.support.tickets import episode, resolved

RIG = TICKETS["servicenow_incident"]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}
BROUGHT = json.dumps(
    {
        "kubernetes-events": "incident",
        "infrastructure-changes": "change_request",
        "security-events": "sn_si_incident",
    }
)
SECURITY = {"category": "security", "subcategory": "runtime"}


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        (BROUGHT, {"infrastructure": "incident", "security": "sn_si_incident", "admission": "incident"}),
        ("security:sn_si_incident", {"security": "sn_si_incident"}),
        ("security = sn_si_incident,\n admission: u_policy", {"security": "sn_si_incident", "admission": "u_policy"}),
        ("security:u_mine, security-events:sn_si_incident", {"security": "u_mine"}),
        ("infrastructure-changes:change_request", {}),
        ("{}", {}),
    ],
)
def test_json_and_pairs_streams_and_categories_are_read(text: str, tables: dict[str, str]) -> None:
    assert parse_tables(text) == tables


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("securty:incident", 'did you mean "security"'),
        ("security", "no pair"),
        ('{"security": 7}', "needs the name of a table"),
        ("security:inc^ident", "needs the name of a table"),
        ("kubernetes-events:change_request", "cannot make change requests of problems"),
    ],
)
def test_what_cannot_be_is_named(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"SERVICENOW_TABLE_MAPPING: .*{told}"):
        new({**ENVIRON, "SERVICENOW_TABLE_MAPPING": text}, Metrics())


def test_security_problems_become_security_incidents_and_the_others_incidents() -> None:
    async def main(deliver: Delivering) -> list[Any]:
        other = episode(id="1" * 26 + "-a", problem_key="1" * 26, **SECURITY)
        over = resolved(id=other.id, problem_key=other.problem_key, **SECURITY)
        assert deliver.function.readiness().ready
        return [(await deliver(one)).outcome for one in (episode(), other, over, resolved())]

    with placed(RIG) as place:
        assert place.play(main, SERVICENOW_TABLE_MAPPING=BROUGHT) == [Done()] * 4
        (incident,) = place.app.records("incident")
        (security,) = place.app.records("sn_si_incident")
        assert (incident["state"], security["state"]) == ("6", "100")
        total = place.metrics.total("tidings_deliveries_total", destination="servicenow_incident", result="done")
        assert total == 4


def test_the_doctor_looks_at_every_table_and_the_preview_at_the_right_one() -> None:
    async def main(deliver: Delivering) -> Any:
        shown = [deliver.function.preview(one)[0].url for one in (episode(), episode(**SECURITY))]
        return await deliver.function.check(), [url.rpartition("/")[2] for url in shown]

    with placed(RIG) as place:
        lines, tables = place.play(main, SERVICENOW_TABLE_MAPPING=BROUGHT)
        assert all(good is not False for good, _ in lines)
        assert [text for _, text in lines if "table incident can be read" in text]
        assert [text for _, text in lines if "table sn_si_incident can be read" in text]
    assert tables == ["incident", "sn_si_incident"]


def test_what_is_no_episode_is_rejected_and_one_table_alone_needs_no_choice() -> None:
    async def main(deliver: Delivering) -> list[Any]:
        call = Call(asyncio.get_running_loop().time() + 5)
        events = [CloudEvent("1", "s", "dev.tidings.problem.opened.v1", data=data) for data in (None, {"category": []})]
        return [(await deliver.function.handle(one, call)).outcome for one in events]

    assert isinstance(new({**ENVIRON, "SERVICENOW_TABLE_MAPPING": "security:incident"}, Metrics()), Ticketing)
    assert isinstance(new({**ENVIRON, "SERVICENOW_TABLE_MAPPING": BROUGHT}, Metrics()), ByTable)
    with placed(RIG) as place:
        outcomes = place.play(main, SERVICENOW_TABLE_MAPPING=BROUGHT)
        assert {type(outcome) for outcome in outcomes} == {Rejected}
