"""What a foreign system answers, and when it asks us to come again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import orjson

from shared.destinations.bucket import MOST

_MAX_WAIT = 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: `json` is the parsed body, or None where the body is not JSON."""

    status: int
    headers: Mapping[str, str]
    """By lower-case names."""
    body: bytes
    json: object

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Self:
        """Return the answer with this body."""
        return cls(status, headers, body, _parse(body))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return Retry-After in seconds, at most a day, or None; nobody that we speak to sends it as a date."""
    value = headers.get("retry-after", "")
    return min(float(value), _MAX_WAIT) if value.isdecimal() else None


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that they ask us to wait, at most an hour: Retry-After, else X-RateLimit-Reset.

    The latter names a time in seconds of the epoch, as `now` is (reference/destinations.md §1.3).
    """
    reset = headers.get("x-ratelimit-reset", "")
    wait = retry_after(headers)
    if wait is None and reset.isdecimal():
        wait = float(reset) - now
    return None if wait is None else min(max(wait, 0.0), MOST)


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
