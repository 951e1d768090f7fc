"""Every answer of the bulk API means what the reference's table says."""

import base64
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from shared.destinations.answer import Answer
from shared.destinations.bulk_answers import Busy, Setup, TooLarge
from shared.destinations.elastic.answers import (
    BUSY,
    POISON,
    WRONG_INDEX,
    Items,
    Judged,
    Poison,
    judge,
)
from shared.destinations.elastic.credentials import authorization
from shared.destinations.elastic.record import nested
from shared.destinations.elastic.settings import ElasticSettings
from shared.events.outcome import Done, Duplicate, Outcome, Rejected
from shared.settings.environment import SettingsError, read

URL = "https://elastic.example:9200"


def answer(status: int, body: Any, **headers: str) -> Answer:
    return Answer(status, httpx2.Headers(headers), orjson.dumps(body), body)


def error(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": "why"}, "status": 400}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (201, Done()),
        (200, Done()),
        (409, Duplicate()),
        (429, BUSY),
        (503, BUSY),
        (500, BUSY),
        (507, BUSY),
        (400, POISON),
        (413, POISON),
        (403, WRONG_INDEX),
        (404, WRONG_INDEX),
    ],
)
def test_each_status_of_an_item_has_its_outcome(status: int, expected: Outcome) -> None:
    told = {"took": 1, "errors": status > 201, "items": [{"create": {"_id": "a", "status": status}}]}
    assert judge(answer(200, told)) == Items({"a": expected})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (answer(200, {"items": []}), Items({})),
        (answer(200, {"items": [{"create": {"_id": 7, "status": 201}}, {"create": []}, 7, {}]}), Items({})),
        (answer(200, {"items": [{"create": {"_id": "a", "status": "201"}}]}), Items({})),
        (answer(200, {"errors": False}), Busy("the answer is not the bulk API's")),
        (answer(200, None), Busy("the answer is not the bulk API's")),
        (answer(429, error("es_rejected_execution_exception")), Busy(BUSY.reason, again=True, halve=True)),
        (answer(429, None, **{"retry-after": "30"}), Busy(BUSY.reason, 30.0, halve=True)),
        (answer(503, None), Busy(BUSY.reason, again=True)),
        (answer(413, None), TooLarge()),
        (answer(400, error("illegal_argument_exception")), Poison()),
        (answer(400, None), Setup("the answer is not the bulk API's: check ELASTIC_URL")),
        (answer(401, error("security_exception")), Setup("the credentials are refused", authentication=True)),
        (answer(403, error("security_exception")), Setup("the credentials may not write in bulk")),
        (answer(403, None), Setup("the answer is not the bulk API's: check ELASTIC_URL")),
        (answer(404, None), Setup("the answer is not the bulk API's: check ELASTIC_URL")),
    ],
)
def test_details_of_an_answer_are_kept(told: Answer, expected: Judged) -> None:
    assert judge(told) == expected


def of(**settings: str) -> str | None:
    return authorization(read(ElasticSettings, {"ELASTIC_URL": URL, **settings}))


def test_an_api_key_is_taken_as_a_pair_and_as_elasticsearch_shows_it() -> None:
    encoded = base64.b64encode(b"id:key").decode()
    assert of(ELASTIC_API_KEY="id:key") == of(ELASTIC_API_KEY=encoded) == f"ApiKey {encoded}"


def test_a_user_and_a_password_of_any_letters_are_basic() -> None:
    expected = "Basic " + base64.b64encode("tidings:pässwört ☃".encode()).decode()
    assert of(ELASTIC_USERNAME="tidings", ELASTIC_PASSWORD="pässwört ☃") == expected  # noqa: S106


def test_a_key_or_password_that_cannot_be_read_any_more_is_none(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("id:key")
    settings = read(ElasticSettings, {"ELASTIC_URL": URL, "ELASTIC_API_KEY_FILE": str(file)})
    file.write_text("no longer göod")
    assert authorization(settings) is None
    file.unlink()
    assert authorization(settings) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"ELASTIC_USERNAME": "tidings"},
        {"ELASTIC_PASSWORD": "x"},
        {"ELASTIC_API_KEY": "id:key", "ELASTIC_USERNAME": "tidings", "ELASTIC_PASSWORD": "x"},
        {"ELASTIC_API_KEY": "id:key", "ELASTIC_PASSWORD": "x"},
    ],
)
def test_exactly_one_way_in_is_wanted(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="set either ELASTIC_API_KEY or both of"):
        read(ElasticSettings, {"ELASTIC_URL": URL, **given})


@pytest.mark.parametrize("key", ["kéy:value", "two words", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_refused_at_the_start_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="ELASTIC_API_KEY: holds a character that no token has") as raised:
        read(ElasticSettings, {"ELASTIC_URL": URL, "ELASTIC_API_KEY": key})
    assert key not in str(raised.value)


@pytest.mark.parametrize("index", ["Logs-K8s", "a b", "-a", "_a", "a*", "a/b", "x" * 256, ""])
def test_what_no_index_can_be_called_is_refused_at_the_start(index: str) -> None:
    environ = {"ELASTIC_URL": URL, "ELASTIC_API_KEY": "id:key", "ELASTIC_INDEX": index}
    if index:
        with pytest.raises(SettingsError, match="ELASTIC_INDEX"):
            read(ElasticSettings, environ)
    else:
        assert read(ElasticSettings, environ).index == "logs-k8s.events-default"


def test_names_with_dots_become_objects_and_what_is_both_is_told_by_its_name() -> None:
    assert nested({"a.b": 1, "a.c.d": 2, "e": 3}) == {"a": {"b": 1, "c": {"d": 2}}, "e": 3}
    assert nested({"a": {"b": 1}, "a.c": 2}) == nested({"a.c": 2, "a": {"b": 1}}) == {"a": {"b": 1, "c": 2}}
    for fields in ({"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a.b": 1, "a.b.c": 2}, {"a": 1, "a.b.c": 2}):
        refused = nested(fields)
        assert isinstance(refused, Rejected)
        assert refused.stage == "mapping"
        assert "field a" in refused.reason
