"""The oldest TLS that a foreign system may speak: 1.3, or 1.2 where a setting of its own allows that."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Final, Literal

TlsMin = Literal["1.2", "1.3"]
SAYS: Final = "Oldest TLS that it may speak: `1.3`, or `1.2` where it knows no newer."
"""What `docs/settings.md` says of each setting."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_TOO_OLD: Final = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL")
_NOTHING_SHARED: Final = ("HANDSHAKE_FAILURE", "INSUFFICIENT_SECURITY")
"""What a stack says that is older than TLS 1.3: it knows none of the ciphers that are offered (RFC 8446 §4.1.1)."""
_NO_1_3: Final = "it speaks no TLS 1.3, and TLS_MIN allows no older"
_NEITHER: Final = "it speaks neither TLS 1.2 nor 1.3"
_CLOSED: Final = "it closed the connection at once, and may speak no TLS 1.3"


class TooOldError(OSError):
    """The other side speaks no TLS that is allowed, or seems to; the text says so in constant words of ours."""


def allow(context: ssl.SSLContext, least: TlsMin) -> None:
    """Let a context speak this version and newer ones, whatever the system's configuration of OpenSSL says."""
    context.minimum_version = _VERSIONS[least]


@contextlib.contextmanager
def handshake(context: ssl.SSLContext) -> Iterator[None]:
    """Tell of a handshake within that fails for its version. Raises TooOldError then, from what was said.

    Some say nothing, and close: Python's asyncio does, for one.
    """
    newest_alone = context.minimum_version == ssl.TLSVersion.TLSv1_3
    try:
        yield
    except ssl.SSLError as error:
        reason = getattr(error, "reason", None) or ""  # asyncio makes some that have none
        if not any(word in reason for word in _TOO_OLD + (_NOTHING_SHARED if newest_alone else ())):
            raise
        raise TooOldError(_NO_1_3 if newest_alone else _NEITHER) from error
    except ConnectionResetError as error:
        if not newest_alone:
            raise
        raise TooOldError(_CLOSED) from error
