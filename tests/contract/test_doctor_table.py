"""`tidings doctor` finds and names what is wrong: every destination against every row, by real servers and real TLS."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from shared.destinations.clock import Clock
from shared.destinations.finding import Finding
from shared.local.standins import elastic, splunk
from shared.local.standins.faults import Rule
from tests.support.certificates import Authority, new_authority
from tests.support.rigs.place import Place, placed
from tests.support.rigs.qradar import HttpReceiver
from tests.support.rigs.registry import NOTICES, RECORDS, TICKETS, UPSERTS
from tests.support.rigs.transport import nowhere
from tests.support.servers import serve

RIGS: dict[str, Any] = {**TICKETS, **RECORDS, **UPSERTS, **NOTICES, "qradar_forwarder by HTTP": HttpReceiver()}
_INSTANCE: Final = ("servicenow_incident", "servicenow_security", "servicenow_change", "servicenow_event")
_GLPI: Final = ("glpi_ticket", "glpi_ticket by the API v2")
_SYSLOG: Final = "qradar_forwarder"
_BY_HTTP: Final = "qradar_forwarder by HTTP"


class Case(NamedTuple):
    """One cell of the table: what is set otherwise, what the stand-in is told, and what the line must say.

    `good` is False for a line that says that it is wrong, None where it can only say that this cannot be seen.
    """

    says: tuple[str, ...]
    settings: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()
    mapping: tuple[str, str] = ("", "")
    before: Callable[[Any], object] = lambda _app: None
    good: bool | None = False


def _found(place: Place[Any], case: Case, tmp_path: Path) -> list[Finding]:
    """Return what the doctor says of a place, with what the case sets."""
    variable, text = case.mapping
    own = tmp_path / "mapping.yaml"
    own.write_text(text, encoding="utf-8")
    case.before(place.app)
    place.app.faults.set(case.rules)
    return place.play(
        lambda deliver: deliver.function.check(), **case.settings, **({variable: str(own)} if variable else {})
    )


def _named(found: list[Finding], case: Case) -> None:
    """Hold one of the lines to all that it must say."""
    lines = [text for good, text in found if good is case.good]
    assert any(all(word in text for word in case.says) for text in lines), found


# Where the system is not.


@contextmanager
def _free() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("name", sorted(RIGS))
def test_a_wrong_port_is_named(name: str, tmp_path: Path) -> None:
    rig = RIGS[name]
    with placed(rig) as place, _free() as port:
        case = Case(("nothing listens there", rig.url, "port"), {rig.url: nowhere(rig, port)[0]})
        _named(_found(place, case, tmp_path), case)


@pytest.mark.parametrize("name", sorted(RIGS))
def test_a_wrong_host_is_named(name: str, tmp_path: Path) -> None:
    rig = RIGS[name]
    with placed(rig) as place, _free() as port:
        case = Case(("the name is not known", f"check {rig.url}: its host"), {rig.url: nowhere(rig, port)[1]})
        _named(_found(place, case, tmp_path), case)


_ANOTHER: Final = {
    **dict.fromkeys(_INSTANCE, ("this is no ServiceNow", "check SERVICENOW_INSTANCE")),
    **dict.fromkeys(_GLPI, ("this is no GLPI", "check GLPI_URL")),
    "siem_forwarder": ("this is no HTTP Event Collector", "check SPLUNK_HEC_URL"),
    "elastic_forwarder": ("this is no Elasticsearch", "check ELASTIC_URL"),
    _SYSLOG: ("it speaks no TLS there", "check the port of QRADAR_ADDRESS"),
}
"""Of a webhook or an HTTP Receiver nobody knows what it answers: only the first event shows that it is another."""


@pytest.mark.parametrize("name", sorted(_ANOTHER))
def test_the_url_of_another_system_is_named(name: str, tmp_path: Path) -> None:
    rig = RIGS[name]
    other = elastic.new_app() if name == "siem_forwarder" else splunk.new_app()
    with placed(rig) as place, contextlib.closing(other), serve(other) as url:
        address = url.replace("http:", "tls:") if name == _SYSLOG else url
        case = Case(_ANOTHER[name], {rig.url: address})
        _named(_found(place, case, tmp_path), case)


# TLS.


@pytest.mark.parametrize("name", sorted(RIGS))
@pytest.mark.parametrize(
    ("wrong", "says", "advice"),
    [
        ("name", "its certificate is for another address", "check {url}"),
        ("expired", "its certificate has expired", "renew it over there"),
        ("stranger", "its certificate is not trusted", "set {ca}"),
    ],
)
def test_a_certificate_that_is_no_good_is_named(name: str, wrong: str, says: str, advice: str, tmp_path: Path) -> None:
    rig = RIGS[name]
    authority = new_authority(tmp_path)
    with placed(rig, _certificate(authority, wrong)) as place:
        case = Case((says, advice.format(url=rig.url, ca=rig.ca)), {rig.ca: str(authority.file)})
        _named(_found(place, case, tmp_path), case)


def _certificate(authority: Authority, wrong: str) -> Path:
    if wrong == "stranger":
        return new_authority(authority.folder, "other").issued("stranger")
    if wrong == "expired":
        return authority.issued("expired", days=-1)
    return authority.issued("name", host="elsewhere.example")


# Who we are, and what we may.

_REFUSED: Final = '{"error":{"message":"Operation Failed","detail":"ACL"},"status":"failure"}'
_UNLICENSED: Final = (
    '{"error":{"type":"security_exception","reason":"current license is non-compliant for [security]"}}'
)
_OWN: Final = "operations:\n  open:\n    u_cluster: '{{ episode.cluster }}'\n"
_OF_CHANGES: Final = "operations:\n  open:\n    u_cluster: '{{ change.cluster }}'\n"
_OF_GLPI: Final = "operations:\n  open: {name: x, u_team: '5'}\n"
_ELASTIC: Final = {"ELASTIC_USERNAME": "elastic", "ELASTIC_PASSWORD": "changeme"}
_FIELD: Final = ("has no field u_cluster", "take it out of the mapping")


def _ticket(table: str) -> Callable[[Any], object]:
    return lambda app: app.insert(table, {"short_description": "any"})


def _role(role: str) -> Case:
    return Case(("be allowed to read", f"with the role {role}"), rules=(Rule("status", status=403, body=_REFUSED),))


PASSWORD: Final = {
    **dict.fromkeys(
        _INSTANCE,
        Case(("the credentials are refused", "SERVICENOW_USERNAME and _PASSWORD"), {"SERVICENOW_PASSWORD": "wrong"}),
    ),
    "glpi_ticket": Case(("the credentials are refused", "look at GLPI_USER_TOKEN"), {"GLPI_USER_TOKEN": "wrong"}),
    "glpi_ticket by the API v2": Case(
        ("the credentials are refused: the user's", "look at GLPI_USERNAME, GLPI_PASSWORD"), {"GLPI_PASSWORD": "wrong"}
    ),
    "siem_forwarder": Case(("the token is refused", "look at SPLUNK_TOKEN"), {"SPLUNK_TOKEN": "wrong"}),
    "elastic_forwarder": Case(
        ("the credentials are refused", "look at ELASTIC_API_KEY"), {"ELASTIC_API_KEY": "tidings:wrong"}
    ),
    "webhook": Case(("refuses the credentials (401)", "look at WEBHOOK_TOKEN"), {"WEBHOOK_TOKEN": "wrong"}),
}
ROLE: Final = {
    "servicenow_incident": _role("itil or sn_incident_write"),
    "servicenow_security": _role("sn_si.basic"),
    "servicenow_change": _role("itil or sn_change_writer"),
    "servicenow_event": Case(("cannot be seen without sending", "evt_mgmt_integration"), good=None),
    "glpi_ticket": Case(
        ("lacks the right to create tickets", "GLPI_PROFILE"), {"GLPI_USER_TOKEN": "viewer-user-token"}
    ),
    "glpi_ticket by the API v2": Case(("the right to create", "CREATE, UPDATE and READALL"), good=None),
    "siem_forwarder": Case(("whether the token may write to the indexes",), good=None),
    "elastic_forwarder": Case(
        ("the credentials lack create_doc", "give them to the role"), {"ELASTIC_API_KEY": elastic.ACCOUNTS[3].encoded}
    ),
    "webhook": Case(("refuses the credentials (403)", "look at WEBHOOK_TOKEN"), rules=(Rule("status", status=403),)),
}
FIELD: Final = {
    "servicenow_incident": Case(_FIELD, mapping=("SERVICENOW_MAPPING", _OWN), before=_ticket("incident")),
    "servicenow_security": Case(
        _FIELD, mapping=("SERVICENOW_SECURITY_MAPPING", _OWN), before=_ticket("sn_si_incident")
    ),
    "servicenow_change": Case(
        _FIELD, mapping=("SERVICENOW_CHANGE_MAPPING", _OF_CHANGES), before=_ticket("change_request")
    ),
    **dict.fromkeys(
        _GLPI,
        Case(
            ("have no field u_team", "take it out of the mapping"),
            mapping=("GLPI_MAPPING", _OF_GLPI),
            before=lambda app: app.insert("Ticket", {"name": "x"}),
        ),
    ),
}
INDEX: Final = {
    "servicenow_incident": Case(
        ("there is no table incidents", "check SERVICENOW_TABLE"), {"SERVICENOW_TABLE": "incidents"}
    ),
    "siem_forwarder": Case(("whether the token may write to the indexes shows with the first event",), good=None),
    "elastic_forwarder": Case(
        ("nothing makes k8s-events a data stream", "docs/destinations/elastic.md"),
        {"ELASTIC_INDEX": "k8s-events", "ELASTIC_API_KEY": "", **_ELASTIC},
    ),
}
LICENCE: Final = {
    "elastic_forwarder": Case(
        ("licence does not allow it", "renew it"), rules=(Rule("status", status=403, body=_UNLICENSED),)
    ),
    **{
        name: Case(
            (f"there is no table {table}", f"is {product} installed?"),
            rules=(
                Rule(
                    "status", status=400, body=f'{{"error":{{"message":"Invalid table {table}"}},"status":"failure"}}'
                ),
            ),
        )
        for name, table, product in (
            ("servicenow_security", "sn_si_incident", "Security Incident Response"),
            ("servicenow_event", "em_event", "Event Management"),
        )
    },
}
TABLE: Final = {
    "wrong password": PASSWORD,
    "missing role": ROLE,
    "missing field": FIELD,
    "wrong index": INDEX,
    "closed licence": LICENCE,
}
NO_SUCH: Final = {
    "wrong password": {_SYSLOG: "a certificate says who we are", _BY_HTTP: "it asks for nothing"},
    "missing role": {_SYSLOG: "whoever may connect may send", _BY_HTTP: "whoever may connect may send"},
    "missing field": {
        "servicenow_event": "its fields are the same everywhere: a mapping with another one keeps it from starting",
        **dict.fromkeys(("siem_forwarder", "elastic_forwarder", _SYSLOG, _BY_HTTP, "webhook"), "it takes any field"),
    },
    "wrong index": dict.fromkeys(
        (*_INSTANCE[1:], *_GLPI, _SYSLOG, _BY_HTTP, "webhook"), "there is one place, which no setting names"
    ),
    "closed licence": dict.fromkeys(
        ("servicenow_incident", "servicenow_change", *_GLPI, "siem_forwarder", _SYSLOG, _BY_HTTP, "webhook"),
        "none of its answers speaks of a licence",
    ),
}
"""What a destination does not have, by row, and why."""


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, cells in TABLE.items() for name in cells])
def test_what_is_wrong_is_named_with_what_to_do(row: str, name: str, tmp_path: Path) -> None:
    case = TABLE[row][name]
    with placed(RIGS[name]) as place:
        _named(_found(place, case, tmp_path), case)


def test_every_destination_has_each_row_or_a_reason_why_not() -> None:
    for row, cells in TABLE.items():
        assert sorted([*cells, *NO_SUCH[row]]) == sorted(RIGS), row


@pytest.mark.parametrize("name", sorted(RIGS))
def test_where_nothing_is_wrong_no_line_says_so(name: str, tmp_path: Path) -> None:
    with placed(RIGS[name]) as place:
        assert not [text for good, text in _found(place, Case(()), tmp_path) if good is False]


def test_a_clock_that_is_wrong_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock.__init__, "__defaults__", (lambda: time.time() - 3600,))
    for name, rig in RIGS.items():
        told = Case(("behind theirs", "check the clocks on both sides"))
        unseen = Case(("syslog tells no time",), good=None)
        case = unseen if name == _SYSLOG else told
        with placed(rig) as place:
            _named(_found(place, case, tmp_path), case)
