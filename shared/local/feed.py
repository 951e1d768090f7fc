"""The feed of the embedded system: a recording, played in its own time at any speed, going on where it was."""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from shared.events.cloudevent import TICK, CloudEvent
from shared.events.codec import NotAnEvent, decode
from shared.events.identity import digest
from shared.events.times import to_text
from shared.local.broker.broker import Broker
from shared.local.recorded.player import Request, requests
from shared.runtime.ingress import NAME
from shared.telemetry.metrics import Metrics

_LOG = logging.getLogger("tidings.feed")

_WINDOW = timedelta(seconds=20)
"""Simulated time that may be in flight at once: below the 60 s within which order does not matter."""

_SOON = timedelta(seconds=30)
"""After so long everything that waits for its group has waited long enough."""

_AFTERWARDS = (timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1))
"""When it is looked at once more what becomes of it all after a recording: our own clock may be days ahead of it."""

_PATIENCE = 30.0


@dataclass(slots=True)
class Progress:
    """How far the feed is; `time` is the recording's own clock."""

    sent: int = 0
    total: int = 0
    refused: int = 0
    time: datetime | None = None
    done: bool = False


class Feed:
    """Plays one recording into the broker. What the broker accepted is not sent again after a restart."""

    def __init__(  # noqa: PLR0913 - everything that it works with, none of it its own
        self,
        path: Path | None,
        *,
        broker: Broker,
        position: Path,
        metrics: Metrics,
        speed: float,
        again: bool = False,
    ) -> None:
        """`speed` is simulated seconds for each real one, 0 as fast as it goes; `again` begins at the beginning.

        Raises FeedError where the recording cannot be read.
        """
        self._requests = list(requests(path))
        self._broker = broker
        self._position = position
        self._metrics = metrics
        self._speed = speed
        self._late: set[str] = set()
        self._name = digest("feed", str(path or "recorded"), str(len(self._requests)))
        sent = 0 if again else self._resumed()
        self.progress = Progress(sent=sent, total=len(self._requests), done=sent >= len(self._requests))

    async def run(self) -> None:
        """Play to the end."""
        before: datetime | None = None
        while window := self._next_window():
            begins = window[0].time
            if before is not None and self._speed > 0:
                await asyncio.sleep((begins - before).total_seconds() / self._speed)
            before = begins
            # Simulated time stands still until what happened before has taken effect: played fast, an hour of the
            # recording lasts milliseconds, and what was far apart in time would meet. A destination that is down holds
            # it up for a while only.
            await self._settle()
            await self._tick_until(begins)
            await self._publish(self._events(window))
            self.progress.sent += len(window)
            self.progress.time = window[-1].time
            self._remember()
        await self._settle()
        if self.progress.time is not None:
            for later in _AFTERWARDS:
                for at in (self.progress.time + later, self.progress.time + later + _SOON):
                    await self._publish([_tick(at)])
                    await self._settle()
        self.progress.done = True

    async def _tick_until(self, time: datetime) -> None:
        """Do what became due since the last window: soon after it, as a cluster's ticks would, and at this time."""
        last = self.progress.time
        soon = [last + _SOON] if last is not None and last + _SOON < time else []
        for at in (*soon, time):
            await self._publish([_tick(at)])
            await self._settle()

    async def _settle(self) -> None:
        """Wait until what happened has taken effect; for whoever held that up no more until it has caught up."""
        settled = await self._broker.idle(_PATIENCE, self._late)
        waiting = {status.trigger for status in self._broker.status() if status.waiting}
        if not settled and (more := waiting - self._late):
            _LOG.warning("the recording goes on without waiting for Triggers", extra={"triggers": sorted(more)})
        self._late = waiting if not settled else self._late & waiting

    def _next_window(self) -> list[Request]:
        waiting = islice(self._requests, self.progress.sent, None)
        first = next(waiting, None)
        if first is None:
            return []
        window = [first]
        for request in waiting:
            if request.time - first.time > _WINDOW:
                break
            window.append(request)
        return window

    def _events(self, window: list[Request]) -> list[CloudEvent]:
        events = []
        for request in window:
            event = decode(request.headers, request.body)
            if isinstance(event, NotAnEvent):
                self.progress.refused += 1
            else:
                events.append(event)
        self._metrics.count("tidings_events_received_total", len(events), function=NAME)
        return events

    async def _publish(self, events: list[CloudEvent]) -> None:
        """Publish all of a window; where one of them is what no broker takes, each by itself and that one counted."""
        while (answer := await self._broker.accept(events)) == "full":  # noqa: ASYNC110 - it says no more than that
            await asyncio.sleep(0.1)
        if answer == "accepted":
            return
        if len(events) == 1:
            self.progress.refused += 1
            return
        for event in events:
            await self._publish([event])

    def _resumed(self) -> int:
        try:
            stored = json.loads(self._position.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        return int(stored["sent"]) if stored.get("feed") == self._name else 0

    def _remember(self) -> None:
        fresh = self._position.with_suffix(".new")
        fresh.write_text(json.dumps({"feed": self._name, "sent": self.progress.sent}), encoding="utf-8")
        fresh.replace(self._position)


def assignment_groups(path: Path | None, label: str) -> list[str]:
    """Return the groups that the recording's namespaces name, so that a stand-in can know them.

    Raises FeedError where the recording cannot be read.
    """
    found: set[str] = set()
    for request in requests(path):
        if request.headers.get("ce-kind") == "Namespace":
            labels = json.loads(request.body).get("metadata", {}).get("labels") or {}
            found |= {labels[label]} if label in labels else set()
    return sorted(found)


def _tick(at: datetime) -> CloudEvent:
    return CloudEvent(id=digest("tick", to_text(at)), source="tidings/feed", type=TICK, time=at)
