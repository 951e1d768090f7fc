"""What an answer of the legacy REST API means (reference/destinations.md §2.1, §2.4).

Errors are arrays of a code and a text, whose text is in the user's language: only the code is judged.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.answer import Answer, retry_after

_log = logging.getLogger(__name__)

NO_SUCH_PATH: Final = frozenset({404, 405})
"""What a web server says that has no GLPI at this address."""
_LATER = frozenset({408, 425, 429})
_MAX_WAIT = 3600.0
_DETAIL = 300
NO_ANSWER: Final = "no record in the answer; GLPI may be without its database"
FOREIGN: Final = "this is no GLPI: check GLPI_URL, and whether its API is turned on"
"""What an answer means that is not in GLPI's own form; a page of a web server before it is none either."""
NOT_GLPI: Final = Temporary(FOREIGN, after=60.0)
"""What is asked is not GLPI, which only other settings change: until then tickets wait, and nobody asks on and on."""
SERVER_ERROR: Final = "a server error"

SESSION_LOST: Final = frozenset({"ERROR_SESSION_TOKEN_INVALID", "ERROR_SESSION_TOKEN_MISSING"})
DENIED: Final = frozenset(
    {
        "ERROR_APP_TOKEN_PARAMETERS_MISSING",
        "ERROR_WRONG_APP_TOKEN_PARAMETER",
        "ERROR_GLPI_LOGIN",
        "ERROR_GLPI_LOGIN_USER_TOKEN",
        "ERROR_LOGIN_PARAMETERS_MISSING",
        "ERROR_LOGIN_WITH_CREDENTIALS_DISABLED",
    }
)
"""What only other credentials can change."""
RANGE: Final = "ERROR_RANGE_EXCEED_TOTAL"


@dataclass(frozen=True, slots=True)
class Good:
    """A believable answer: its JSON, None where it has no body by right."""

    value: Any


def code_of(answer: Answer) -> str:
    """Return the code of an error, or the empty string."""
    body = answer.json
    return str(body[0]) if isinstance(body, list) and is_ours(answer) else ""


def is_ours(answer: Answer) -> bool:
    """Return True for an error in GLPI's form: an array of a code and a text."""
    body = answer.json
    return isinstance(body, list) and bool(body) and isinstance(body[0], str)


def judge(method: str, answer: Answer) -> Good | Failure:
    """Say what an answer means. A partial success (207) is good: its items tell of themselves."""
    if answer.status in range(200, 300) and answer.json is not None:
        return Good(answer.json)
    code = code_of(answer)
    if answer.status == 400 and code == RANGE:  # noqa: PLR2004
        return Good([])
    gone = answer.status == 404 and code == "ERROR_ITEM_NOT_FOUND"  # noqa: PLR2004
    if gone or (code == "ERROR_GLPI_UPDATE" and _text(answer) is None):
        return Gone()
    passing = passing_failure(method, answer)
    if passing is not None:
        return passing
    detail = f"{code}: {_text(answer)}"[:_DETAIL]
    _log.warning("GLPI refused a request", extra={"status": answer.status, "method": method, "detail": detail})
    if not is_ours(answer):
        return NOT_GLPI if answer.status in NO_SUCH_PATH else Refused(FOREIGN, detail)
    return Refused(_refusal(answer.status, code), detail)


def passing_failure(method: str, answer: Answer) -> Temporary | Ambiguous | None:
    """Return what may be over later: no JSON where there must be, a server error, a limit; None for all else."""
    if answer.status in _LATER:
        return Temporary("asked to come later", _wait(answer))
    if answer.status in range(200, 300):
        # With its database down GLPI answers 200 and a page (reference/destinations.md §2.1).
        return Temporary(NO_ANSWER, 30.0) if method == "GET" else Ambiguous(NO_ANSWER)
    if answer.status >= 500:  # noqa: PLR2004
        return Temporary(SERVER_ERROR, _wait(answer)) if method == "GET" else Ambiguous(SERVER_ERROR)
    return None


def added(value: Any) -> str | Failure:
    """Return the id of the one item that was to be made, whether it came alone, in a list or in a 207."""
    item = _only(value)
    number = item.get("id") if isinstance(item, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return str(number)
    if number is False:
        return Refused("GLPI did not add it", str(item.get("message", ""))[:_DETAIL])
    return Ambiguous(NO_ANSWER)


def changed(value: Any, number: str) -> Failure | None:
    """Return how the change of one item went: None where it took effect."""
    item = _only(value)
    done = item.get(number) if isinstance(item, dict) else None
    if done is True:
        return None
    if done is False:
        return Refused("GLPI did not change it", str(item.get("message", ""))[:_DETAIL])
    return Ambiguous(NO_ANSWER)


def rows(value: Any) -> list[dict[str, Any]] | None:
    """Return a list of objects, None for anything else."""
    found = isinstance(value, list) and all(isinstance(one, dict) for one in value)
    return value if found else None


def _only(value: Any) -> Any:
    """Return the one item of an answer; a 207 is `["ERROR_GLPI_PARTIAL_...", [items]]`."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004
        value = value[1]
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(answer: Answer) -> Any:
    body = answer.json
    return body[1] if isinstance(body, list) and len(body) > 1 else None


def _wait(answer: Answer) -> float | None:
    wait = retry_after(answer.headers)
    return None if wait is None else min(wait, _MAX_WAIT)


def _refusal(status: int, code: str) -> str:
    known = {
        "ERROR_GLPI_ADD": "GLPI did not add it: a right is missing, or a rule or a mandatory field of its template",
        "ERROR_GLPI_UPDATE": "GLPI did not change it: a right is missing, or the ticket is closed",
        "ERROR_RIGHT_MISSING": "not allowed by the rights of its profile",
        "ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM": "GLPI does not know the item type",
        "ERROR_NOT_ALLOWED_IP": "this address is not allowed by its API client",
    }
    return known.get(code) or ("not allowed by rights (403)" if status == 403 else "refused by its status code")  # noqa: PLR2004
