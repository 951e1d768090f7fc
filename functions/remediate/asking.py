"""Asking the API server, and what its answers mean for an act. Its words go to the log alone: they quote anything."""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from functions.remediate.objects import member
from functions.remediate.verbs import Request
from shared.cluster.api import Api, ApiError
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.events.outcome import Rejected, Retry

_log = logging.getLogger("tidings.remediate")

STAGE: Final = "kubernetes"
_OK: Final = range(200, 300)
_CONFLICT, _BROKEN = 409, 500
_MISSING: Final = re.compile(r"\bcannot [a-z]+ resource\b")
"""How RBAC says no (k8s.io/apiserver, responsewriters/errors.go); all other 403 are of admission."""
_LONGEST: Final = 300


class Trouble(NamedTuple):
    """Why a request had no use. `status` is 0 where nobody answered; `unknown` says that it may have been done.

    `exists` says that what was to be made is there already. A 409 alone does not: one is also answered where others
    use up the same quota at that moment, with the reason `Conflict` (kubernetes/kubernetes#67761).
    """

    outcome: Retry | Rejected
    status: int = 0
    unknown: bool = False
    exists: bool = False


class Asking:
    """One API server, asked until a deadline (seconds of the running loop's clock)."""

    def __init__(self, api: Api, deadline: float) -> None:
        self.api = api
        self._deadline = deadline

    async def send(self, request: Request, *, dry: bool = False) -> Mapping[str, Any] | Trouble:
        """Send a request; return the object of its answer."""
        left = self._deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return Trouble(Retry("no time left"))
        body = None if request.body is None else orjson.dumps(request.body)
        params = request.params(dry=dry)
        try:
            found = await self.api.ask(request.method, request.path, params, body, request.kind, seconds=left)
        except ApiError:
            return Trouble(Retry("the credentials for the API server cannot be used", refused=True))
        if isinstance(found, Answer) and found.status in _OK:
            return found.json if isinstance(found.json, dict) else {}
        return _trouble(found, request)


def _trouble(found: Answer | Temporary | Ambiguous | Refused, request: Request) -> Trouble:
    changes = request.method != "GET"
    if isinstance(found, Temporary):
        return Trouble(Retry(found.reason, found.after))
    if isinstance(found, Ambiguous):
        return Trouble(Retry(found.reason), unknown=changes)
    if isinstance(found, Refused):
        return Trouble(Rejected(STAGE, found.reason), found.status)
    status, message = found.status, _message(found)
    _log.warning(
        "the API server refused a request", extra={"status": status, "right": str(request.right), "said": message}
    )
    if status >= _BROKEN:
        return Trouble(Retry("the API server failed", retry_after(found.headers)), status, unknown=changes)
    exists = status == _CONFLICT and member(found.json, "reason") == "AlreadyExists"
    return Trouble(_refused(found, request, message), status, exists=exists)


def _refused(found: Answer, request: Request, message: str) -> Retry | Rejected:
    match found.status:
        case 401:
            return Retry("the API server refuses the token", refused=True)
        case 403 if _MISSING.search(message):
            return Rejected(STAGE, f"RBAC: a Role must grant: {request.right}")
        case 403:
            return Rejected(STAGE, f"admission refuses it: {request.right}")
        case 409:
            return Retry("it changed meanwhile")
        case 429:
            return Retry("not now: a disruption budget, or too many requests", retry_after(found.headers))
        case status:
            return Rejected(STAGE, f"the API server takes it for invalid ({status}): {request.right}")


def _message(found: Answer) -> str:
    said = member(found.json, "message")
    return said[:_LONGEST] if isinstance(said, str) else ""
