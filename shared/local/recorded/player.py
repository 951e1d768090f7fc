"""Plays a recorded cluster: the requests that its ApiServerSource sent, in the order of sending."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shared.local.recorded import day as script
from shared.local.recorded import wire

DAY = Path(__file__).with_name("day.yaml")
EXPECTED = Path(__file__).with_name("expected.yaml")

_HEAD = 8192  # bytes in which a script says what day it is
_FIRST_VERSION = 48_210_000


class FeedError(ValueError):
    """The recording cannot be played; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the source.

    Attributes:
        time: When it was sent (simulated, UTC); `ce-time` says the same.
        headers: Names in lower case, `ce-…` attributes among them; without content-length.
        body: JSON in UTF-8.
    """

    time: datetime
    headers: dict[str, str]
    body: bytes


def requests(path: Path | None = None) -> Iterator[Request]:
    """Yield the requests of a recording, the same ones each time.

    Args:
        path: The script of a day (`.yaml`), or what a source really sent: one `{"headers": …, "body": …}` a line
            (`.jsonl`). None plays the day that is shipped.

    Raises:
        FeedError: when the file cannot be read or is neither.
    """
    file = path or DAY
    try:
        if file.suffix == ".jsonl":
            yield from _recorded(file)
        else:
            yield from _played(script.load(file))
    except (OSError, UnicodeDecodeError, script.ScriptError) as error:
        raise FeedError(f"{file}: cannot be played: {error}") from error


def is_script(path: Path) -> bool:
    """Return True for a file that begins as the script of a day does. Raises OSError."""
    if path.suffix != ".yaml":
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return all(re.search(rb"^%s:" % name, head, re.MULTILINE) for name in (b"cluster", b"date", b"source"))


def _played(day: script.Day) -> Iterator[Request]:
    """Yield the day's sends: stored in one order, sent in another where the script says so."""
    states: dict[script.Ref, wire.Body] = {}
    sends: list[tuple[datetime, str, wire.Body]] = []
    for number, line in enumerate(script.lines(day)):
        version = _FIRST_VERSION + number * 3
        if isinstance(line, script.EventLine):
            body = wire.event_body(day, line, version)
        else:
            body = wire.object_body(day, line, version, states.get(line.on))
            states[line.on] = body
        sent = line.sent or line.at + timedelta(milliseconds=40 + number * 37 % 360)
        sends += [(moment, line.operation, body) for moment in (sent, *line.resent)]
    sends.sort(key=lambda send: send[0])
    for number, (moment, operation, body) in enumerate(sends):
        head = wire.headers(day, body, operation, moment, number)
        yield Request(moment, head, json.dumps(body, separators=(",", ":"), sort_keys=True).encode())


def _recorded(file: Path) -> Iterator[Request]:
    with file.open(encoding="utf-8") as stream:
        for number, text in enumerate(stream, start=1):
            if text.strip():
                yield _request(file, number, text)


def _request(file: Path, number: int, text: str) -> Request:
    try:
        raw: Any = json.loads(text)
        names = {str(name).lower(): str(value) for name, value in raw["headers"].items()}
        names.pop("content-length", None)
        moment = datetime.fromisoformat(names["ce-time"])
        body = json.dumps(raw["body"], separators=(",", ":")).encode()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FeedError(
            f'{file}:{number}: not a line of {{"headers": …, "body": …}} with ce-time: {error!r}'
        ) from error
    return Request(moment, names, body)
