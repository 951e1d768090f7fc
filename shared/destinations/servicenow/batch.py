"""The Batch API: several requests in one call, each with a status of its own (reference/destinations.md §1.9). Pure.

The instance runs them one after the other, and it is no transaction: each is as if it had come alone.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from shared.delivery.failure import Failure
from shared.destinations.answer import Answer
from shared.destinations.caller import Request
from shared.destinations.servicenow.answers import failure_of

PATH: Final = "/api/now/v1/batch"
_NUMBER: Final = re.compile(r"\d{1,4}")
_NO_SUCH: Final = frozenset({400, 403, 404, 405})
_HEADERS: Final = [
    {"name": "Accept", "value": "application/json"},
    {"name": "Content-Type", "value": "application/json"},
]


@dataclass(frozen=True, slots=True)
class Serviced:
    """What became of the requests, by their place: an answer, or left out, so that it may be sent again."""

    answers: Mapping[int, Answer]
    left_out: frozenset[int]


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """They do not take batches, or not from us: nothing of it was done."""

    status: int


def entry_of(request: Request) -> dict[str, Any]:
    """Return a request as a batch holds it, without its `id`."""
    query = urlencode(request.parameters or {})
    entry = {
        "method": request.method,
        "url": f"{request.path}?{query}" if query else request.path,
        "headers": _HEADERS,
        "exclude_response_headers": False,  # the limits that a 429 names stand there
    }
    if request.body is not None:
        entry["body"] = base64.b64encode(orjson.dumps(request.body)).decode()
    return entry


def batch_of(entries: Sequence[Mapping[str, Any]]) -> Request:
    """Return the one request for several of `entry_of`; their places are their ids."""
    numbered = [{"id": str(place), **entry} for place, entry in enumerate(entries)]
    return Request("POST", PATH, {}, {"batch_request_id": "tidings", "rest_requests": numbered})


def judge_batch(answer: Answer, now: float) -> Serviced | NotAllowed | Failure:
    """Say what the whole answer means; without a believable one nobody knows what of it was done."""
    found = _serviced(answer.json) if answer.status in range(200, 300) else None
    if found is not None:
        return found
    if answer.status in _NO_SUCH:
        return NotAllowed(answer.status)
    return failure_of(answer, now, "POST", writes=True)


def _serviced(body: object) -> Serviced | None:
    if not isinstance(body, dict) or not isinstance(body.get("serviced_requests"), list):
        return None
    answers: dict[int, Answer] = {}
    for one in body["serviced_requests"]:
        place, answer = _place(one.get("id") if isinstance(one, dict) else None), _answer(one)
        if place is not None and answer is not None:
            answers[place] = answer
    rest = body.get("unserviced_requests")
    places = (_place(one) for one in (rest if isinstance(rest, list) else ()))
    return Serviced(answers, frozenset(place for place in places if place is not None))


def _place(value: object) -> int | None:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def _answer(one: Any) -> Answer | None:
    """Return what is the answer to one request; None for what cannot be believed."""
    if not isinstance(one, dict) or not isinstance(one.get("status_code"), int):
        return None
    try:
        body = base64.b64decode(str(one.get("body") or ""), validate=True)
    except (binascii.Error, ValueError):
        return None
    listed = one.get("headers")
    pairs = [pair for pair in listed if isinstance(pair, dict)] if isinstance(listed, list) else []
    headers = {str(pair.get("name", "")).lower(): str(pair.get("value", "")) for pair in pairs}
    return Answer.of(one["status_code"], headers, body)
