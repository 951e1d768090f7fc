"""What the collector's answers mean: every code of reference/destinations.md §3 as a value."""

from dataclasses import dataclass
from typing import Any

from shared.destinations.answer import Answer, retry_after
from shared.destinations.bulk_answers import TOO_MANY, WAIT, Busy, Setup, TooLarge

_POISON = frozenset({6, 12, 13, 15})  # this one event is wrong, whatever is done
_AUTHENTICATION = frozenset({1, 2, 3, 4, 21, 22})
_ACCEPTED = frozenset({0, 24, 25})  # 24 and 25 say that a queue is nearly full; the events are in
_INDEX = 7
_NO_DATA = 5
_HEALTHY = 17
_SETUP = {
    10: "the token wants acknowledgement: set SPLUNK_ACK=true, or turn it off on the token",
    11: "the collector does not take our channel",
    14: "the token has no acknowledgement: set SPLUNK_ACK=false, or turn it on for the token",
    16: "the collector refuses this kind of authorization",
}
_OK = 200
_TOO_LARGE = 413
_UNAUTHORIZED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Accepted:
    """All events are in; `ack` is the number to ask the indexer's acknowledgement by."""

    ack: int | None = None


@dataclass(frozen=True, slots=True)
class Poison:
    """Processing stopped at one event; `number` is its place in the request, None where they did not say."""

    number: int | None


@dataclass(frozen=True, slots=True)
class WrongIndex:
    """The token may not write to an event's index."""

    number: int | None


Settled = Accepted | Poison | WrongIndex | TooLarge
Judged = Settled | Busy | Setup


def judge(answer: Answer) -> Judged:
    """Say what an answer to posted events means. A 200 counts only with the collector's own words in it (F12)."""
    body: dict[str, Any] = answer.json if isinstance(answer.json, dict) else {}
    code = _number(body.get("code"))
    if answer.status == _OK:
        return Accepted(_number(body.get("ackId"))) if code in _ACCEPTED else Busy("the answer is not the collector's")
    if code in _AUTHENTICATION or answer.status in _UNAUTHORIZED:
        return Setup("the token is refused", authentication=True)
    if code in _SETUP:
        return Setup(_SETUP[code])
    return _judge_events(answer, code, _number(body.get("invalid-event-number")))


def _judge_events(answer: Answer, code: int | None, place: int | None) -> Judged:
    if code in _POISON:
        return Poison(place)
    if code == _INDEX:
        return WrongIndex(place)
    if answer.status == _TOO_LARGE:
        return TooLarge()
    if answer.status in WAIT:
        after = retry_after(answer.headers)
        return Busy("the collector is busy", after, again=after is None and answer.status != TOO_MANY)
    return Setup("the answer is not the collector's: check SPLUNK_HEC_URL")


def is_healthy(answer: Answer) -> bool:
    """Return True where the health path says that the collector takes events."""
    return answer.status == _OK and isinstance(answer.json, dict) and answer.json.get("code") == _HEALTHY


def says_no_data(answer: Answer) -> bool:
    """Return True where a request without events got as far as being missed: address and token are right."""
    return isinstance(answer.json, dict) and answer.json.get("code") == _NO_DATA


def acknowledged(answer: Answer, ack: int) -> bool:
    """Return True where the indexer has these events for certain."""
    body: dict[str, Any] = answer.json if isinstance(answer.json, dict) else {}
    acks = body.get("acks")
    return answer.status == _OK and isinstance(acks, dict) and acks.get(str(ack)) is True


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
