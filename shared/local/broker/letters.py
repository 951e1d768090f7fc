"""Dead letters: those that no try could deliver, kept until somebody sends them again or discards them."""

import logging
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from shared.events.times import to_text
from shared.local.broker.database import Database, LetterRow
from shared.local.broker.log import Log
from shared.local.broker.records import Letter, event_of

_LOG = logging.getLogger("tidings.broker")
_MOST = 1000


class Letters:
    """The dead letters of a log. Letters are no part of its retention."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def list(self, trigger: str = "", *, after: int = 0, limit: int = 100) -> Sequence[Letter]:
        """Return letters with an id above `after`, the oldest first, of one Trigger or of all; at most 1000."""
        return await self._rows(trigger, wanted=False, after=after, limit=limit)

    async def wanted(self, trigger: str, *, after: int, limit: int) -> Sequence[Letter]:
        """Return letters of a Trigger that are to be sent again."""
        return await self._rows(trigger, wanted=True, after=after, limit=limit)

    async def show(self, number: int) -> Letter | None:
        """Return one letter, or None where there is none of this id."""
        row = await self._log.query(lambda database: database.letter(number))
        return None if row is None else letter_of(row)

    async def counts(self) -> dict[str, int]:
        """Return how many letters each Trigger has, nothing while they cannot be read."""
        try:
            return await self._log.query(lambda database: database.letter_counts())
        except sqlite3.Error as error:  # who looks on shall not end what works
            _LOG.warning("dead letters cannot be counted", extra={"error": type(error).__name__})
            return {}

    async def mark(self, ids: Sequence[int], *, wanted: bool) -> int:
        """Mark letters to be sent again, or no more; return how many of these ids exist."""
        return await self._log.change(lambda database: database.want(ids[:_MOST], wanted=wanted))

    async def discard(self, ids: Sequence[int], note: str) -> int:
        """Delete letters and keep why; return how many of these ids existed."""
        return await self._log.change(lambda database: discard(database, ids[:_MOST], note, time.time()))

    async def _rows(self, trigger: str, *, wanted: bool, after: int, limit: int) -> Sequence[Letter]:
        limit = max(1, min(limit, _MOST))
        rows = await self._log.query(
            lambda database: database.letters(trigger, wanted=wanted, after=after, limit=limit)
        )
        return [letter_of(row) for row in rows]


def letter_of(row: LetterRow) -> Letter:
    """Return the letter that a row holds; one whose event cannot be decoded is not `readable`."""
    number, trigger, event, destination, code, data, why, extensions, at, tries, wanted = row
    return Letter(
        trigger=trigger,
        event=event_of(event.encode()),
        destination=destination,
        code=code,
        data=data,
        why=why,
        extensions=_extensions(extensions),
        at=at,
        tries=tries,
        id=number,
        wanted=bool(wanted),
    )


def discard(database: Database, ids: Sequence[int], note: str, at: float) -> int:
    """Delete letters, and keep what each was with the note and the time; return how many of these ids existed."""
    rows = [row for row in map(database.letter, ids) if row is not None]
    said = {row[0]: orjson.dumps(letter_row(letter_of(row))).decode() for row in rows}
    return database.discard(said, note, at)


def discarded(database: Database) -> Iterator[dict[str, Any]]:
    """Iterate what was discarded, the oldest letter first, each with `note` and `at`."""
    after = 0
    while found := database.discarded(after=after, limit=_MOST):
        after = found[-1][0]
        for _, said, note, at in found:
            yield {
                **orjson.loads(said),
                "act": "discarded",
                "note": note,
                "at": to_text(datetime.fromtimestamp(at, UTC)),
            }


def _extensions(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def letter_row(letter: Letter) -> dict[str, Any]:
    """Return a dead letter as the API and the command line show it."""
    event = letter.event
    return {
        "id": letter.id,
        "trigger": letter.trigger,
        "event_id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": to_text(event.time) if event.time else "",
        "code": letter.code,
        "stage": letter.stage,
        "reason": letter.reason,
        "tries": letter.tries,
        "retry": "waits" if letter.wanted else "",
    }
