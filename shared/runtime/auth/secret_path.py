"""`secret-path`: a secret as the path's last segment, for senders that can send no header (Botkube, Kubewatch).

Proxies on the way may log it: it is for these senders alone, and the gate takes it off the path before anybody sees it.
"""

from shared.runtime.auth.asked import MISSING, Asked, Denied, Known
from shared.runtime.auth.credentials import Credentials, raw, same
from shared.runtime.auth.settings import AuthSettings
from shared.settings.environment import Secret


class SecretPath:
    """Senders by the secret behind their path."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def ask(self, asked: Asked) -> Known | Denied:
        """Return whose secret it is."""
        if not asked.secret:
            return MISSING
        given = raw(asked.secret)
        return self._credentials.find(lambda _name, secret: same(given, secret))


def new(settings: AuthSettings) -> SecretPath:
    """Build the method from the settings."""
    return SecretPath(Credentials(settings.secret_path or Secret(), "secret-path"))
