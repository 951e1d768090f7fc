"""`basic`: a name and a password (RFC 7617), as RHACS's webhook sends them and a browser asks for them."""

import base64
import binascii

from shared.runtime.auth.asked import MALFORMED, MISSING, Asked, Denied, Known
from shared.runtime.auth.credentials import Credentials, same
from shared.runtime.auth.settings import AuthSettings
from shared.settings.environment import Secret


class Basic:
    """Senders by name and password."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def ask(self, asked: Asked) -> Known | Denied:
        """Return whose name and password they are."""
        scheme, _, value = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return MISSING
        try:
            user, colon, password = base64.b64decode(value.strip(), validate=True).partition(b":")
        except (binascii.Error, ValueError):  # ValueError: what is not ASCII
            return MALFORMED
        if not colon:
            return MALFORMED
        # Both are compared, whatever the first says.
        return self._credentials.find(lambda name, secret: same(user, name.encode()) & same(password, secret))


def new(settings: AuthSettings) -> Basic:
    """Build the method from the settings."""
    return Basic(Credentials(settings.basic or Secret(), "basic"))
