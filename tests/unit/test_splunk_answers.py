"""Every code of Splunk's collector means what the reference's table says."""

import httpx2
import orjson
import pytest

from shared.destinations.answer import Answer
from shared.destinations.bulk_answers import Busy, Setup, TooLarge
from shared.destinations.splunk.answers import Accepted, Judged, Poison, WrongIndex, judge
from shared.destinations.splunk.settings import SplunkSettings
from shared.local.standins.splunk import CODES
from shared.settings.environment import SettingsError, read


def answer(status: int, body: object, **headers: str) -> Answer:
    return Answer(status, httpx2.Headers(headers), orjson.dumps(body), body)


CLASSES: dict[type, tuple[int, ...]] = {
    Accepted: (0, 24, 25),
    Poison: (6, 12, 13, 15),
    WrongIndex: (7,),
    Setup: (1, 2, 3, 4, 5, 10, 11, 14, 16, 21, 22),
    Busy: (8, 9, 17, 18, 19, 20, 23, 26, 27),
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_has_its_class(code: int) -> None:
    status, text = CODES[code]
    judged = judge(answer(status, {"text": text, "code": code}))
    assert code in CLASSES[type(judged)]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (answer(200, {"text": "Success", "code": 0, "ackId": 7}), Accepted(7)),
        (answer(400, {"code": 6, "invalid-event-number": 3}), Poison(3)),
        (answer(400, {"code": 6, "invalid-event-number": "3"}), Poison(None)),
        (answer(400, {"code": 6, "invalid-event-number": -1}), Poison(None)),
        (answer(400, {"code": 7, "invalid-event-number": 0}), WrongIndex(0)),
        (answer(413, None), TooLarge()),
        (answer(429, None, **{"retry-after": "30"}), Busy("the collector is busy", 30.0)),
        (answer(503, None, **{"retry-after": "2"}), Busy("the collector is busy", 2.0)),
        (answer(503, None), Busy("the collector is busy", again=True)),
        (answer(401, None), Setup("the token is refused", authentication=True)),
        (answer(403, []), Setup("the token is refused", authentication=True)),
        (answer(404, None), Setup("the answer is not the collector's: check SPLUNK_HEC_URL")),
        (answer(204, None), Setup("the answer is not the collector's: check SPLUNK_HEC_URL")),
    ],
)
def test_details_of_an_answer_are_kept(told: Answer, expected: Judged) -> None:
    assert judge(told) == expected


@pytest.mark.parametrize(
    "given",
    [
        "https://splunk.example:8088",
        "https://splunk.example:8088/",
        "https://splunk.example:8088/services/collector",
        "https://splunk.example:8088/services/collector/event/",
        "https://splunk.example:8088/services/collector/event/1.0",
    ],
)
def test_the_url_may_be_given_with_or_without_the_collectors_path(given: str) -> None:
    settings = read(SplunkSettings, {"SPLUNK_HEC_URL": given, "SPLUNK_TOKEN": "t"})
    assert settings.url == "https://splunk.example:8088"
    assert "t" not in repr(settings.token)


@pytest.mark.parametrize("url", ["http://splunk.example:8088", "splunk.example", "https://user:pw@splunk.example"])
def test_an_address_that_would_leak_the_token_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="SPLUNK_HEC_URL"):
        read(SplunkSettings, {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "t"})
