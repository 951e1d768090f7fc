"""What this process delivered lately: a copy that comes again while it is remembered is not sent again.

Only what the destination has accepted is remembered, so that a lost process forgets too much and never too little: an
event that was not accepted is always sent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from shared.events.outcome import Done, Duplicate, Outcome, Retry

_GIVEN_UP: Outcome = Retry("the copy under way was given up")


class Recent:
    """The last `most` keys that ended as Done, and those under way. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._done: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[Outcome] | None] = {}
        """What a copy awaits, where there is one: there seldom is."""

    async def once(self, key: str, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Send, unless the key is known: Duplicate where it was accepted; where it is under way, share its outcome."""
        if key in self._done:
            self._done.move_to_end(key)
            return Duplicate()
        if key in self._under_way:
            outcome = await asyncio.shield(self._first(key))
            return Duplicate() if isinstance(outcome, Done) else outcome
        self._under_way[key] = None
        outcome = _GIVEN_UP
        try:
            outcome = await send()
        finally:
            awaited = self._under_way.pop(key)
            if awaited is not None:
                awaited.set_result(outcome)
        if isinstance(outcome, Done):
            self._done[key] = None
            if len(self._done) > self._most:
                self._done.popitem(last=False)
        return outcome

    def _first(self, key: str) -> asyncio.Future[Outcome]:
        """Return what will have the outcome of the one that is under way."""
        awaited = self._under_way[key]
        if awaited is None:
            awaited = self._under_way[key] = asyncio.get_running_loop().create_future()
        return awaited
