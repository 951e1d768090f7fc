"""`hmac`: a signature over the body as it came, for webhooks from outside, as Standard Webhooks specifies it.

`webhook-signature` holds `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`, several separated by blanks;
`webhook-id` and `webhook-timestamp` (Unix seconds) are the first two. A secret may be given as it is, or as `whsec_`
and its base64. A message counts once, within five minutes of its time; who sends again signs again, with that time,
unless the answer was to come again: then the same message counts as well.
"""

import base64
import binascii
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

from shared.runtime.auth.asked import MALFORMED, MISSING, Asked, Denied, Finding, Known, Signed
from shared.runtime.auth.credentials import Credentials, raw
from shared.runtime.auth.settings import AuthSettings
from shared.settings.environment import Secret

_ID, _TIME, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_VERSION: Final = "v1,"
_WITHIN: Final = 300
"""Seconds between a message's time and now, either way."""
_LONGEST: Final = 256
_DIGITS: Final = 12
_SIGNATURES: Final = 8
_REMEMBERED: Final = 65_536


class Signature:
    """Senders by the secret that they sign with; `now` tells Unix seconds."""

    def __init__(
        self, credentials: Credentials, now: Callable[[], float] = time.time, remembered: int = _REMEMBERED
    ) -> None:
        self._credentials = credentials
        self._now = now
        self._seen = Seen(remembered)

    async def ask(self, asked: Asked) -> Finding:
        """Return what the body must be; nothing is read of one whose time is wrong already."""
        headers = asked.headers
        if _SIGNATURE not in headers:
            return MISSING
        name, text = headers.get(_ID, ""), headers.get(_TIME, "")
        given = _signatures(headers[_SIGNATURE])
        if not (given and 0 < len(name) <= _LONGEST and len(text) <= _DIGITS and text.isascii() and text.isdecimal()):
            return MALFORMED
        if abs(self._now() - int(text)) > _WITHIN:
            return Denied("stale")
        head = b".".join((raw(name), text.encode(), b""))
        message = sha256(head).digest()
        return Signed(
            partial(self._check, head, message, int(text), given),
            partial(self._seen.forget, message),
        )

    def _check(self, head: bytes, message: bytes, at: int, given: list[bytes], body: bytes) -> Known | Denied:
        signed = head + body
        found = self._credentials.find(lambda _name, secret: _signs(key_of(secret), signed, given))
        if isinstance(found, Known) and not self._seen.first(message, at):
            return Denied("replayed")
        return found


class Seen:
    """Which messages were there: the latest `most`, and no message of a time at which one was forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: dict[bytes, int] = {}
        self._floor = -1

    def first(self, message: bytes, at: int) -> bool:
        """Return True for a message's first time, which it remembers."""
        if at <= self._floor or message in self._times:
            return False
        self._times[message] = at
        if len(self._times) > self._most:
            oldest = next(iter(self._times))
            self._floor = max(self._floor, self._times.pop(oldest))
        return True

    def forget(self, message: bytes) -> None:
        """Let a message that was not taken come again."""
        self._times.pop(message, None)


def new(settings: AuthSettings) -> Signature:
    """Build the method from the settings."""
    return Signature(Credentials(settings.hmac or Secret(), "hmac"))


def key_of(secret: bytes) -> bytes:
    """Return the key that a secret is written for."""
    if not secret.startswith(b"whsec_"):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        return secret


def _signs(key: bytes, signed: bytes, given: list[bytes]) -> bool:
    expected = digest(key, signed, "sha256")
    return sum(compare_digest(expected, one) for one in given) > 0  # all are compared


def _signatures(text: str) -> list[bytes]:
    """Return the signatures of the one version that there is; none where there are more than anybody needs."""
    found: list[bytes] = []
    parts = text.split(" ", _SIGNATURES)
    for part in parts[:_SIGNATURES]:
        if part.startswith(_VERSION):
            try:
                found.append(base64.b64decode(part.removeprefix(_VERSION), validate=True))
            except (binascii.Error, ValueError):
                continue
    return found
