"""A bearer token of GLPI 11's OAuth server, by the password grant (reference/destinations.md §2.3)."""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any

from shared.delivery.failure import Failure
from shared.destinations.access_token import access_token
from shared.destinations.answer import Answer
from shared.destinations.caller import REFUSED, UNREADABLE
from shared.destinations.glpi.answers import NOT_GLPI, passing_failure
from shared.destinations.glpi.calls import CLIENT_REFUSED, USER_REFUSED
from shared.destinations.glpi.renewal import Renewal
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.http import Client, as_unsent, exchange
from shared.destinations.single import Single
from shared.settings.environment import Secret

_log = logging.getLogger(__name__)

_TOKEN = "/api.php/token"  # noqa: S105 -- a path
_UNAUTHORIZED = 401
_WORD = re.compile(r"[a-z_]{1,40}")


class Bearer:
    """The token of one function at one GLPI. Belongs to one event loop."""

    def __init__(self, settings: GlpiSettings) -> None:
        self._settings = settings
        self._headers: Mapping[str, str] | None = None
        self._until = 0.0
        self._renewal = Renewal()
        self._single = Single("no token in time")

    async def headers(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        """Return the headers of the token, which is fetched where there is none: by one caller, for all."""
        try:
            return await self._single.get(self._known, lambda deadline: self._fetch(client, deadline), seconds)
        except OSError:
            return UNREADABLE

    def lost(self, answer: Answer) -> bool:
        """Return True where the token is not (or no longer) taken."""
        return answer.status == _UNAUTHORIZED

    def reopens(self, used: Mapping[str, str], answer: Answer) -> bool:  # noqa: ARG002 -- the door's signature
        """Forget the token that was used, unless another caller has fetched a new one meanwhile."""
        if self._headers is not used:
            return True
        self._headers = None
        if self._renewal.spend():
            return True
        try:
            self._renewal.refuse(self._form(), REFUSED)
        except OSError:
            _log.warning("a file of GLPI's credentials cannot be read")
        return False

    async def leave(self, client: Client) -> None:
        """Forget the token; nothing holds it over there."""
        del client
        self._headers = None

    def _known(self) -> Mapping[str, str] | None:
        return self._headers if asyncio.get_running_loop().time() < self._until else None

    async def _fetch(self, client: Client, deadline: float) -> Mapping[str, str] | Failure:
        """Fetch a token. Raises OSError for a secret's file."""
        form = self._form()
        known = self._renewal.refusal(form)
        if known is not None:
            return known
        request = client.build_request("POST", _TOKEN, data=form, headers={"accept": "application/json"})
        answer = await exchange(client, request, seconds=deadline - asyncio.get_running_loop().time())
        if not isinstance(answer, Answer):
            return as_unsent(answer)
        body: dict[str, Any] = answer.json if isinstance(answer.json, dict) else {}
        if answer.status == _UNAUTHORIZED or (answer.status in {400, 403} and body):
            _log.error("GLPI gave no token (%d); the next try is in a minute", answer.status)
            return self._renewal.refuse(form, _refusal(body))
        given = access_token(answer, usual=3600.0)
        if given is None:
            failure = passing_failure("GET", answer)
            return as_unsent(failure) if failure else NOT_GLPI
        token, seconds = given
        self._until = asyncio.get_running_loop().time() + seconds
        self._headers = {"authorization": f"Bearer {token}", **self._place()}
        return self._headers

    def _place(self) -> dict[str, str]:
        """Return what says in which entity and profile a request works: ids only, as this API takes them."""
        settings = self._settings
        profile = {"glpi-profile": settings.profile} if settings.profile else {}
        entity = {"glpi-entity": settings.entity, "glpi-entity-recursive": "true"} if settings.entity else {}
        return {**profile, **entity}

    def _form(self) -> dict[str, str]:
        settings = self._settings
        return {
            "grant_type": "password",
            "client_id": settings.client_id,
            "client_secret": _value(settings.client_secret),
            "username": settings.username,
            "password": _value(settings.password),
            "scope": "api",
        }


def _refusal(body: Mapping[str, Any]) -> Failure:
    """Say whose credentials are refused: by OAuth's word for it (RFC 6749 §5.2), or in GLPI's own form."""
    error, status = body.get("error"), body.get("status")
    if isinstance(error, str) and _WORD.fullmatch(error):
        return CLIENT_REFUSED if "client" in error else USER_REFUSED
    return USER_REFUSED if isinstance(status, str) else NOT_GLPI


def _value(secret: Secret | None) -> str:
    return secret.value() if secret is not None else ""
