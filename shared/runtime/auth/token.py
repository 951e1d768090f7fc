"""`token`: a bearer token, as a kubeconfig's `token:` sends it, or the value of a header of the sender's own.

The API server's audit webhook sends `Authorization: Bearer TOKEN` (client-go); Falco and falcosidekick any header.
"""

from typing import Final

from shared.runtime.auth.asked import MISSING, Asked, Denied, Known
from shared.runtime.auth.credentials import Credentials, raw, same
from shared.runtime.auth.settings import AuthSettings
from shared.settings.environment import Secret

_SCHEME: Final = "bearer"


class Token:
    """Senders by their tokens; `header` is one besides Authorization that may hold one, in lower case."""

    def __init__(self, credentials: Credentials, header: str = "") -> None:
        self._credentials = credentials
        self._header = header

    async def ask(self, asked: Asked) -> Known | Denied:
        """Return whose token it is."""
        token = (self._header and asked.headers.get(self._header)) or bearer(asked)
        if not token:
            return MISSING
        given = raw(token.strip())
        return self._credentials.find(lambda _name, secret: same(given, secret))


def new(settings: AuthSettings) -> Token:
    """Build the method from the settings."""
    return Token(Credentials(settings.token or Secret(), "token"), settings.token_header.lower())


def bearer(asked: Asked) -> str:
    """Return the bearer token of the Authorization header, empty without one (RFC 6750)."""
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""
