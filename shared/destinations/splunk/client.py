"""The client: posts records together, to one collector of several, and says of each what became of it."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple

from shared.delivery.bulk import Bulk, Part
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.bucket import each_second
from shared.destinations.bulk_answers import Busy, Setup, TooLarge
from shared.destinations.finding import Finding
from shared.destinations.http import HELD, LIMITED
from shared.destinations.splunk.answers import Accepted, Judged, Poison, Settled, WrongIndex, judge
from shared.destinations.splunk.collector import DESTINATION, Collector
from shared.destinations.splunk.raw import RawLine
from shared.destinations.splunk.settings import SplunkSettings
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.telemetry.metrics import Metrics

EVENT_PATH: Final = "/services/collector/event"

_OURS = 0.5  # of a request's seconds: how long it may wait for its turn by the rate limit

_POISON = Rejected(DESTINATION, "the event is not one that Splunk takes")
_TOO_LARGE = Rejected(DESTINATION, "the event is larger than Splunk takes")
_WRONG_INDEX = Retry("the token may not write to the index")
_REFUSED = "the token is refused"


class _Failed(NamedTuple):
    """What a collector did not take; `final` where another must not be asked, for it may have taken it."""

    outcome: Retry | Rejected
    final: bool = False


class SplunkClient:
    """The collectors of the settings. Belongs to one event loop.

    The settings' seconds bound one request, from its first byte to the answer's last (F15, F16), and how long the
    acknowledgement of a batch is waited for.
    """

    def __init__(self, settings: SplunkSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._collectors = [Collector(url, settings, metrics) for url in settings.urls]
        self._turns = count()
        self._rate = each_second(settings.events_per_second)

    async def close(self) -> None:
        """Close the connections."""
        for collector in self._collectors:
            await collector.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        from shared.destinations.splunk.check import check  # nobody else asks, and the arrow back would be a circle

        return await check(dict(zip(self._settings.urls, self._collectors, strict=True)), self._settings)

    async def send(self, records: Sequence[bytes]) -> list[Outcome]:
        """Post records, each one HEC object as JSON or a RawLine; return one outcome for each, in order.

        A record that the collector cannot take is Rejected alone and the rest is sent on (F58). What may have arrived
        without our knowing is answered Retry: it comes again with the same identity.
        """
        ways: dict[str, list[int]] = {}
        for place, record in enumerate(records):
            ways.setdefault(record.path if isinstance(record, RawLine) else EVENT_PATH, []).append(place)
        found = await asyncio.gather(
            *(self._sent(path, [records[place] for place in places]) for path, places in ways.items())
        )
        outcomes: dict[int, Outcome] = {}
        for places, some in zip(ways.values(), found, strict=True):
            outcomes.update(zip(places, some, strict=True))
        return [outcomes[place] for place in range(len(records))]

    async def _sent(self, path: str, records: Sequence[bytes]) -> list[Outcome]:
        """Post records of one path; return one outcome for each, in order."""
        batch = Bulk(records)
        while (part := batch.next()) is not None:
            found = await self._post(path, batch, part)
            if isinstance(found, Retry | Rejected):
                batch.give_up(found)
                continue
            collector, settled = found
            if isinstance(settled, Accepted):
                batch.settle(part, await self._confirmed(collector, settled))
            else:
                self._apart(path, batch, part, settled)
        return batch.outcomes()

    def _apart(self, path: str, batch: Bulk, part: Part, settled: Poison | WrongIndex | TooLarge) -> None:
        """Take out of a part what they did not take; what is left goes on."""
        # With acknowledgement on, what came before the bad event was never confirmed: it goes again.
        keep_earlier = not self._settings.ack
        if isinstance(settled, TooLarge):
            batch.split(part, _TOO_LARGE)
        elif isinstance(settled, Poison):
            batch.strike(part, settled.number, _POISON, keep_earlier=keep_earlier)
        else:
            self._count("wrong index")
            if path == EVENT_PATH:
                batch.strike(part, settled.number, _WRONG_INDEX, keep_earlier=keep_earlier)
            else:
                batch.settle(part, _WRONG_INDEX)  # it is that of the whole request

    async def _post(self, path: str, batch: Bulk, part: Part) -> tuple[Collector, Settled] | Retry | Rejected:
        """Post a part of a batch to the collectors in turn until one takes it; return that one and what it said."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.seconds
        wait = await self._rate.take(self._settings.seconds * _OURS, len(part))
        if wait:
            self._count("held back")
            return Retry(LIMITED, wait)
        content = batch.content(part)
        first: Retry | Rejected | None = None
        for collector in self._order():
            batch.calls += 1
            found = await self._asked(collector, path, content, until)
            if not isinstance(found, _Failed):
                return collector, found
            if found.final:
                return found.outcome
            if first is None or isinstance(first, Rejected):
                first = found.outcome  # while one may take it later, it is not rejected
        return first or Retry("no collector")

    def _order(self) -> list[Collector]:
        """Return whom to ask: another one first each time, those that can take nothing now last."""
        first = next(self._turns) % len(self._collectors)
        rotated = self._collectors[first:] + self._collectors[:first]
        return sorted(rotated, key=lambda one: not one.free)

    async def _asked(self, collector: Collector, path: str, content: bytes, until: float) -> Settled | _Failed:
        """Post to one collector; to the only one a second time where that may help."""
        if collector.refuses:
            self._count("authentication")
            return _Failed(Retry(_REFUSED, refused=True))
        loop = asyncio.get_running_loop()
        again = len(self._collectors) == 1
        while True:
            answer = await collector.post(path, content, seconds=until - loop.time())
            if isinstance(answer, Refused):
                return _Failed(Rejected(DESTINATION, answer.reason))
            if isinstance(answer, Temporary | Ambiguous):
                self._count(_why(answer))
                after = answer.after if isinstance(answer, Temporary) else None
                return _Failed(Retry(answer.reason, after), final=isinstance(answer, Ambiguous))
            judged = judge(answer)
            if not (again and isinstance(judged, Busy) and judged.again and await collector.again()):
                return self._waiting(collector, judged)
            again = False

    def _waiting(self, collector: Collector, judged: Judged) -> Settled | _Failed:
        if isinstance(judged, Busy):
            self._count("busy")
            return _Failed(Retry(judged.reason, judged.after))
        if isinstance(judged, Setup):
            if judged.authentication:
                collector.refused()
            self._count("authentication" if judged.authentication else "settings")
            return _Failed(Retry(judged.reason, refused=judged.authentication))
        return judged

    async def _confirmed(self, collector: Collector, accepted: Accepted) -> Outcome:
        """Wait for the acknowledgement of the collector that took them, where it is asked for."""
        if not self._settings.ack:
            return Done()
        if accepted.ack is None:
            self._count("settings")
            return Retry("the collector promises no acknowledgement: is it on for the token?")
        if await collector.confirms(accepted.ack):
            return Done()
        self._count("unconfirmed")
        return Retry("not acknowledged in time")

    def _count(self, reason: str) -> None:
        self._metrics.count("tidings_retries_total", destination=DESTINATION, reason=reason)


def _why(failure: Temporary | Ambiguous) -> str:
    """Return the word for it in metrics."""
    if isinstance(failure, Ambiguous):
        return "no answer"
    return "held back" if failure.reason in {HELD, LIMITED} else "unreachable"
