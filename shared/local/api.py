"""`/api/v1` of the embedded system: what the console shows, as JSON (surface.md §3)."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from shared.episodes.browse import Filter, listing
from shared.events.cloudevent import DELIVERY
from shared.events.episode import EpisodeState
from shared.local.broker.letters import letter_row
from shared.local.broker.records import Stored
from shared.local.destinations import destinations
from shared.local.shown import report_of, shown
from shared.runtime.asgi import Scope, Send, answer_error, answer_json
from shared.runtime.registry import FUNCTIONS

if TYPE_CHECKING:
    from shared.local.system import System

PREFIX = "/api/v1/"
_MOST = 1000
_MAX_NUMBER = 2**63 - 1  # what SQLite holds
_MAX_DIGITS = 19
_SCANNED = 5000
_PAGE = 500

_STATES: dict[str, EpisodeState | None] = {"": None, "open": "open", "resolved": "resolved"}

Query = dict[str, str]
Page = tuple[list[dict[str, Any]], str]
"""Items, and the cursor of the next page, empty at the end."""


async def answer_api(scope: Scope, send: Send, name: str, system: "System") -> None:
    """Answer one GET below /api/v1; unknown filters are refused rather than ignored."""
    view = VIEWS.get(name)
    if view is None:
        await answer_error(send, 404, f"there is no such list; there are: {', '.join(VIEWS)}")
        return
    query = {key: values[-1] for key, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
    limit, cursor = query.pop("limit", "100"), query.pop("cursor", "")
    if not 1 <= _number(limit) <= _MOST:
        await answer_error(send, 400, f"limit must be a number from 1 to {_MOST}")
        return
    unknown = query.keys() - FILTERS[name]
    if unknown:
        await answer_error(send, 400, f"this list can be filtered by: {', '.join(sorted(FILTERS[name])) or 'nothing'}")
        return
    try:
        items, following = await view(system, query, int(limit), cursor)
    except (ValueError, KeyError):
        await answer_error(send, 400, "a filter or the cursor has a value that this list does not know")
        return
    await answer_json(send, 200, {"items": items, "cursor": following})


def _number(text: str) -> int:
    """Return a whole number of at most 19 digits; -1 for any other text, however long."""
    return int(text) if len(text) <= _MAX_DIGITS and text.isascii() and text.isdecimal() else -1


def _offset(cursor: str) -> int:
    """Return the number that a cursor is. Raises ValueError for one that no page gave."""
    number = _number(cursor)
    if not 0 <= number <= _MAX_NUMBER:
        raise ValueError(cursor)
    return number


async def _events(system: "System", query: Query, limit: int, cursor: str) -> Page:
    return await _stored(system, query, limit, cursor, lambda stored: {"offset": stored.offset, **shown(stored.event)})


async def _deliveries(system: "System", query: Query, limit: int, cursor: str) -> Page:
    return await _stored(system, {**query, "type": DELIVERY}, limit, cursor, lambda stored: report_of(stored.event))


async def _stored(
    system: "System", query: Query, limit: int, cursor: str, row: Callable[[Stored], dict[str, Any]]
) -> Page:
    """Return events of the log, the newest first; a page ends early after a bounded look-through."""
    before = _offset(cursor) if cursor else None
    found: list[dict[str, Any]] = []
    size = _PAGE if query else min(limit, _PAGE)  # nothing is left out where nothing is asked for
    for _ in range(_SCANNED // _PAGE):
        page = await system.broker.events(size, before)
        for stored in page:
            before = stored.offset
            if all(stored.event.attribute(name) == wanted for name, wanted in query.items()):
                found.append(row(stored))
                if len(found) == limit:
                    return found, str(before)
        if not page:  # a short page is no end: the log bounds a page by its bytes, too
            return found, ""
    return found, str(before)


async def _episodes(system: "System", query: Query, limit: int, cursor: str) -> Page:
    wanted = Filter(
        state=_STATES[query.get("state", "")],
        cluster=query.get("cluster", ""),
        namespace=query.get("namespace", ""),
        problem_key=query.get("problemkey", ""),
        id=query.get("id", ""),
    )
    page = await listing(system.store, wanted, cursor=cursor, limit=limit)
    return [episode.model_dump(mode="json") for episode in page.episodes], page.cursor


async def _dead_letters(system: "System", query: Query, limit: int, cursor: str) -> Page:
    letters = await system.broker.letters.list(query.get("trigger", ""), after=_offset(cursor or "0"), limit=limit)
    return [letter_row(letter) for letter in letters], str(letters[-1].id) if len(letters) == limit else ""


async def _destinations(system: "System", _query: Query, _limit: int, _cursor: str) -> Page:
    return destinations(system), ""


async def _functions(system: "System", _query: Query, _limit: int, _cursor: str) -> Page:
    statuses = {status.trigger: status for status in system.broker.status()}
    rows = []
    for name, function in system.functions.items():
        triggers = [status for status in statuses.values() if status.subscriber == system.services[name]]
        readiness = function.readiness()
        rows.append(
            {
                "name": name,
                "summary": FUNCTIONS[name].summary,
                "ready": readiness.ready,
                "problems": list(readiness.problems),
                "notes": list(readiness.notes),
                "waiting": sum(status.waiting for status in triggers),
                "triggers": [status.trigger for status in triggers],
            }
        )
    return rows, ""


VIEWS: dict[str, Callable[["System", Query, int, str], Awaitable[Page]]] = {
    "events": _events,
    "episodes": _episodes,
    "deliveries": _deliveries,
    "dead-letters": _dead_letters,
    "destinations": _destinations,
    "functions": _functions,
}

FILTERS: dict[str, frozenset[str]] = {
    "events": frozenset(
        {"type", "cluster", "category", "severity", "phase", "kind", "namespace", "name", "reason", "problemkey"}
    ),
    "episodes": frozenset({"id", "state", "cluster", "namespace", "problemkey"}),
    "deliveries": frozenset({"cluster", "problemkey"}),
    "dead-letters": frozenset({"trigger"}),
    "destinations": frozenset(),
    "functions": frozenset(),
}
