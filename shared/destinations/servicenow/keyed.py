"""Whether the records that we write keep their key: nobody finds one that does not, and each snapshot makes another."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from shared.delivery.failure import Ambiguous, Failure, Refused
from shared.delivery.ticket import Found, Mark
from shared.destinations.servicenow.answers import Rows

UNKEYED: Final = Refused("the record does not keep its correlation_id: a field or a right is missing")
_ASLEEP: Final = Ambiguous("no record in the answer; the instance may be asleep")
_PAUSE: Final = 600.0
"""Seconds without creating after a record came without its key."""


class Keyed:
    """What is created on one instance; `found` makes a ticket of a row and its problem. Belongs to one event loop."""

    def __init__(self, found: Callable[[Mapping[str, str], str], Found]) -> None:
        self._found = found
        self._until = float("-inf")

    @property
    def refuses(self) -> bool:
        """Return True for a while after a record was made that does not keep its key."""
        return asyncio.get_running_loop().time() < self._until

    def created(self, record: Found | Failure) -> Found | Failure:
        """Return the record as it came, and take note where it does not keep its key."""
        if record == UNKEYED:
            self._until = asyncio.get_running_loop().time() + _PAUSE
        return record

    def one(self, answer: Rows | Failure, mark: Mark) -> Found | Failure:
        """Return the one record that an answer to a write shows, a failure where that is not ours."""
        if not isinstance(answer, Rows):
            return answer
        if len(answer.rows) != 1 or not answer.rows[0].get("sys_id"):
            return _ASLEEP
        (row,) = answer.rows
        if row.get("correlation_id") != mark.episode:
            return UNKEYED
        return self._found(row, mark.problem)
