"""A session of the legacy REST API: made once per process, again when GLPI forgot it, ended with the function (F37)."""

import asyncio
import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.caller import REFUSED, UNREADABLE
from shared.destinations.glpi.answers import DENIED, NOT_GLPI, SESSION_LOST, Good, code_of, is_ours, judge, rows
from shared.destinations.glpi.calls import APP_REFUSED, USER_REFUSED
from shared.destinations.glpi.renewal import Renewal
from shared.destinations.glpi.settings import GlpiSettings
from shared.destinations.http import Client, as_unsent, exchange
from shared.destinations.single import Single
from shared.settings.environment import Secret
from shared.settings.http import is_token

_log = logging.getLogger(__name__)

API = "/apirest.php"
_JSON = {"accept": "application/json", "content-type": "application/json"}
_GOODBYE = 2.0
_AWAY = 60.0
_MOST, _LONGEST = 5, 100  # names of entities or profiles that are told, and characters of each


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a session can be led to: how those of the user are listed, and how one of them is taken."""

    variable: str
    listing: str
    member: str
    change: str
    field: str
    more: Mapping[str, object]

    def unfit(self, failure: Failure, wanted: str, listed: object) -> Failure:
        """Say which setting does not fit, and what would: it is waited for, as for credentials."""
        if not isinstance(failure, Refused | Gone):
            return failure
        names = [repr(name[:_LONGEST]) for name in sorted(_names(listed))]
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        there = f"; there are {', '.join(names[:_MOST])}{more}" if names else ""
        return Temporary(f"{self.variable} names nothing that this user has", _AWAY, f"{wanted!r}{there}")


_PROFILE = _Choice("GLPI_PROFILE", "/getMyProfiles", "myprofiles", "/changeActiveProfile", "profiles_id", {})
_ENTITY = _Choice(
    "GLPI_ENTITY",
    "/getMyEntities?is_recursive=true",
    "myentities",
    "/changeActiveEntities",
    "entities_id",
    {"is_recursive": True},
)


class Session:
    """The session of one function at one GLPI. Belongs to one event loop."""

    def __init__(self, settings: GlpiSettings) -> None:
        self._settings = settings
        self._headers: Mapping[str, str] | None = None
        self._begun: Mapping[str, str] | None = None  # one that is not yet led to where it should be
        self._renewal = Renewal()
        self._single = Single("no session in time")

    async def headers(self, client: Client, seconds: float) -> Mapping[str, str] | Failure:
        """Return the headers of the session, which is made where there is none: by one caller, for all."""
        try:
            return await self._single.get(self._known, lambda deadline: self._begin(client, deadline), seconds)
        except OSError:
            return UNREADABLE

    def lost(self, answer: Answer) -> bool:
        """Return True where GLPI does not know the session, or the App-Token, any more."""
        return answer.status in {400, 401} and code_of(answer) in SESSION_LOST | DENIED

    def reopens(self, used: Mapping[str, str], answer: Answer) -> bool:
        """Forget the session that was used, unless another caller has made a new one meanwhile."""
        if self._headers is not used:
            return True
        self._headers = None
        if code_of(answer) in SESSION_LOST and self._renewal.spend():
            _log.info("GLPI forgot the session; a new one is made")
            return True
        code = code_of(answer)
        try:
            self._renewal.refuse(self._credentials(), REFUSED if code in SESSION_LOST else _refusal(code))
        except OSError:
            _log.warning("a file of GLPI's credentials cannot be read")
        return False

    async def leave(self, client: Client) -> None:
        """End the session over there."""
        headers = self._headers or self._begun
        self._headers = self._begun = None
        if headers is not None:
            await exchange(client, client.build_request("GET", f"{API}/killSession", headers=headers), seconds=_GOODBYE)

    def _known(self) -> Mapping[str, str] | None:
        return self._headers

    async def _begin(self, client: Client, deadline: float) -> Mapping[str, str] | Failure:
        """Make a session and lead it to the wanted profile and entity. Raises OSError for a secret's file.

        Where the time is over before it is there, the next one goes on with it: else each try would leave one behind.
        """
        headers = self._begun or await self._entered(client, deadline)
        if not isinstance(headers, Mapping):
            return headers
        self._begun = headers
        asking = _Asking(client, {**_JSON, **headers}, deadline)
        failure = await self._moved(asking)
        if failure is None:
            self._headers = headers
        elif asyncio.get_running_loop().time() >= deadline:
            return failure
        else:
            await asking("GET", "/killSession")
        self._begun = None
        return failure or headers

    async def _entered(self, client: Client, deadline: float) -> Mapping[str, str] | Failure:
        """Make a session; return its headers. Raises OSError for a secret's file."""
        credentials = self._credentials()
        known = self._renewal.refusal(credentials)
        if known is not None:
            return known
        app, user = credentials
        known_app = {"app-token": app} if app else {}
        who = {**_JSON, **known_app, "authorization": f"user_token {user}"}
        answer = await _Asking(client, who, deadline)("GET", "/initSession")
        if isinstance(answer, Answer) and (answer.status == 401 or self.lost(answer)):  # noqa: PLR2004
            _log.error("GLPI refused the credentials (%s); they are tried again later", code_of(answer))
            return self._renewal.refuse(credentials, _refusal(code_of(answer)) if is_ours(answer) else NOT_GLPI)
        begun = _believed(answer)
        if isinstance(answer, Answer) and isinstance(
            begun, Refused | Gone
        ):  # of us, not of a ticket: those wait until somebody mends it
            return Temporary(begun.reason, _AWAY, begun.detail if isinstance(begun, Refused) else "")
        if not isinstance(begun, Good):
            return begun
        token = begun.value.get("session_token") if isinstance(begun.value, dict) else None
        if not isinstance(token, str) or not token or not is_token(token):
            return Temporary("no session was given", 30.0)
        return {**known_app, "session-token": token}

    async def _moved(self, asking: "_Asking") -> Failure | None:
        """Change profile and entity as the settings say."""
        for choice, wanted in ((_PROFILE, self._settings.profile), (_ENTITY, self._settings.entity)):
            failure = await _chosen(asking, choice, wanted) if wanted else None
            if failure is not None:
                return failure
        return None

    def _credentials(self) -> tuple[str, str]:
        return _header(self._settings.app_token), _header(self._settings.user_token)


class _Asking:
    """Requests around a session, before there are others."""

    def __init__(self, client: Client, headers: Mapping[str, str], deadline: float) -> None:
        self._client = client
        self._headers = headers
        self._deadline = deadline

    async def __call__(self, method: str, path: str, body: object = None) -> Answer | Failure:
        content = None if body is None else orjson.dumps(body)
        request = self._client.build_request(method, API + path, content=content, headers=self._headers)
        seconds = self._deadline - asyncio.get_running_loop().time()
        return as_or_answer(await exchange(self._client, request, seconds=seconds))


def as_or_answer(answer: Answer | Temporary | Ambiguous | Refused) -> Answer | Failure:
    """Return an answer as it is, and a failure as one that changed nothing: a session is no ticket."""
    return answer if isinstance(answer, Answer) else as_unsent(answer)


def _believed(answer: Answer | Failure) -> Good | Failure:
    judged = judge("GET", answer) if isinstance(answer, Answer) else answer
    return judged if isinstance(judged, Good) else as_unsent(judged)


async def _chosen(asking: _Asking, choice: "_Choice", wanted: str) -> Failure | None:
    """Find what is wanted by name among those of this user, and change to it. An id is taken as it is."""
    moved: Good | Failure = Refused("it is not there")
    if wanted.isdecimal():
        moved = await _changed(asking, choice, wanted)
        if not isinstance(moved, Refused | Gone):
            return None if isinstance(moved, Good) else moved
    listed = _believed(await asking("GET", choice.listing))
    if not isinstance(listed, Good):
        return choice.unfit(listed, wanted, None)
    names = listed.value.get(choice.member) if isinstance(listed.value, dict) else None
    number = "" if wanted.isdecimal() else named_in(names, wanted)
    if number:
        moved = await _changed(asking, choice, number)
    return None if isinstance(moved, Good) else choice.unfit(moved, wanted, names)


async def _changed(asking: _Asking, choice: "_Choice", number: str) -> Good | Failure:
    return _believed(await asking("POST", choice.change, {choice.field: int(number), **choice.more}))


def named_in(listed: object, wanted: str) -> str:
    """Return the id of the entry with this name, complete name or last part of one; else the empty string."""
    names = _names(listed)
    last = {name.rpartition(" > ")[2]: number for name, number in names.items()}
    return names.get(wanted) or last.get(wanted, "")


def _names(listed: object) -> dict[str, str]:
    """Return the ids of entities or profiles by their names."""
    entries = rows(list(listed.values()) if isinstance(listed, dict) else listed) or []
    return {str(entry.get("name", "")): str(entry.get("id", "")) for entry in reversed(entries)}


def _refusal(code: str) -> Failure:
    return APP_REFUSED if "APP_TOKEN" in code else USER_REFUSED


def _header(secret: Secret | None) -> str:
    """Return a secret for a header. Raises OSError: its file may have changed to what no header can carry."""
    value = secret.value() if secret is not None else ""
    if not is_token(value):
        raise OSError(errno.EILSEQ, "it is no token")
    return value
