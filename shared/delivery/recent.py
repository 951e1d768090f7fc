"""What this process delivered lately: a copy that comes again while it is remembered is not sent again.

Only what the destination has accepted is remembered, so that a lost process forgets too much and never too little: an
event that was not accepted is always sent.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from shared.events.outcome import Done, Duplicate, Outcome, Retry


class Recent:
    """The last `most` keys that ended as Done, and those under way. Belongs to one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._done: OrderedDict[str, None] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[Outcome]] = {}

    async def once(self, key: str, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Send, unless the key is known: Duplicate where it was accepted; where it is under way, share its outcome."""
        if key in self._done:
            self._done.move_to_end(key)
            return Duplicate()
        first = self._under_way.get(key)
        if first is not None:
            outcome = await asyncio.shield(first)
            return Duplicate() if isinstance(outcome, Done) else outcome
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            outcome = await send()
            future.set_result(outcome)
        finally:
            del self._under_way[key]
            if not future.done():
                future.set_result(Retry("the copy under way was given up"))
        if isinstance(outcome, Done):
            self._done[key] = None
            if len(self._done) > self._most:
                self._done.popitem(last=False)
        return outcome
