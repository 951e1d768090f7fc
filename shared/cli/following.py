"""Play observations through the real classifier and correlator, in process and in simulated time."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any, NamedTuple

from functions.classifier.handler import Classifier, ClassifierSettings
from functions.classifier.live import live_rules
from functions.correlator.handler import new
from shared.cli.daily import Daily
from shared.cli.inputs import Unreadable
from shared.cli.payloads import Result
from shared.episodes.keeper import DUE
from shared.episodes.machine import Step
from shared.episodes.notes import Note, notes
from shared.episodes.policy import Policies
from shared.episodes.record import Record
from shared.events import attributes
from shared.events.cloudevent import OBSERVED, TICK, CloudEvent
from shared.events.model import Observation, observed_data
from shared.events.outcome import Done, Duplicate, Ignored
from shared.rules.ruleset import RuleSet
from shared.runtime.function import Call, Function
from shared.settings.environment import read
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics

EVERY = 10
"""Seconds between two ticks (knative/base/tick.yaml)."""
TAIL = 60
"""Seconds for which time goes on after the last observation: what waits for its group has waited long enough then."""
LATER = 86_400
"""Seconds for which it goes on then, as if nothing more came: what has a hold or expires is over by then."""
_LATE = 60  # seconds by which observations may overtake each other (docs/episodes.md)
_SECONDS = 30.0  # for one call; nothing here waits for anybody


class Line(NamedTuple):
    """One decision, and when it was made (simulated time); `later` where nothing more came, and time alone made it."""

    time: datetime
    note: Note
    later: bool


@dataclass(slots=True)
class Summary:
    """What became of all. `late` are observations that lie more than a minute before one that came earlier.

    `later` are the tickets that open and close after the last observation, where nothing more comes.
    """

    observations: int = 0
    left_out: int = 0
    unreadable: int = 0
    late: int = 0
    first: datetime | None = None
    last: datetime | None = None
    tickets: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    @property
    def open(self) -> int:
        """Return how many tickets are open after the last observation."""
        return _open(self.tickets)

    @property
    def open_later(self) -> int:
        """Return how many are open a day later, where nothing more comes."""
        return self.open + _open(self.later)

    def count(self, note: Note, *, later: bool) -> None:
        """Count a decision in."""
        if note.what in {"opened", "reopened", "closed"}:
            (self.later if later else self.tickets)[note.what] += 1
        elif later:
            return
        elif note.what in {"inhibited", "grouped", "limited", "quiet"}:
            self.held[f"{note.what}: {note.by}"] += 1
        elif note.what == "held":
            self.held[f"held: {note.hold}"] += 1


def _open(tickets: Counter[str]) -> int:
    return tickets["opened"] + tickets["reopened"] - tickets["closed"]


class _Broker:
    """Takes what the correlator sends besides its reply."""

    def __init__(self, daily: Daily) -> None:
        self._daily = daily

    async def publish(self, event: CloudEvent) -> bool:
        self._daily.told(event)
        return True


class Following:
    """One play. Use: iterate `lines(...)`; `summary` and `daily` grow as it goes. `close()` at the end."""

    def __init__(self, environ: Mapping[str, str], ruleset: RuleSet, policies: Policies, daily: Daily) -> None:
        """Raises SettingsError."""
        self.summary = Summary()
        self.daily = daily
        self._policies = policies
        self._now = 0.0
        self._ticked = 0.0
        self._later = False
        self._found: list[Line] = []
        self._runner = asyncio.Runner()
        self._store = MemoryStore(lambda: self._now)
        metrics = Metrics()
        rules = live_rules(None, metrics, load=lambda _: ruleset)
        self._classifier: Function = Classifier(read(ClassifierSettings, environ), metrics, rules)
        self._correlator = new(
            environ, metrics, store=self._store, publisher=_Broker(daily), rules=policies, heard=self._heard
        )
        for function in (self._classifier, self._correlator):
            self._runner.run(function.start())

    def lines(self, found: Iterable[Result]) -> Iterator[Line | Unreadable]:
        """Yield decisions as they are made, and Unreadable in the place of what is no observation."""
        for item in found:
            if isinstance(item, Unreadable):
                self.summary.unreadable += 1
                yield item
            else:
                yield from self._after(self._see(item))
        if self.summary.last is not None:
            yield from self._after(self._until(self._now + TAIL))
            self._later = True
            self.daily.stop()
            yield from self._after(self._until(self._now + LATER))

    def close(self) -> None:
        """End the functions."""
        for function in (self._classifier, self._correlator):
            self._runner.run(function.stop())
        self._runner.close()

    def _after(self, work: Any) -> list[Line]:
        self._runner.run(work)
        found, self._found = self._found, []
        return found

    async def _see(self, seen: Observation) -> None:
        """Let time pass until an observation is sent, and hand it over."""
        summary, sent = self.summary, seen.received.timestamp()
        summary.observations += 1
        if summary.last is None:
            self._now = sent
            summary.first = seen.received
        elif sent < self._now - _LATE:
            summary.late += 1
        await self._until(max(sent, self._now))
        summary.last = datetime.fromtimestamp(self._now, UTC)
        event = CloudEvent(
            f"{seen.identity}.observed", "tidings/explain", OBSERVED, attributes.clean(seen.object.path),
            seen.received, data=observed_data(seen),
        )  # fmt: skip
        classified = await self._handle(self._classifier, event)
        if classified is None:
            summary.left_out += 1
            return
        self.daily.told(classified)
        reply = await self._handle(self._correlator, classified)
        if reply is not None:
            self.daily.told(reply)

    async def _until(self, time: float) -> None:
        """Let time pass, with a tick at each ten seconds at which something is due."""
        while (due := await self._next_due()) is not None:
            # Ticks that find nothing due do nothing, so that they need not be.
            at = max(ceil(due / EVERY), ceil(self._now / EVERY), int(self._ticked / EVERY) + 1) * float(EVERY)
            if at > time:
                break
            self._now = self._ticked = at
            now = datetime.fromtimestamp(at, UTC)
            await self._handle(self._correlator, CloudEvent(f"tick-{at:.0f}", "tidings/explain", TICK, time=now))
        self._now = max(self._now, time)

    async def _next_due(self) -> int | None:
        async for entry in self._store.scan(DUE, limit=1):
            return int(entry.key.split(".", 2)[1])
        return None

    async def _handle(self, function: Function, event: CloudEvent) -> CloudEvent | None:
        result = await function.handle(event, Call(asyncio.get_running_loop().time() + _SECONDS))
        if isinstance(result.outcome, Done | Duplicate | Ignored):
            return result.reply
        raise RuntimeError(f"{function.name}: {result.outcome}")  # nothing here can be refused or be away

    def _heard(self, before: Record, step: Step) -> None:
        now = datetime.fromtimestamp(self._now, UTC)
        for note in notes(before, step, self._policies, self._now):
            self.summary.count(note, later=self._later)
            self._found.append(Line(now, note, self._later))
