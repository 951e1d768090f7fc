"""The stand-in answers as a real GLPI 10.0.14 did: a recorded dialogue, replayed answer by answer."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.local.standins import glpi
from tests.support.servers import serve

_THERE = "http://127.0.0.1:8081"
_WITHOUT_APP_TOKEN = {"initSession without App-Token when required", "call without App-Token"}
_AS_POST_ONLY = {"right missing create computer", "right missing get", "post-only create ticket"}


@dataclass
class Exchange:
    """One request of the dialogue, and what the real server answered. Long bodies were cut when it was recorded."""

    title: str
    method: str
    path: str
    body: str
    status: int
    headers: dict[str, str]
    answer: str


def exchanges(text: str) -> Iterator[Exchange]:
    """Yield the exchanges that were recorded in the common form."""
    for section in re.split(r"^--- ", text, flags=re.MULTILINE)[1:]:
        lines = section.splitlines()
        method, path = lines[1].split(" ", 1)
        status, _, headers = lines[3].removeprefix("< ").partition(" ")
        yield Exchange(
            lines[0],
            method,
            path,
            _body(lines[2].removeprefix("> ")),
            int(status),
            json.loads(headers.replace("'", '"')) if headers else {},
            lines[4].removeprefix("< "),
        )


def _body(shown: str) -> str:
    """Return what was sent, from how Python printed its bytes."""
    if not shown.startswith("b'"):
        return shown
    inner = shown[2:-1] if shown.endswith("'") else shown[2:]
    return inner.encode("latin-1").decode("unicode_escape").encode("latin-1").decode()


class Teller:
    """Says the requests again to the stand-in, which has a life before the dialogue as the real server had."""

    def __init__(self, client: httpx2.Client, app: glpi.Glpi) -> None:
        self._client = client
        self._sessions = {name: self._session(f"{name}-user-token") for name in ("glpi",)}
        self._sessions["post-only"] = self._session("post-only-token")
        for number in (1, 2):
            app.insert("Ticket", {"name": f"before {number}", "content": "x"})

    def _session(self, token: str) -> str:
        headers = {"app-token": glpi.APP_TOKEN, "authorization": f"user_token {token}"}
        return str(self._client.get("/apirest.php/initSession", headers=headers).json()["session_token"])

    def __call__(self, one: Exchange) -> httpx2.Response:
        headers = {"app-token": glpi.APP_TOKEN, "content-type": "application/json"}
        if one.title in _WITHOUT_APP_TOKEN:
            del headers["app-token"]
        elif one.title == "initSession wrong App-Token":
            headers["app-token"] = "wrong"
        if one.path == "/initSession":
            headers["authorization"] = "user_token glpi-user-token"
        else:
            headers["session-token"] = self._sessions["post-only" if one.title in _AS_POST_ONLY else "glpi"]
        body = one.body
        if one.title == "long name 300":  # cut in the record
            body = json.dumps({"input": {"name": "n" * 300, "content": "x"}})
        answer = self._client.request(one.method, f"/apirest.php{one.path}", headers=headers, content=body)
        if one.title == "after kill":
            self._sessions["glpi"] = self._session("glpi-user-token")
        return answer

    def get(self, path: str, **parameters: Any) -> Any:
        headers = {"app-token": glpi.APP_TOKEN, "session-token": self._sessions["glpi"]}
        return self._client.get(f"/apirest.php{path}", headers=headers, params=parameters).json()

    def post(self, path: str, values: dict[str, Any]) -> httpx2.Response:
        headers = {"app-token": glpi.APP_TOKEN, "session-token": self._sessions["glpi"]}
        return self._client.post(f"/apirest.php{path}", headers=headers, json={"input": values})


def agrees(url: str, one: Exchange, answer: httpx2.Response) -> None:
    """Compare status, the recorded headers and the body; of a body that was cut its beginning."""
    assert answer.status_code == one.status, one.title
    for name, value in one.headers.items():
        assert answer.headers[name] == value.replace(_THERE, url), one.title
    told = one.answer.replace(_THERE, url)
    try:
        expected = json.loads(told)
    except ValueError:
        shown = json.dumps(answer.json(), separators=(",", ":"), ensure_ascii=False)
        assert shown.startswith(told.rpartition("http")[0].rpartition(",{")[0]), one.title
        return
    if isinstance(expected, dict) and "session_token" in expected:
        assert answer.json().keys() == expected.keys()
        return
    assert answer.json() == expected, one.title


@pytest.fixture(scope="module")
def dialogue(shared_data: Path) -> str:
    return (shared_data / "reference" / "glpi10-dialogue.txt").read_text(encoding="utf-8")


def test_the_stand_in_answers_as_the_real_one_did(dialogue: str) -> None:
    app = glpi.new_app()
    with serve(app) as url, httpx2.Client(base_url=url) as client:
        tell = Teller(client, app)
        told = []
        for one in exchanges(dialogue):
            agrees(url, one, tell(one))
            told.append(one.title)
            for status in re.findall(rf"^--- {re.escape(one.title)}$[^-]*?^status \D*(\d)", dialogue, re.MULTILINE):
                assert tell.get("/Ticket/3")["status"] == int(status), one.title
            _look_into(one.title, tell, dialogue)
    app.close()
    assert len(told) == dialogue.count("\n--- ") + 1
    assert len(told) > 60, "the whole dialogue"


def _look_into(title: str, tell: Teller, dialogue: str) -> None:
    """Check what was recorded between the exchanges: items read again, races, searches."""
    if title == "change":
        shown = re.search(r"^\{'id': 1, 'name': 'rollout api v2'.*$", dialogue, re.MULTILINE)
        assert shown is not None
        columns = re.findall(r"'(\w+)':", shown[0])
        change = tell.get("/Change/1", get_hateoas="false")
        assert set(columns) <= change.keys()
        assert (change["content"], change["status"], change["priority"]) == ("Deployment generation 7", 1, 3)
    elif title == "deprecated dbinstance":
        answers = [tell.post("/Appliance", {"name": "race", "externalidentifier": "race-key"}) for _ in range(8)]
        recorded = re.findall(r"\((\d{3}), '(.*?\})'\)|\((\d{3}), '(\[.*?\])'\)", dialogue)
        assert [one.status_code for one in answers] == [201] + [400] * 7
        assert answers[0].json() == json.loads(next(text for status, text, *_ in recorded if status == "201"))
        assert answers[1].json() == ["ERROR_GLPI_ADD", "Duplicate entry 'race-key' for key 'unicity'"]
    elif title == "urgency out of range":
        ticket = tell.get("/Ticket/11")
        assert {name: ticket[name] for name in ("urgency", "impact", "priority")} == dict.fromkeys(
            ("urgency", "impact", "priority"), 3
        )
    elif title == "change statuses":
        assert tell.get("/Change/1")["status"] == 7
    elif title == "emoji":
        _search_again(tell, dialogue)


def _search_again(tell: Teller, dialogue: str) -> None:
    """Make the tickets whose names try LIKE's wildcards, and find what was found."""
    made = re.findall(r"^\{'id': (\d+), 'message': 'Item successfully added: (.*?) \(\d+\)'\}$", dialogue, re.MULTILINE)
    assert len(made) == 5
    for number, name in made:
        assert tell.post("/Ticket", {"name": name, "content": "x"}).json()["id"] == int(number)
    found = re.findall(r"^(\S+) -> \[(.*)\]$", dialogue, re.MULTILINE)
    assert len(found) == 5
    for value, names in found:
        assert _named(tell, value, "contains") == set(re.findall(r"'([^']*)'", names)), value
    assert _named(tell, "key=a_b", "equals") == set()


def _named(tell: Teller, value: str, kind: str) -> set[str]:
    criteria = {"criteria[0][field]": "1", "criteria[0][searchtype]": kind, "criteria[0][value]": value}
    found = tell.get("/search/Ticket", **criteria, **{"forcedisplay[0]": "1"})
    return {one["1"] for one in found.get("data", [])}
