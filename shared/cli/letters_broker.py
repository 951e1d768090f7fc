"""The dead letters in the file of the embedded broker, which may run meanwhile."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from shared.cli.letters import Choice, Seen
from shared.cli.output import fail
from shared.local.broker.database import Database
from shared.local.broker.letters import discard, discarded, letter_of, letter_row

_PAGE: Final = 500


class BrokerLetters:
    """The letters of `broker.db` in the folder of `tidings up`; what cannot be read ends the command."""

    def __init__(self, data: Path) -> None:
        self._data = data
        try:
            self._database = Database(data / "broker.db", guest=True)
        except FileNotFoundError:
            fail(f"{data} holds no broker: name the folder of `tidings up` by --data, or a bus by --source")
        except (sqlite3.Error, OSError) as error:
            fail(f"{data}: {error}")

    async def each(self) -> AsyncIterator[Seen]:
        """Iterate them."""
        after = 0
        while True:
            with self._readable():
                rows = self._database.letters("", wanted=False, after=after, limit=_PAGE)
            if not rows:
                return
            after = rows[-1][0]
            for row in rows:
                letter = letter_of(row)
                yield Seen(str(letter.id), {**letter_row(letter), "retried": None}, letter.as_event())

    async def ended(self) -> AsyncIterator[Mapping[str, Any]]:
        """Iterate those that were discarded: one that was retried with success is an event like any other."""
        with self._readable():
            for row in discarded(self._database):
                yield row

    async def retry(self, choice: Choice, to: str, rate: float) -> int:
        """Mark them, for the broker to send each to its own Trigger."""
        if to:
            fail("--to is for the letters of a bus: the embedded broker sends each to its own Trigger", code=2)
        numbers = [int(seen.name) async for seen in self.each() if choice.takes(seen)]
        at_once = 1 if rate else _PAGE
        marked = 0
        for first in range(0, len(numbers), at_once):
            if rate and first:
                await asyncio.sleep(1 / rate)
            with self._readable():
                marked += self._database.want(numbers[first : first + at_once], wanted=True)
        return marked

    async def discard(self, choice: Choice, note: str) -> int:
        """Delete them."""
        numbers = [int(seen.name) async for seen in self.each() if choice.takes(seen)]
        with self._readable():
            return discard(self._database, numbers, note, time.time())

    async def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            fail(f"{self._data}: {error}")
