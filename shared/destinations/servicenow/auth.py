"""Who we are at ServiceNow: Basic, OAuth client credentials, bearer token or API key (reference/destinations.md §1.12).

Refused credentials are not tried again for a while unless they change: repeating them would lock the account (F36).
"""

import asyncio
import base64
import errno
import logging
from collections.abc import Mapping

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.access_token import access_token
from shared.destinations.answer import Answer
from shared.destinations.caller import REFUSED, UNREADABLE
from shared.destinations.http import Client, exchange
from shared.destinations.refusals import Refusals
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.destinations.single import Single
from shared.settings.environment import Secret
from shared.settings.http import is_token

_log = logging.getLogger(__name__)

_PAUSE = 60.0
_UNAUTHORIZED = 401


class Auth:
    """The credentials of one instance. Belongs to one event loop."""

    def __init__(self, settings: ServiceNowSettings) -> None:
        self._settings = settings
        self._token = ""
        self._until = 0.0
        self._forced = float("-inf")
        self._refusals = Refusals()
        self._single = Single("no token in time")

    async def headers(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        """Return the headers that say who we are; with OAuth this may fetch a token within `seconds`."""
        try:
            found = await self._oauth(client, seconds) if self._settings.client_id else self._static()
        except OSError:
            return UNREADABLE
        if isinstance(found, Temporary | Ambiguous | Refused):
            return Temporary(found.reason, found.after if isinstance(found, Temporary) else None)
        if self._refusals.holds(found):
            return REFUSED
        return found

    def lost(self, answer: Answer) -> bool:
        """Return True where the credentials are not (or no longer) taken."""
        return answer.status == _UNAUTHORIZED

    async def leave(self, client: Client) -> None:
        """Do nothing: no session is held over there."""

    def reopens(self, used: Mapping[str, str], answer: Answer) -> bool:  # noqa: ARG002 -- the door's signature
        """Take note of a 401. True where a new token may help, so that the request shall be sent once more."""
        now = asyncio.get_running_loop().time()
        if self._settings.client_id and self._bearer(self._token) != used:
            return True  # another request had it renewed meanwhile
        if self._settings.client_id and now - self._forced > _PAUSE:
            self._forced = now
            self._token = ""
            return True
        self._refusals.note(used)
        _log.error("ServiceNow refused the credentials; they are tried again in %d s or once they change", _PAUSE)
        return False

    def _static(self) -> Mapping[str, str]:
        settings = self._settings
        if settings.token is not None:
            return self._bearer(_header(settings.token))
        if settings.api_key is not None:
            return {"x-sn-apikey": _header(settings.api_key)}
        pair = f"{settings.username}:{_value(settings.password)}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def _oauth(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        return await self._single.get(self._known, lambda deadline: self._fetch(client, deadline), seconds)

    def _known(self) -> Mapping[str, str] | None:
        valid = self._token and asyncio.get_running_loop().time() < self._until
        return self._bearer(self._token) if valid else None

    async def _fetch(self, client: Client, deadline: float) -> Mapping[str, str] | Failure:
        settings = self._settings
        form = {
            "grant_type": "password" if settings.username else "client_credentials",
            "client_id": settings.client_id,
            "client_secret": _value(settings.client_secret),
        }
        if settings.username:
            form |= {"username": settings.username, "password": _value(settings.password)}
        now = asyncio.get_running_loop().time()
        if self._refusals.holds(form):
            return REFUSED
        request = client.build_request("POST", "/oauth_token.do", data=form, headers={"accept": "application/json"})
        answer = await exchange(client, request, seconds=deadline - now)
        if not isinstance(answer, Answer):
            return Temporary("no token in time") if isinstance(answer, Ambiguous) else answer
        if answer.status in {400, 401, 403}:
            self._refusals.note(form)
            _log.error("ServiceNow gave no token (%d); the next try is in %d s", answer.status, _PAUSE)
            return REFUSED
        given = access_token(answer, usual=1800.0)
        if given is None:
            return Temporary("no token was given")
        self._token, seconds = given
        self._until = now + seconds
        return self._bearer(self._token)

    @staticmethod
    def _bearer(token: str) -> Mapping[str, str]:
        return {"authorization": f"Bearer {token}"}


def _header(secret: Secret) -> str:
    """Return a secret for a header. Raises OSError: its file may have changed to what no header can carry."""
    value = secret.value()
    if not is_token(value):
        raise OSError(errno.EILSEQ, "it is no token")
    return value


def _value(secret: Secret | None) -> str:
    return secret.value() if secret is not None else ""
