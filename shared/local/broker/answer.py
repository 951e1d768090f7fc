"""What a subscriber's answer means: the Kafka Broker's rules as a pure function (reference/knative.md §4)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent, decode_reply, refusal_of, to_json
from shared.events.limits import exceeded
from shared.local.broker.records import MAX_RECORD

_KEPT_OF_BODY = 1024
_RETRIED = frozenset({404, 408, 409, 429})
_SERVER_ERROR = 500
_SUCCESS = range(200, 300)

NO_ANSWER = "the subscriber gave no answer"
TOO_LATE = "the subscriber did not answer in time"
NO_EVENT = "the answer has a body that is no CloudEvent"
REFUSED = "the subscriber refused it"
TOO_LARGE = "the reply is larger than the broker takes"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; header names in lower case. `reply`: the event that the body holds, as this process stores it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    reply: CloudEvent | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """It is delivered; `reply` is to be published, and `stored` is that as JSON."""

    reply: CloudEvent | None = None
    stored: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not. `again`: another try may help. `data` is base64 of the beginning of the body."""

    again: bool
    why: str
    code: int | None = None
    data: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)


def judge(answer: Answer | Literal["no answer", "too late"]) -> Ended | Failed:
    """Return what the broker does after this answer."""
    if isinstance(answer, str):
        return Failed(again=True, why=NO_ANSWER if answer == "no answer" else TOO_LATE)
    if answer.status in _SUCCESS:
        if len(answer.body) > MAX_RECORD:
            return _failed(answer, again=False, why=TOO_LARGE)
        ours = answer.reply
        reply = decode_reply(answer.headers, answer.body) if ours is None else _readable(ours, answer.body)
        if isinstance(reply, NotAnEvent):
            return _failed(answer, again=False, why=NO_EVENT)
        stored = b"" if reply is None else to_json(reply) if ours is None else answer.body
        return Ended(reply, stored) if len(stored) <= MAX_RECORD else Failed(again=False, why=TOO_LARGE)
    again = answer.status >= _SERVER_ERROR or answer.status in _RETRIED
    return _failed(answer, again=again, why=f"{REFUSED} with status {answer.status}")


def _readable(event: CloudEvent, stored: bytes) -> CloudEvent | NotAnEvent:
    """Return a reply of this process, refused where it could not be read again: as it would be over HTTP."""
    excess = exceeded(stored)
    return refusal_of(event) or (event if excess is None else NotAnEvent(400, excess))


def _failed(answer: Answer, *, again: bool, why: str) -> Failed:
    data = base64.b64encode(answer.body[:_KEPT_OF_BODY]).decode()
    said = {name[4:]: value for name, value in answer.headers.items() if name.startswith("kne-")}
    return Failed(again, why, answer.status, data, said)
