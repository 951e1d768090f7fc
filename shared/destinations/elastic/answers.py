"""What the answers of `_bulk` mean, for the whole request and for each of its items (reference/destinations.md §4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.destinations.answer import Answer, retry_after
from shared.destinations.bulk_answers import TOO_MANY, WAIT, Busy, Setup, TooLarge
from shared.events.outcome import Done, Duplicate, Outcome, Rejected, Retry

DESTINATION: Final = "elastic"
WRONG_INDEX: Final = Retry("the credentials may not write to the index, or it is not there")
BUSY: Final = Retry("the cluster is busy")
UNANSWERED: Final = Retry("the answer does not speak of the event")
POISON: Final = Rejected(DESTINATION, "the event is not one that the index takes")
TOO_LARGE: Final = Rejected(DESTINATION, "the event is larger than the cluster takes")

_OK = 200
_POISON = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_TOO_LARGE = 413
_CONFLICT = 409
_CREATED = frozenset({200, 201})
_WRONG_INDEX = frozenset({401, 403, 404})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Items:
    """The request was taken apart: what became of each item, by its `_id`."""

    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True, slots=True)
class Poison:
    """They do not take the request, and do not say which item is wrong."""


Judged = Items | Poison | TooLarge | Busy | Setup


def judge(answer: Answer) -> Judged:
    """Say what an answer to a bulk request means. A 200 counts only with items in it (F12)."""
    if answer.status == _OK:
        items = answer.json.get("items") if isinstance(answer.json, dict) else None
        if not isinstance(items, list):
            return Busy("the answer is not the bulk API's")
        return Items({name: outcome for item in items for name, outcome in _item(item)})
    if answer.status in WAIT:
        after = retry_after(answer.headers)
        return Busy(BUSY.reason, after, again=after is None, halve=answer.status == TOO_MANY)
    if answer.status == _TOO_LARGE:
        return TooLarge()
    return Poison() if answer.status == _POISON and error_type(answer) else _setup(answer)


def _setup(answer: Answer) -> Setup:
    if answer.status == _UNAUTHORIZED:
        return Setup("the credentials are refused", authentication=True)
    if answer.status == _FORBIDDEN and error_type(answer):
        return Setup("the credentials may not write in bulk")
    return Setup("the answer is not the bulk API's: check ELASTIC_URL")


def error_type(answer: Answer) -> str:
    """Return the type of an error in the API's own form, as `security_exception`; empty where it has none."""
    error = answer.json.get("error") if isinstance(answer.json, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else ""


def _item(item: Any) -> list[tuple[str, Outcome]]:
    """Return an item's `_id` and outcome; nothing for what cannot be read, which is answered as not spoken of."""
    told = item.get("create") if isinstance(item, dict) else None
    if not isinstance(told, dict):
        return []
    name, status = told.get("_id"), told.get("status")
    if not isinstance(name, str) or not isinstance(status, int):
        return []
    return [(name, _outcome(status))]


def _outcome(status: int) -> Outcome:
    if status in _CREATED:
        return Done()
    if status == _CONFLICT:
        return Duplicate()
    if status in _WRONG_INDEX:
        return WRONG_INDEX
    return BUSY if status in WAIT or status >= _SERVER_ERROR else POISON
