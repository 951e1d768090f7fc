"""What `tidings doctor` finds at GLPI: each setting that does not fit, by its name."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from shared.local.standins import elastic
from shared.local.standins.faults import Rule
from tests.support.rigs.glpi import Tickets
from tests.support.rigs.place import Place, placed
from tests.support.senders import Authority
from tests.support.servers import serve


@pytest.fixture
def place() -> Iterator[Place[Tickets]]:
    with placed(Tickets()) as one:
        yield one


CHECKS: list[tuple[dict[str, str], str]] = [
    ({"GLPI_APP_TOKEN": "wrong"}, "GLPI_APP_TOKEN"),
    ({"GLPI_APP_TOKEN": ""}, "GLPI_APP_TOKEN"),
    ({"GLPI_USER_TOKEN": "wrong"}, "GLPI_USER_TOKEN"),
    ({"GLPI_USER_TOKEN": "viewer-user-token"}, "create tickets"),
    ({"GLPI_PROFILE": "Self-Service"}, "see all tickets"),
    ({"GLPI_PROFILE": "Nobody"}, "GLPI_PROFILE"),
    ({"GLPI_ENTITY": "Nowhere"}, "GLPI_ENTITY"),
    ({"GLPI_CATEGORY": "Nothing"}, "GLPI_CATEGORY"),
    ({"GLPI_GROUP": "Nobody"}, "GLPI_GROUP"),
    ({"GLPI_REQUESTER": "nobody"}, "GLPI_REQUESTER"),
]


def findings(place: Place[Tickets], **settings: str) -> list[tuple[bool | None, str]]:
    return place.play(lambda send: send.function.check(), **settings)


@pytest.mark.parametrize(("settings", "word"), CHECKS, ids=str)
def test_doctor_names_the_setting_that_does_not_fit(place: Place[Tickets], settings: dict[str, str], word: str) -> None:
    bad = [text for good, text in findings(place, **settings) if good is False]
    assert any(word in text for text in bad)


def test_doctor_says_what_is_good_and_leaves_no_session_behind(place: Place[Tickets]) -> None:
    found = findings(place, GLPI_CATEGORY="Incidents > Kubernetes", GLPI_GROUP="1", GLPI_ENTITY="Shop")
    assert all(good is not False for good, _ in found)
    text = "\n".join(line for _, line in found)
    assert "Root entity > Shop" in text
    assert "Technician" in text
    assert place.app.sessions() == 0
    assert place.app.records("Ticket") == []


def test_doctor_names_a_field_that_glpi_would_drop_in_silence(place: Place[Tickets], tmp_path: Path) -> None:
    mapping = tmp_path / "own.yaml"
    mapping.write_text("operations:\n  open: {name: x, u_team: '5', _groups_id_assign: '1', computer: x}\n")
    unseen = "there is no ticket yet: the mapping's fields could not be checked"
    assert (None, unseen) in findings(place, GLPI_MAPPING=str(mapping))
    place.app.insert("Ticket", {"name": "x"})
    assert all(good is not False for good, _ in findings(place))
    bad = [text for good, text in findings(place, GLPI_MAPPING=str(mapping)) if good is False]
    assert bad == ["tickets have no field u_team: take it out of the mapping (GLPI_MAPPING)"]


def test_doctor_names_a_url_that_is_not_glpis(place: Place[Tickets]) -> None:
    ((good, text),) = findings(place, GLPI_URL=f"{place.url}/elsewhere")
    assert not good
    assert "this is no GLPI: check GLPI_URL" in text
    place.app.options = replace(place.app.options, database_down=True)
    ((good, text),) = findings(place)
    assert not good
    assert "database" in text


def test_doctor_says_that_another_system_is_no_glpi_and_not_that_the_token_is_wrong(place: Place[Tickets]) -> None:
    """Elasticsearch asks everybody for credentials; a web server knows no such path, and some answer everything."""
    with contextlib.closing(elastic.new_app()) as other, serve(other) as url:
        assert findings(place, GLPI_URL=url) == [
            (False, f"{url}: this is no GLPI: check GLPI_URL, and whether its API is turned on")
        ]
    for status, body in ((404, "<html>"), (400, '{"error":"no handler found"}'), (401, '{"error":{}}'), (403, "[]")):
        place.app.faults.set([Rule("status", status=status, body=body)])
        ((good, text),) = findings(place)
        assert (good, "this is no GLPI: check GLPI_URL" in text) == (False, True), status


@pytest.mark.parametrize("wanted", ["Nowhere", "99"])
def test_doctor_says_which_entities_there_are(place: Place[Tickets], wanted: str) -> None:
    ((good, text),) = findings(place, GLPI_ENTITY=wanted)
    assert not good
    assert text.endswith(
        f"reached, but GLPI_ENTITY names nothing that this user has: '{wanted}'; "
        "there are 'Root entity', 'Root entity > Bank', 'Root entity > Shop'"
    )
    assert place.app.sessions() == 0


def test_of_many_entities_five_are_named_and_the_rest_is_counted(place: Place[Tickets]) -> None:
    many = ",".join(f'{{"id":{number},"name":"Shop {number}"}}' for number in range(1, 10))
    place.app.faults.set([Rule("body", path="getMyEntities", body=f'{{"myentities":[{many}]}}')])
    ((_, text),) = findings(place, GLPI_ENTITY="Nowhere")
    assert text.endswith("'Shop 4', 'Shop 5' and 4 more")


def test_doctor_names_a_certificate_of_another_name_or_that_has_expired(tmp_path: Path) -> None:
    authority, here = Authority(tmp_path), x509.IPAddress(ip_address("127.0.0.1"))
    cases = [
        ("its certificate is for another address", authority.issue("elsewhere", x509.DNSName("elsewhere.example"))),
        ("its certificate has expired", authority.issue("expired", here, days=-1)),
        ("its certificate is not trusted", Authority(tmp_path, "other").issue("foreign", here)),
    ]
    for said, certificate in cases:
        with placed(Tickets(), certificate) as there:
            ((good, text),) = findings(there, GLPI_CA_FILE=str(authority.file))
            assert not good
            assert said in text
