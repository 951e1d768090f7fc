"""Read a request within limits, before anything of it is parsed (guarantees.md, Limits; F27, F28)."""

from collections.abc import Collection
from itertools import chain
from typing import NamedTuple

from shared.events.limits import Limits
from shared.runtime.asgi import (
    BodyTooLargeError,
    BodyTooSlowError,
    ClientDisconnectedError,
    Receive,
    Scope,
    discard,
    flat_headers,
    read_body,
)

_DISCARDED = 8 * 1024 * 1024
_PLAIN = frozenset({"identity"})
_REASONS = {
    400: "malformed",
    403: "sender",
    405: "method",
    413: "too_large",
    415: "media_type",
    422: "unread",
    431: "headers",
    503: "full",
}
_ONLY_GZIP = "of compressed bodies only gzip is taken"


class Received(NamedTuple):
    """A complete request: header names in lower case."""

    headers: dict[str, str]
    body: bytes


class Refusal(NamedTuple):
    """Why a request is refused: HTTP status and a constant text. Where `close` is set, its body was not read."""

    status: int
    reason: str
    close: bool = False


def reason_of(status: int) -> str:
    """Return the word for a refusal by this status, `reason` of `tidings_requests_refused_total` wherever it counts."""
    return _REASONS.get(status, "other")


async def read_request(scope: Scope, receive: Receive, limits: Limits, seconds: float) -> Received | Refusal | None:
    """Read headers and body, the body within `seconds`; None where the client went away."""
    headers = head_of(scope, limits)
    if not isinstance(headers, Refusal):
        try:
            return Received(headers, await read_body(receive, limits.body, seconds))
        except ClientDisconnectedError:
            return None
        except BodyTooLargeError:
            headers = Refusal(413, "too large", close=True)
        except BodyTooSlowError:
            return Refusal(400, "the body did not arrive in time", close=True)
    await discard(receive, _DISCARDED, 1.0)
    return headers


def head_of(scope: Scope, limits: Limits, encodings: Collection[str] = _PLAIN) -> dict[str, str] | Refusal:
    """Return the headers by name in lower case, or why they tell that the request is not to be read."""
    headers = flat_headers(scope)
    return _by_headers(scope, headers, limits, encodings) or headers


def has_too_many_headers(scope: Scope, limits: Limits) -> bool:
    """Return whether there are too many headers or too many bytes of them."""
    raw = scope["headers"]
    return len(raw) > limits.headers or sum(map(len, chain.from_iterable(raw))) > limits.header_bytes


def _by_headers(scope: Scope, headers: dict[str, str], limits: Limits, encodings: Collection[str]) -> Refusal | None:
    if has_too_many_headers(scope, limits):
        return Refusal(431, "too many or too large headers", close=True)
    if headers.get("content-encoding", "identity").lower() not in encodings:
        return Refusal(415, "compressed bodies are not taken here" if encodings is _PLAIN else _ONLY_GZIP, close=True)
    if "transfer-encoding" in headers and "content-length" in headers:
        # Two lengths: what stands between us and the sender may have believed the other one.
        return Refusal(400, "both a length and chunks", close=True)
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limits.body:
        return Refusal(413, "too large", close=True)
    return None
