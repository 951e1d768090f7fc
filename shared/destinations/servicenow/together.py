"""Requests that wait at the same time share a call, where the instance takes batches.

Each waits for its own answer before the next of its ticket is sent, alone or in company: asking, creating and looking
again keep their order. One that nobody waits beside goes alone, as without this.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import orjson

from shared.delivery.batching import Batcher
from shared.delivery.failure import Ambiguous, Failure, Temporary
from shared.destinations.answer import Answer, asked_wait
from shared.destinations.caller import TRIES, Caller, Pause, Request
from shared.destinations.sending import CROWDED
from shared.destinations.servicenow.answers import LEFT_OUT
from shared.destinations.servicenow.batch import NotAllowed, Serviced, batch_of, entry_of, judge_batch
from shared.destinations.servicenow.settings import ServiceNowSettings
from shared.events.outcome import Done, Outcome

_log = logging.getLogger(__name__)

T = TypeVar("T")

_BYTES: Final = 1_000_000  # of one call; they take 5 MB of one request
_WAITING: Final = 2_000
_GRACE: Final = 0.05  # seconds that a call under way has to tell its own end, which is not mine to guess
_OFF: Final = 600.0  # seconds before batches are tried again that were not allowed
_TOO_MANY: Final = 429
_LOST: Final = Ambiguous("the batch's answer does not speak of it")


class _Item:
    """One request that waits. `own` is True where what was `found` is the instance's word on it alone."""

    def __init__(self, request: Request, judged: Callable[[Answer], Any], deadline: float) -> None:
        self.request = request
        self.judged = judged
        self.deadline = deadline
        self.entry = entry_of(request)
        self.begun = False
        self.own = False
        self.found: Any = None


class Together:
    """The calls to one instance, shared by those that wait. Belongs to one event loop."""

    def __init__(self, caller: Caller, settings: ServiceNowSettings, pause: Pause, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch, for limits that name the time of their end."""
        self._caller = caller
        self._pause = pause
        self._seconds = settings.seconds
        self._clock = clock
        self._off_until = float("-inf")
        self._batcher = Batcher(
            self._send,
            max_items=settings.batch,
            max_bytes=_BYTES,
            max_waiting=_WAITING,
            concurrency=settings.connections,
        )

    async def close(self) -> None:
        """Finish what waits."""
        await self._batcher.close()

    async def call(self, request: Request, judged: Callable[[Answer], T | Failure], seconds: float) -> T | Failure:
        """Send a request, alone or in company, a few times where only it has to be sent again."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._off_until:
            return await self._caller.call(request, judged, seconds)
        deadline = loop.time() + min(seconds, self._seconds)
        for attempt in range(1, TRIES + 1):
            item = _Item(request, judged, deadline)
            outcome = await self._batcher.submit(item, len(orjson.dumps(item.entry)), deadline + _GRACE)
            found: T | Failure = item.found if outcome == Done() else _unanswered(item)
            pause = self._pause(found, attempt) if item.own and isinstance(found, Temporary) else None
            if pause is None or attempt == TRIES or not await self._again(found, pause, deadline - loop.time()):
                break
        return found

    async def _again(self, found: object, pause: float, within: float) -> bool:
        """Wait until it may be sent again; what the instance never began costs nothing of the retry budget."""
        if found != LEFT_OUT:
            return await self._caller.again(pause, within)
        if pause >= within:
            return False
        await asyncio.sleep(pause)
        return True

    async def _send(self, items: Sequence[_Item]) -> Sequence[Outcome]:
        for item in items:
            item.begun = True
        if len(items) == 1 or not await self._shared(items):
            await asyncio.gather(*(self._alone(item) for item in items))
        return [Done()] * len(items)

    async def _alone(self, item: _Item) -> None:
        left = item.deadline - asyncio.get_running_loop().time()
        item.found = await self._caller.call(item.request, item.judged, left)

    async def _shared(self, items: Sequence[_Item]) -> bool:
        """Send them in one call; False where that is not allowed, so that nothing of it was done."""
        loop = asyncio.get_running_loop()
        left = max(item.deadline for item in items) - loop.time()
        batch = batch_of([item.entry for item in items])
        self._caller.carries(len(items))
        found = await self._caller.call(batch, lambda answer: judge_batch(answer, self._clock()), left)
        if isinstance(found, NotAllowed):
            self._off_until = loop.time() + _OFF
            _log.warning("ServiceNow takes no batches from us; requests go one by one", extra={"status": found.status})
            return False
        for place, item in enumerate(items):
            item.own = isinstance(found, Serviced)
            item.found = self._of(item, place, found) if isinstance(found, Serviced) else found
        return True

    def _of(self, item: _Item, place: int, serviced: Serviced) -> Any:
        answer = serviced.answers.get(place)
        if answer is None:
            return LEFT_OUT if place in serviced.left_out else _LOST
        if answer.status == _TOO_MANY:
            self._caller.hold(asked_wait(answer.headers, self._clock()) or 0.0)
        return item.judged(answer)


def _unanswered(item: _Item) -> Failure:
    return Ambiguous("no complete answer in time") if item.begun else Temporary(CROWDED)
