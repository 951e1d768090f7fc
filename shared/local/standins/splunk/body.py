"""What a collector request holds: JSON objects one after the other, checked in order until the first bad one."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import orjson

_EXPONENT = re.compile(rb'"time"\s*:\s*"?-?[0-9.]+[eE]')
_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"\d+(\.\d+)?")
_TEXTS = ("host", "source", "sourcetype", "index")


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as it is kept; `event` and `fields` are JSON. `event_id` is the sender's own id, where it has one."""

    time: str
    host: str
    source: str
    sourcetype: str
    index: str
    event_id: str
    event: bytes
    fields: bytes = b"{}"
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Bad:
    """Why processing stopped at an event: a code of the collector."""

    code: int


def objects(body: bytes) -> Iterator[Any]:
    """Yield the JSON values of a body, and Bad(6) in place of what cannot be read; nothing follows that."""
    lines = body.splitlines()
    if _EXPONENT.search(body) is None:
        try:
            yield from [orjson.loads(line) for line in lines if line.strip()]
        except orjson.JSONDecodeError:
            pass
        else:
            return
    yield from _one_by_one(body)


def check(value: Any, indexes: tuple[str, ...], default_index: str, now: float) -> Stored | Bad:
    """Return the event to store, or why the collector stops here."""
    if isinstance(value, Bad):
        return value
    if not isinstance(value, dict) or any(not isinstance(value.get(name, ""), str) for name in _TEXTS):
        return Bad(6)
    if value.get("event") is None:
        return Bad(12)
    time = _time(value.get("time"), now)
    fields = value.get("fields", {})
    index = value.get("index") or default_index
    wrong = _wrong(value["event"], time, fields, known=index in indexes)
    if wrong:
        return Bad(wrong)
    places = (value.get("host", ""), value.get("source", ""), value.get("sourcetype", "httpevent"))
    try:
        "".join((*places, index)).encode()  # lone surrogates cannot be stored
        encoded = orjson.dumps(value["event"], default=float), orjson.dumps(fields, default=float)
    except (TypeError, UnicodeEncodeError):  # nested deeper than can be written again
        return Bad(6)
    return Stored(time, *places, index, _event_id(value["event"], fields), *encoded)


def _wrong(event: Any, time: str, fields: Any, *, known: bool) -> int:
    if event == "":
        return 13
    if not time or not isinstance(fields, dict) or not all(_flat(field) for field in fields.values()):
        return 15
    return 0 if known else 7


def _event_id(event: Any, fields: dict[str, Any]) -> str:
    inside = event.get("event_id") if isinstance(event, dict) else None
    return str(inside or fields.get("event_id") or "")


def _one_by_one(body: bytes) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_float=_Number)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        yield Bad(6)
        return
    position = _blank(text, 0)
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            yield Bad(6)
            return
        yield value
        position = _blank(text, position)


class _Number(float):
    """A float that remembers how it was written: the collector takes no exponents in `time`."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _time(value: Any, now: float) -> str:
    """Return the time in plain notation, or the empty string where it is not written so."""
    if value is None:
        return f"{now:.3f}"
    if isinstance(value, bool):
        return ""
    text = value.text if isinstance(value, _Number) else str(value)
    return text if _NUMBER.fullmatch(text) else ""


def _flat(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str)


def _blank(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
