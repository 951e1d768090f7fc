"""Read a request within limits, before anything of it is parsed (guarantees.md, Limits; F27, F28)."""

from dataclasses import dataclass
from itertools import chain

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


@dataclass(frozen=True, slots=True)
class Received:
    """A complete request: header names in lower case."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused: HTTP status and a constant text. Where `close` is set, its body was not read."""

    status: int
    reason: str
    close: bool = False


async def read_request(scope: Scope, receive: Receive, limits: Limits, seconds: float) -> Received | Refusal | None:
    """Read headers and body, the body within `seconds`; None where the client went away."""
    headers = flat_headers(scope)
    refusal = _by_headers(scope, headers, limits)
    if refusal is None:
        try:
            return Received(headers, await read_body(receive, limits.body, seconds))
        except ClientDisconnectedError:
            return None
        except BodyTooLargeError:
            refusal = Refusal(413, "too large", close=True)
        except BodyTooSlowError:
            return Refusal(400, "the body did not arrive in time", close=True)
    await discard(receive, _DISCARDED, 1.0)
    return refusal


def has_too_many_headers(scope: Scope, limits: Limits) -> bool:
    """Return whether there are too many headers or too many bytes of them."""
    raw = scope["headers"]
    return len(raw) > limits.headers or sum(map(len, chain.from_iterable(raw))) > limits.header_bytes


def _by_headers(scope: Scope, headers: dict[str, str], limits: Limits) -> Refusal | None:
    if has_too_many_headers(scope, limits):
        return Refusal(431, "too many or too large headers", close=True)
    if headers.get("content-encoding", "identity").lower() != "identity":
        return Refusal(415, "compressed bodies are not taken here", close=True)
    if "transfer-encoding" in headers and "content-length" in headers:
        # Two lengths: what stands between us and the sender may have believed the other one.
        return Refusal(400, "both a length and chunks", close=True)
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared[:20]) > limits.body:
        return Refusal(413, "too large", close=True)
    return None
