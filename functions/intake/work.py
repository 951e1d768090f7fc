"""The items of one request on their way to the broker: batch by batch, so that memory does not grow with them."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator

from functions.intake.body import RefusedError
from functions.intake.items import Read, Reader
from shared.events.cloudevent import UNREAD, CloudEvent
from shared.events.json_items import Cutter, Lines
from shared.runtime.handover import Handover
from shared.runtime.request import Refusal
from shared.sources.context import TOO_MANY
from shared.sources.unread import Why
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.intake")

BATCH_BYTES = 1024 * 1024
_BATCH_EVENTS = 512
_MAX_REFUSED = 1000  # items of one request: what has more of them is none of ours, and each becomes a dead letter

_NONE_READ: dict[Why, Refusal] = {
    "dialect": Refusal(422, "no item of the request could be read; each is a dead letter that says why"),
    "json": Refusal(400, "the body is not valid JSON"),
    "large": Refusal(413, "too large"),
    "limits": Refusal(400, "the JSON is nested too deep or has a number that is too long"),
    "many": Refusal(422, TOO_MANY.reason),
}


class Work:
    """One request that is being taken, item by item; what waits is handed over at once, at most so much of it."""

    def __init__(
        self,
        body: AsyncIterator[bytes],
        cutter: Cutter | Lines,
        reader: Reader,
        handover: Handover,
        metrics: Metrics,
    ) -> None:
        self._body = body
        self._cutter = cutter
        self._reader = reader
        self._handover = handover
        self._metrics = metrics
        self._waiting: list[CloudEvent] = []
        self._size = 0
        self._results: Counter[str] = Counter()  # of what waits
        self._total: Counter[str] = Counter()
        self._why: Why | None = None  # the first item was refused that was

    async def run(self) -> None:
        """Take all items. Raises RefusedError where there is none, or no more; ClientDisconnectedError."""
        came = False
        try:
            async for piece in self._body:
                came = True
                for item in self._cutter.feed(piece):
                    await self._take(self._reader.read(item), len(item.body))
                await asyncio.sleep(0)  # others are served, too, while a large one comes
            for item in self._cutter.end():
                await self._take(self._reader.read(item), len(item.body))
        except RefusedError:
            await self._flush()  # what came before belongs to nobody else: the sender may never come again
            raise
        await self._flush()
        if self._cutter.broken or not came:
            raise RefusedError(Refusal(400, "the body is not valid JSON"))
        if self._why is not None and self._total["refused"] == self._total.total():
            raise RefusedError(_NONE_READ[self._why])

    async def _take(self, read: Read, size: int) -> None:
        self._why = self._why or read.why
        self._results["refused" if read.why else "read" if read.events else "empty"] += 1
        self._waiting += read.events
        self._size += size
        too_many = self._total["refused"] + self._results["refused"] > _MAX_REFUSED
        if too_many or len(self._waiting) >= _BATCH_EVENTS or self._size >= BATCH_BYTES:
            await self._flush()
        if too_many:
            raise RefusedError(Refusal(422, "too many items of the request could not be read"))

    async def _flush(self) -> None:
        """Hand over what waits, and count it; after an answer that is none, nothing of it waits any more."""
        events, results = self._waiting, self._results
        self._waiting, self._size, self._results = [], 0, Counter()
        if events:
            await self._hand_over(events)
        self._total += results
        for result, number in results.items():
            self._metrics.count("tidings_intake_items_total", number, path=self._reader.path, result=result)

    async def _hand_over(self, events: list[CloudEvent]) -> None:
        """Return once all are durable; one that the broker never takes spoils no other. Raises RefusedError."""
        found = await self._handover.accept(events)
        if found == "full":
            raise RefusedError(Refusal(503, "the broker cannot take it now"))
        if found == "accepted":
            return
        if len(events) > 1:
            for event in events:
                await self._hand_over([event])
        elif events[0].type != UNREAD:
            await self._hand_over([self._reader.letter("large", events[0].id.encode())])
        else:
            self._metrics.count("tidings_intake_items_total", path=self._reader.path, result="lost")
            log.error("the broker refuses a dead letter for good", extra={"event_id": events[0].id, "why": found})
