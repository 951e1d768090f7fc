"""The secrets of several senders in one setting or file, a line each: `NAME:SECRET`, or one secret alone."""

import logging
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from shared.runtime.auth.asked import UNAVAILABLE, WRONG, Denied, Known
from shared.settings.environment import Secret

log = logging.getLogger("tidings.auth")

_SHORTEST: Final = 16
"""Characters of a secret: what strangers may try at will must not be guessed."""
_MOST: Final = 1000


def parse(text: str, unnamed: str) -> tuple[tuple[str, bytes], ...]:
    """Return the senders' names and secrets; `unnamed` is who sends with a secret that has no name.

    One name may have several lines: both are taken while a secret is being changed. Raises ValueError, whose text holds
    nothing of a secret.
    """
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, secret = line.partition(":")
        name, secret = (name.strip(), secret.strip()) if colon else (unnamed, line)
        if not name or len(secret) < _SHORTEST:
            raise ValueError(f"has a line that is neither NAME:SECRET nor a secret, of {_SHORTEST} characters at least")
        found.append((name, secret.encode()))
    if not 0 < len(found) <= _MOST:
        raise ValueError(f"holds no secret, or more than {_MOST}")
    return tuple(found)


class Credentials:
    """The senders of one setting, which may be a file that changes."""

    def __init__(self, secret: Secret, unnamed: str) -> None:
        self._secret = secret
        self._unnamed = unnamed
        self._text = ""
        self._entries: tuple[tuple[str, bytes], ...] = ()

    def entries(self) -> tuple[tuple[str, bytes], ...] | None:
        """Return each sender's name and secret; None, which the log explains once, while they cannot be read."""
        try:
            text = self._secret.value()
        except OSError as error:
            if self._text:
                log.error("the senders' secrets cannot be read: %s", error.strerror)  # noqa: TRY400 - it is no bug of ours
            self._text, self._entries = "", ()
            return None
        if text != self._text:
            self._text = text
            try:
                self._entries = parse(text, self._unnamed)
            except ValueError as error:
                log.error("the senders' secrets cannot be used: one %s", error)  # noqa: TRY400 - no secret in a trace
                self._entries = ()
        return self._entries or None

    def find(self, matches: Callable[[str, bytes], bool]) -> Known | Denied:
        """Return whose name and secret match: all are looked at, so that the time tells nothing."""
        entries = self.entries()
        if entries is None:
            return UNAVAILABLE
        found = [name for name, secret in entries if matches(name, secret)]
        return Known(found[0]) if found else WRONG


def raw(text: str) -> bytes:
    """Return what a request said as bytes, whatever it said."""
    return text.encode("utf-8", "surrogatepass")


def same(one: bytes, other: bytes) -> bool:
    """Return whether two secrets are the same, in a time that depends on neither, nor on their lengths."""
    return compare_digest(sha256(one).digest(), sha256(other).digest())
