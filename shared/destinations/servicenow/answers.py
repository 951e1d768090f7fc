"""What ServiceNow's answers mean, as values (reference/destinations.md §1.2, §1.13)."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.destinations.answer import Answer, asked_wait

_log = logging.getLogger(__name__)

_UNSURE = frozenset({500, 502, 504})
_LATER = frozenset({408, 425, 429})
_DOWN = 503
_NOT_FOUND = 404
_FOREIGN = frozenset({400, 404, 405})  # without their envelope: others have no such path; a 403 may be a proxy's

LEFT_OUT: Final = Temporary("left out of its batch")
"""What a request is that the instance did not get to before it ended the batch: certainly not done (§1.9)."""
PASSING: Final = frozenset({"a server error", "not available", LEFT_OUT.reason})
"""Reasons of what may be over in a moment: tried again at once, for a hiccup shall not cost the broker's back-off."""

NO_TABLE: Final = "there is no such table"
FOREIGN: Final = "this is no ServiceNow: check SERVICENOW_INSTANCE"
"""What a refusal means that is not in ServiceNow's own form."""

_MANDATORY: Final = re.compile(
    r"(?:[\w ]+: )?(?:Data Policy Exception: )?(?:The following fields are mandatory|"
    r"The following mandatory fields are not filled in): (?P<names>[^\n]+)"
)
_BUSINESS_RULE: Final = re.compile(
    r"(?:[\w ]+: )?Operation against file '\w+' was aborted by Business Rule '(?P<name>[\w .()/&-]{1,60})[\^']"
)
_NAME: Final = re.compile(r"[\w .()/&-]{1,40}")
_MOST_NAMES: Final = 6


@dataclass(frozen=True, slots=True)
class Rows:
    """A believable answer: the records of `result`, one for a single record."""

    rows: tuple[Mapping[str, str], ...]


def judge(method: str, answer: Answer, now: float) -> Rows | Failure:
    """Say what an answer means. `now` is in seconds since the epoch, for limits that name the time of their end."""
    rows = _rows(answer.json) if answer.status in range(200, 300) else None
    return rows or failure_of(answer, now, method, writes=method != "GET")


def failure_of(answer: Answer, now: float, method: str, *, writes: bool) -> Failure:
    """Say what an answer means that is not the wished one. `writes`: what may have taken effect must be asked for."""
    status, detail, wait = answer.status, _detail(answer.json), asked_wait(answer.headers, now)
    unsure = ""
    if status in range(200, 300):
        # An instance that sleeps or is being upgraded answers 200 with a page (reference/destinations.md §0.2).
        unsure, wait = "no record in the answer; the instance may be asleep", 30.0
    elif status in _UNSURE:
        unsure = "a server error"
    elif writes and "unique key violation" in detail.lower():
        unsure = "another writer was first"
    if unsure:
        return Ambiguous(unsure) if writes else Temporary(unsure, wait)
    if status == _DOWN:
        return Temporary("not available", wait)
    if status in _LATER:
        return Temporary("asked to come later", wait)
    if status == _NOT_FOUND and method == "PATCH":
        return Gone()
    _log.warning("ServiceNow refused a request", extra={"status": status, "method": method, "detail": detail})
    why = explained(detail)
    if not detail and status in _FOREIGN:
        return Refused(FOREIGN, detail, status)
    return Refused(f"{why} ({status})" if why else _refusal(status), detail, status)


def _rows(body: object) -> Rows | None:
    result: Any = body.get("result") if isinstance(body, dict) else None
    members = [result] if isinstance(result, dict) else result
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        return None
    return Rows(tuple({name: _plain(value) for name, value in member.items()} for member in members))


def _plain(value: Any) -> str:
    """Return a value as text; a reference by its sys_id, should links come in spite of what was asked."""
    if isinstance(value, dict):
        value = value.get("value", "")
    return value if isinstance(value, str) else "" if value is None else str(value)


def _detail(body: object) -> str:
    error: Any = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return ""
    return f"{error.get('message', '')}: {error.get('detail', '')}"[:300]


def explained(detail: str) -> str:
    """Say what a refusal is about: that there is no such table, or by a rule of theirs the names of fields or of it.

    Only what begins as their own text is read so: what an event said may stand in it further on.
    """
    if detail.startswith("Invalid table"):
        return NO_TABLE
    mandatory = _MANDATORY.match(detail)
    if mandatory is not None:
        names = [name.strip() for name in mandatory["names"].split(",")]
        known = [name for name in names if _NAME.fullmatch(name)][:_MOST_NAMES]
        return f"a data policy wants fields that are empty: {', '.join(known)}" if known else ""
    rule = _BUSINESS_RULE.match(detail)
    return f"the business rule {rule['name']!r} stopped it" if rule is not None else ""


def _refusal(status: int) -> str:
    return {
        400: "the request is malformed to them (400)",
        403: "not allowed by rights, data policy or business rule (403)",
        404: "the table does not exist or is hidden (404)",
    }.get(status, "refused by its status code")
