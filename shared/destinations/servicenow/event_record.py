"""What Event Management is told of an episode, and what its answers mean (reference/destinations.md §1.7).

One alert over there has one `message_key`: the episode's id. So an end that comes late can never close the alert of the
problem's next occurrence; the problem key stands in `additional_info`, for rules that look at both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from shared.delivery.failure import Failure, Temporary
from shared.delivery.limits import Limit
from shared.destinations.answer import Answer
from shared.destinations.servicenow.answers import failure_of
from shared.events.episode import Episode

CLEAR: Final = "0"
"""Severity that closes the alert."""
FIELDS: Final = {
    **dict.fromkeys(("source", "node", "type", "resource"), Limit(100)),
    "description": Limit(4000),
    "severity": Limit(choices=(CLEAR, "1", "2", "3", "4", "5")),
}
"""What they take in the fields of an event."""
_INFO: Final = "additional_info"
_LONGEST_INFO: Final = 1000

_OURS: Final = frozenset({"message_key", "time_of_event", "resolution_state"})
RESERVED: Final = {
    **dict.fromkeys(("open", "update", "reopen", "cancel"), _OURS),
    "resolve": _OURS | {"severity"},
}
"""Fields that no mapping may set, by operation: the key, the time, and that it is over."""
KNOWN: Final = (
    "source", "event_class", "node", "type", "resource", "metric_name", "severity", "description", _INFO, "ci_type",
    *sorted(_OURS),
)  # fmt: skip
"""The fields of an event: it has no columns of a customer's own, for which `additional_info` is there."""
NEEDED: Final = ("open",)
"""Operations that a mapping must have; another one that it lacks is rendered as this."""

_FAILED_STATUS: Final = ("status", "_status", "__status")
_FAILED_ERROR: Final = ("error", "_error", "__error")
_FAULT: Final = re.compile(
    r"(?i)invalid|malformed|not valid|mandatory|required|missing|pars(e|ing)|too (long|large)|constraint"
)
"""Words of an error that the same record meets each time."""
_THEIRS: Final = re.compile(
    r"(?i)cancel+ed|time(d )?[ -]?out|maximum execution time|quota|rate limit|too many|try again|temporar"
    r"|unavailable|busy"
)
"""Words of an instance that could not, whatever it was sent."""
_PAUSE: Final = 30.0
_TOO_MUCH: Final = frozenset({400, 413, 422})


def event_of(episode: Episode, fields: Mapping[str, Any]) -> bytes:
    """Return the record: the mapped fields as texts within their lengths, and what says which alert it is about."""
    over = episode.state == "resolved"
    record = {name: _text(value)[: _longest(name)] for name, value in fields.items() if name != _INFO}
    info = fields.get(_INFO, {})
    if isinstance(info, Mapping):
        record[_INFO] = orjson.dumps({name: _text(value)[:_LONGEST_INFO] for name, value in info.items()}).decode()
    else:
        record[_INFO] = _text(info)
    record["message_key"] = episode.id
    record["time_of_event"] = _stamp((episode.resolved if over else None) or episode.last_seen)
    record["resolution_state"] = "Closing" if over else "New"
    if over:
        record["severity"] = CLEAR
    return orjson.dumps(record)


@dataclass(frozen=True, slots=True)
class Posted:
    """They took a call. `failed` are the places of records that they did not take; None where they do not say which."""

    failed: frozenset[int] | None


def judge_events(answer: Answer, now: float, count: int) -> Posted | Failure:
    """Say what an answer to `count` records means. A 2xx counts only with their own words in it, and none of failure.

    What may have taken effect is sent again: a second event of one key changes nothing over there.
    """
    body: Any = answer.json
    if answer.status in _TOO_MUCH:
        return Posted(None)
    if answer.status not in range(200, 300) or not isinstance(body, dict):
        return failure_of(answer, now, "POST", writes=False)
    records = body.get("records")
    if isinstance(records, list) and len(records) == count:
        return Posted(frozenset(place for place, one in enumerate(records) if _failed(one)))
    if _failed(body) or (isinstance(records, list) and any(map(_failed, records))):
        return _of_all(body, count)
    if isinstance(body.get("result"), dict | list | str):
        return Posted(frozenset())
    return failure_of(answer, now, "POST", writes=False)


def _of_all(body: Mapping[str, Any], count: int) -> Posted | Failure:
    """Say what a failure means that speaks of the whole call.

    What names a record's own fault is that of one of them, and so may be what names nothing, as long as there are
    several: they go on apart. All else is the instance's own trouble, and passes.
    """
    words = " ".join(str(body.get(name, "")) for name in _FAILED_ERROR)
    of_one = isinstance(body.get("records"), list) or _FAULT.search(words) or count > 1
    if of_one and _THEIRS.search(words) is None:
        return Posted(None)
    return Temporary("Event Management could not take it now", _PAUSE)


def _failed(one: object) -> bool:
    if not isinstance(one, dict):
        return False
    return any(one.get(name) == "failure" for name in _FAILED_STATUS) or any(one.get(name) for name in _FAILED_ERROR)


def _longest(name: str) -> int | None:
    return FIELDS[name].longest or None if name in FIELDS else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else "true" if value is True else orjson.dumps(value).decode()


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
