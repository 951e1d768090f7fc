"""What a target's answer means, and what a mapping may ask of it."""

from typing import Any

import httpx2
import orjson
import pytest

from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.webhook.answers import CREDENTIALS, FORBIDDEN, judge
from shared.destinations.webhook.client import Target, shown
from shared.destinations.webhook.record import Asked, Place, Success, asked, body_of, codes
from shared.destinations.webhook.settings import headers_of
from shared.events.outcome import Rejected


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    value = None if isinstance(body, bytes) else body
    return Answer(
        status, httpx2.Headers({name.replace("_", "-"): text for name, text in headers.items()}), content, value
    )


def success(**wanted: Any) -> Success:
    request = asked({"success": wanted})
    assert not isinstance(request, Rejected)
    return request.success


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success_where_nothing_else_is_asked_for(status: int) -> None:
    assert judge(answer(status), Success()) is None


def test_f12_a_page_is_no_success() -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure (content-type + shape check), not Done."""
    assert isinstance(judge(answer(200, b"<html>", content_type="text/html;charset=UTF-8"), Success()), Ambiguous)
    assert isinstance(judge(answer(200), success(text="ok")), Ambiguous)
    assert isinstance(judge(answer(200), success(json={"status": "success"})), Ambiguous)
    assert judge(answer(200, b"ok\n", content_type="text/html"), success(text="ok")) is None, "as Slack says it"


@pytest.mark.parametrize(
    ("wanted", "body", "good"),
    [
        ({"status": "success"}, {"status": "success", "more": 1}, True),
        ({"status": "success"}, {"status": "error"}, False),
        ({"status": "success"}, [], False),
        ({"id": "*"}, {"id": 7}, True),
        ({"id": "*"}, {"id": ""}, False),
        ({"id": "*"}, {}, False),
        ({"ok": "true"}, {"ok": True}, True),
        ({"ok": "true"}, {"ok": False}, False),
        ({"result": {"status": "!error"}}, {"result": [{"status": "inserted"}, {"status": "updated"}]}, True),
        ({"result": {"status": "!error"}}, {"result": [{"status": "inserted"}, {"status": "error"}]}, False),
        ({"result": {"status": "!error"}}, {"result": []}, False),
        ({"result": {"status": "!error"}}, {"result": {}}, True),
        ({"result": {"status": "inserted|updated"}}, {"result": [{"status": "ignored"}]}, False),
    ],
)
def test_a_member_of_the_answer_can_be_asked_for(wanted: Any, body: Any, good: Any) -> None:
    assert (judge(answer(200, body), success(json=wanted)) is None) is good


def test_another_2xx_than_the_one_that_means_success_is_none() -> None:
    assert judge(answer(202), success(status="202")) is None
    assert isinstance(judge(answer(200), success(status="202")), Ambiguous)
    assert codes("200-204, 207") == (range(200, 205), range(207, 208))
    for wrong in ("", "2xx", "300", "204-200", "100-299"):
        with pytest.raises(ValueError, match="codes from 200 to 299"):
            codes(wrong)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Temporary("the target answers 429")),
        (503, Temporary("the target answers 503")),
        (500, Ambiguous("the target answers 500")),
        (502, Ambiguous("the target answers 502")),
        (408, Ambiguous("the target answers 408")),
        (409, Ambiguous("the target answers 409")),
        (401, CREDENTIALS),
        (403, FORBIDDEN),
        (400, Refused("the target refuses the request")),
        (422, Refused("the target refuses the request")),
        (404, Refused("the target does not know the address")),
        (413, Refused("the request is larger than the target takes")),
    ],
)
def test_each_other_status_has_its_class(status: int, failure: Any) -> None:
    assert judge(answer(status), Success()) == failure


def test_f08_what_was_asked_to_wait_waits_as_long() -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""
    assert judge(answer(429, retry_after="30"), Success()) == Temporary("the target answers 429", 30)
    assert judge(answer(502, retry_after="5"), Success()) == Temporary("the target answers 502", 5)


def test_f46_what_no_header_can_hold_becomes_a_space() -> None:
    """F46: CE attribute with CR/LF → response/DLQ header: rejected or percent-encoded. Here: of a request's header."""
    request = asked({"headers": {"X-Title": "a\r\nx-evil: 1", "Host": "evil.example", "Content-Type": "text/csv"}})
    assert not isinstance(request, Rejected)
    assert request.headers == {"content-type": "text/csv", "x-title": "a  x-evil: 1"}


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "evil", "/a b", "/ä", "/a\n"])
def test_f48_a_mapping_leads_to_no_other_host_than_the_settings(url: str) -> None:
    """F48: SSRF: `dest_url` from event: destinations only from settings."""
    assert isinstance(asked({"url": url}), Rejected)


def test_the_mappings_path_is_below_the_settings_and_queries_are_joined() -> None:
    target = Target("https://x.example/hooks/?sig=1")
    assert target.path("") == "/hooks/?sig=1"
    assert target.path("/a/close?by=alias") == "/hooks/a/close?sig=1&by=alias"
    assert Target("https://x.example").path("") == "/"
    assert shown("https://hooks.slack.com/services/T0/B0/secret") == "https://hooks.slack.com/…"
    assert shown("https://am.example", "/api/v2/alerts") == "https://am.example/api/v2/alerts"


def test_the_token_goes_where_the_mapping_wants_it() -> None:
    inside = asked({"body": {"a": 1}, "token": {"member": "routing_key"}})
    assert not isinstance(inside, Rejected)
    assert body_of(inside, "t") == b'{"a":1,"routing_key":"t"}'
    header = asked({"token": {"header": "Authorization", "scheme": "GenieKey"}})
    assert not isinstance(header, Rejected)
    assert header.place == Place("authorization", "GenieKey")
    plain = asked({"token": {"header": "X-Api-Key"}})
    assert not isinstance(plain, Rejected)
    assert plain.place == Place("x-api-key", "")
    text = asked({"body": "text", "token": {"member": "x"}})
    assert not isinstance(text, Rejected)
    assert isinstance(body_of(text, "t"), Rejected)


def test_headers_of_a_file_are_read_line_by_line() -> None:
    assert headers_of("X-Api-Key: a b\n\n Other:c") == {"x-api-key": "a b", "other": "c"}
    for text, why in (("nonsense", "line 1 is no header"), ("A: b\nhost: x", "line 2: `host`"), ("A b: c", "line 1")):
        with pytest.raises(ValueError, match=why):
            headers_of(text)


def test_a_url_that_an_event_makes_too_long_is_rejected_and_ends_in_no_exception() -> None:
    assert isinstance(asked({"url": f"/{'x' * 7_999}"}), Asked)
    assert asked({"url": f"/{'x' * 8_000}"}) == Rejected("mapping", "field url: is longer than 8000 characters")
