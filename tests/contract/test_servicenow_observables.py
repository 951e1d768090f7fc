"""Observables of security incidents: linked once, added to, and never the reason why a ticket is not there."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysnc
import pytest

from functions.servicenow_security.handler import MAPPING, new
from shared.events.outcome import Done
from shared.local.standins import servicenow
from shared.local.standins.faults import Rule
from shared.local.standins.servicenow.access import User
from shared.runtime.function import Result
from shared.settings.environment import SettingsError
from shared.telemetry.metrics import Metrics
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.registry import TICKETS
from tests.support.servers import new_certificate, serve
from tests.support.shadowed import report, told_in_shadow
from tests.support.tickets import episode, resolved

RIG = TICKETS["servicenow_security"]
ENVIRON = {"SERVICENOW_INSTANCE": "http://127.0.0.1:9", "SERVICENOW_TOKEN": "t"}
ALERT = (
    "Warning Connection | user=alice command=curl 198.51.100.7 "
    "connection=10.128.0.7:50442->198.51.100.7:443 file=/etc/shadow"
)
SECURITY: dict[str, Any] = {"category": "security", "subcategory": "runtime", "component": "falco"}
SEEN = episode(message=ALERT, **SECURITY)
FURTHER = episode(2, transition="updated", message=ALERT.replace(".7:443", ".9:443"), count=2, **SECURITY)
LINKED = {
    ("IP address (V4)", "198.51.100.7"),
    ("IP address (V4)", "10.128.0.7"),
    ("File path", "/etc/shadow"),
    ("Username", "alice"),
}


def linked(place: Place[Any]) -> list[tuple[str, str]]:
    """Return type and value of each observable that is linked to the one incident, as often as it is."""
    (incident,) = place.app.records("sn_si_incident")
    types = {row["sys_id"]: row["name"] for row in place.app.records("sn_ti_observable_type")}
    there = {row["sys_id"]: (types[row["type"]], row["value"]) for row in place.app.records("sn_ti_observable")}
    links = place.app.records("sn_ti_m2m_task_observable")
    return [there[row["observable"]] for row in links if row["task"] == incident["sys_id"]]


async def all_of(deliver: Delivering, *snapshots: Any) -> list[Result]:
    return [await deliver(one) for one in snapshots]


def play(place: Place[Any], *snapshots: Any, **settings: str) -> list[Any]:
    return [one.outcome for one in place.play(lambda deliver: all_of(deliver, *snapshots), **settings)]


def test_an_incident_has_the_observables_of_what_was_seen() -> None:
    with placed(RIG) as place:
        assert play(place, SEEN) == [Done()]
        assert sorted(linked(place)) == sorted(LINKED)


def test_what_comes_again_links_nothing_twice_and_an_update_adds_only_what_is_new() -> None:
    with placed(RIG) as place:
        over = resolved(4, message=FURTHER.message, **SECURITY)
        play(place, SEEN, SEEN, FURTHER, FURTHER, over)
        assert sorted(linked(place)) == sorted({*LINKED, ("IP address (V4)", "198.51.100.9")})
        asked = [entry.path for entry in place.app.faults.requests if "/table/sn_ti_observable?" in entry.path]
        assert sum("value%3D198.51.100.7%5E" in path for path in asked) == 1, "what is linked is not sought again"


def test_a_replica_that_starts_adds_what_is_new_and_changes_nothing_else() -> None:
    with placed(RIG) as place:
        play(place, SEEN)
        play(place, FURTHER)
        assert sorted(linked(place)) == sorted({*LINKED, ("IP address (V4)", "198.51.100.9")})


def test_f33_a_store_that_forgot_everything_costs_no_second_link() -> None:
    """F33: KV bucket wiped: find(key) prevents duplicates."""
    with placed(RIG) as place:
        play(place, SEEN)
        place.__post_init__()  # a new store
        play(place, FURTHER)
        assert sorted(linked(place)) == sorted({*LINKED, ("IP address (V4)", "198.51.100.9")})


def test_an_observable_that_is_there_is_linked_and_no_other_one_is_made() -> None:
    with placed(RIG) as place:
        types = {row["name"]: row["sys_id"] for row in place.app.records("sn_ti_observable_type")}
        kind, other = types["IP address (V4)"], types["IP address (V6)"]
        theirs = place.app.insert("sn_ti_observable", {"value": "198.51.100.7", "type": kind, "finding": "Malicious"})
        place.app.insert("sn_ti_observable", {"value": "10.128.0.7", "type": other})
        play(place, SEEN)
        assert sorted(linked(place)) == sorted(LINKED)
        same = [row["sys_id"] for row in place.app.records("sn_ti_observable") if row["value"] == "198.51.100.7"]
        assert same == [theirs]


def _rights(app: Any) -> None:
    app._access._users["tidings"] = User("tidings", "tidings", ("itil", "sn_si.basic"))


def _plugin(app: Any) -> None:
    app.options = replace(app.options, threat_intelligence=False)


@pytest.mark.parametrize(
    ("lack", "told"),
    [
        (
            _plugin,
            "observables are not sent: the instance refuses them. The user needs the role sn_ti_observable.write",
        ),
        (_rights, "a type of observables is not there"),
    ],
)
def test_an_instance_without_observables_has_its_tickets_and_says_so_once(
    lack: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with placed(RIG) as place, caplog.at_level(logging.WARNING):
        lack(place.app)
        assert play(place, SEEN, FURTHER, resolved(4, **SECURITY)) == [Done()] * 3
        assert len(place.app.records("sn_si_incident")) == 1
        assert place.app.records("sn_ti_m2m_task_observable") == []
    said = [
        (record.message, getattr(record, "about", "")) for record in caplog.records if "observables" in record.message
    ]
    assert any(message.startswith(told) for message, _ in said)
    assert len(said) == len(set(said)), "each is said once"


def test_a_right_to_write_that_is_missing_is_said_once_and_not_tried_with_each_ticket(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with placed(RIG) as place, caplog.at_level(logging.WARNING):
        place.app._access._users["tidings"] = User("tidings", "tidings", ("sn_si.basic", "sn_ti_observable.read"))
        assert play(place, SEEN, FURTHER) == [Done()] * 2
        tried = [entry for entry in place.app.faults.requests if "sn_ti_" in entry.path and entry.method == "POST"]
        assert {entry.status for entry in tried} == {403}
        assert len(tried) == len(LINKED), "those of the first snapshot"
    assert sum("the instance refuses them" in record.message for record in caplog.records) == 1


def test_f10_what_failed_for_a_while_is_linked_with_the_next_snapshot() -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    with placed(RIG) as place:
        place.app.faults.set([Rule(do="status", status=500, path="table/sn_ti_m2m", count=0)])
        assert play(place, SEEN) == [Done()], "it costs no ticket"
        assert linked(place) == []
        place.app.faults.clear()
        play(place, episode(2, transition="updated", message=ALERT, severity="critical", **SECURITY))
        assert sorted(linked(place)) == sorted(LINKED)


def test_f16_observables_that_take_too_long_cost_no_ticket() -> None:
    """F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it."""
    with placed(RIG) as place:
        place.app.faults.set([Rule(do="slow-bytes", seconds=1, path="table/sn_ti_", count=0)])
        (result,) = place.play(lambda deliver: all_of(deliver, SEEN), SERVICENOW_TIMEOUT="2")
        assert result.outcome == Done()
        assert len(place.app.records("sn_si_incident")) == 1


@pytest.mark.parametrize("text", ["javascript:gs.sleep(9)", "a^ORvalueISNOTEMPTY", "a^NQtask=1"])
def test_f47_no_value_of_an_event_becomes_part_of_a_query(text: str) -> None:
    """F47: encoded query injection in ServiceNow `sysparm_query`: value-encoded."""
    with placed(RIG) as place:
        kind = place.app.records("sn_ti_observable_type")[0]["sys_id"]
        place.app.insert("sn_ti_observable_type", {"name": "Command line"})
        place.app.insert("sn_ti_observable", {"value": "theirs", "type": kind})
        play(place, episode(message=f"(command={text})", **SECURITY))
        assert linked(place) == []
        assert not any("javascript" in entry.path or "ISNOTEMPTY" in entry.path for entry in place.app.faults.requests)


def test_types_are_the_mappings_and_a_mapping_without_them_sends_none(tmp_path: Path) -> None:
    own = "operations:\n  open:\n    short_description: 'x'\n    observables:\n      fields:\n"
    some, none = tmp_path / "some.yaml", tmp_path / "none.yaml"
    some.write_text(f"{own}        Our address: '{{{{ episode | observables(\"ipv4\") }}}}'\n")
    none.write_text("operations:\n  open:\n    short_description: 'x'\n")
    with placed(RIG) as place:
        place.app.insert("sn_ti_observable_type", {"name": "Our address"})
        play(place, SEEN, SERVICENOW_SECURITY_MAPPING=str(some))
        assert {kind for kind, _ in linked(place)} == {"Our address"}
    with placed(RIG) as place:
        play(place, SEEN, SERVICENOW_SECURITY_MAPPING=str(none))
        assert not any("sn_ti_" in entry.path for entry in place.app.faults.requests)


def test_a_kind_that_there_is_not_is_found_before_any_event(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(MAPPING.read_text().replace('observables("ipv4")', 'observables("ip4")'))
    with pytest.raises(SettingsError, match="no kind of observables `ip4`: ipv4, ipv6"):
        new({**ENVIRON, "SERVICENOW_SECURITY_MAPPING": str(own)}, Metrics())
    own.write_text("operations:\n  open:\n    observables: 'x'\n")
    with pytest.raises(SettingsError, match="must have `fields`"):
        new({**ENVIRON, "SERVICENOW_SECURITY_MAPPING": str(own)}, Metrics())


def test_a_preview_shows_the_requests_that_link_them() -> None:
    with placed(RIG) as place:

        async def main(deliver: Delivering) -> list[Any]:
            return deliver.preview(SEEN)

        shown = place.play(main)
        assert place.app.faults.requests == []
    tables = [one.url.rpartition("/")[2] for one in shown]
    assert tables[:3] == ["sn_si_incident", "sn_ti_observable", "sn_ti_m2m_task_observable"]
    assert "observables" not in shown[0].body
    bodies: list[Mapping[str, str]] = [one.body for one in shown[1:]]
    assert {"value": "198.51.100.7", "type": "IP address (V4)"} in bodies
    assert {"task": "{sys_id}", "observable": "{sys_id of it}"} in bodies


def test_f60_in_shadow_they_are_shown_and_none_is_sent() -> None:
    """F60: first start on a cluster with 5,000 old conditions: or, for one destination, shadow: rendered, not sent."""
    with placed(RIG) as place:
        (shown,) = told_in_shadow(place, [SEEN])
        assert sum(one["url"].endswith("/sn_ti_observable") for one in report(shown)["requests"]) == len(LINKED) + 1, (
            "the command, too"
        )


def checked(place: Place[Any]) -> list[tuple[bool | None, str]]:
    async def main(deliver: Delivering) -> list[tuple[bool | None, str]]:
        found: list[tuple[bool | None, str]] = await deliver.function.check()
        return [line for line in found if "observables" in line[1] or "sn_ti_" in line[1]]

    return place.play(main)


def test_doctor_says_what_cannot_be_seen_and_what_to_do_and_calls_nothing_bad() -> None:
    with placed(RIG) as place:
        right, types = checked(place)
        assert right == (
            None,
            "the right to link observables cannot be seen without writing: it is sn_ti_observable.write",
        )
        assert types[0] is None
        assert types[1].startswith("sn_ti_observable_type has no Command line, Container image, Process name: not sent")
        _rights(place.app)
        assert checked(place)[0][1].startswith(
            "observables are not sent: no record of sn_ti_observable_type can be seen"
        )
        _plugin(place.app)
        ((state, text),) = checked(place)
    assert state is None
    assert text.startswith("observables are not sent: sn_ti_observable: there is no such table")
    assert "is Threat Intelligence installed, and has the user the role sn_ti_observable.write?" in text


def test_servicenows_own_client_makes_an_observable_links_it_and_reads_it_by_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = new_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # pysnc takes https only
    app = servicenow.new_app()
    try:
        with serve(app, certificate) as url:
            client = pysnc.ServiceNowClient(url, ("tidings", "tidings"), auto_retry=False)
            types = client.GlideRecord("sn_ti_observable_type")
            assert types.get("name", "Domain name")
            incident = client.GlideRecord("sn_si_incident")
            incident.initialize()
            incident.short_description = "Something was seen"
            task = incident.insert()
            observable = client.GlideRecord("sn_ti_observable")
            observable.initialize()
            observable.value, observable.type = "evil.example.net", types.sys_id
            made = observable.insert()
            link = client.GlideRecord("sn_ti_m2m_task_observable")
            link.initialize()
            link.task, link.observable = task, made
            assert link.insert()
            found = client.GlideRecord("sn_ti_m2m_task_observable")
            found.fields = ["task", "observable", "observable.value"]
            found.add_query("task", task)
            found.query()
            assert [row.get_value("observable.value") for row in found] == ["evil.example.net"]
            stranger = pysnc.ServiceNowClient(url, ("viewer", "viewer"), auto_retry=False)
            hidden = stranger.GlideRecord("sn_ti_observable")
            hidden.query()
            assert len(list(hidden)) == 0, "an ACL hides them from who has no role"
            client.session.close()
            stranger.session.close()
    finally:
        app.close()
