"""The webhook function: an episode, an observation or a delivery report in, one request out.

Episodes are told once each revision, in their order, and reported; what else comes is told once by its identity.
"""

import asyncio
from collections.abc import Mapping as Members
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from functions.webhook.notices import (
    NAME,
    Notice,
    Requests,
    Subject,
    Target,
    of_observation,
    of_report,
)
from functions.webhook.settings import MAPPING, NoticeSettings
from shared.delivery.claim import Memory
from shared.delivery.claims import Claims
from shared.delivery.delivered import MARGIN
from shared.delivery.mapping import Mapping
from shared.delivery.notices import Notices, first, key_of, outcome_of
from shared.delivery.plan import note_of, told_as
from shared.delivery.preview import Preview
from shared.delivery.recent import Recent
from shared.delivery.report import report_of
from shared.delivery.telling import context_of
from shared.destinations.finding import Finding
from shared.destinations.webhook.client import WebhookClient, shown
from shared.destinations.webhook.record import prepared
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import Done, Ignored, Outcome, Rejected, Retry
from shared.events.said import said_by
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.mappings import opened_mapping
from shared.runtime.measured import count
from shared.runtime.ticketing import kept_in
from shared.runtime.turns import Turns
from shared.settings.environment import Environ, read
from shared.start.later import later
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

_TOLD: Final = frozenset({Episode, Classified, DeliveryReport})
_REMEMBERED: Final = 20_000  # keys of observations and reports: about 3 MB
_NOT_STARTED: Final = Retry("not started")


class Webhook:
    """The function. A store that it was given is not its to close."""

    name = NAME

    def __init__(
        self, settings: NoticeSettings, mapping: Mapping, store: Store, metrics: Metrics, *, owned: bool
    ) -> None:
        self._settings = settings
        self._places = settings.places()
        self._mapping = mapping
        self._store = store
        self._metrics = metrics
        self._owned = owned
        self._claims = None if settings.idempotent else Claims(store, NAME, metrics)
        self._requests = Requests(mapping)
        self._recent = Recent(_REMEMBERED)
        self._turns = Turns()
        self._client: WebhookClient | None = None
        self._target: Target | None = None
        self._notices: Notices | None = None
        self._under_way = 0
        self._idle = asyncio.Event()

    async def start(self) -> None:
        """Build the client. Raises SettingsError for a CA file that cannot be used."""
        self._client = WebhookClient(self._settings, self._metrics, NAME)
        self._target = Target(self._requests, self._client, self._places)
        self._notices = Notices(NAME, self._target, self._claims)
        later(self._mapping.prepare)

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Tell the target of one event; Done means that it was taken."""
        self._under_way += 1
        try:
            return await self._handle(event, call)
        finally:
            self._under_way -= 1
            self._idle.set()

    async def _handle(self, event: CloudEvent, call: Call) -> Result:
        try:
            subject = said_by(event, _TOLD)
        except ValidationError:
            return Result(Rejected("decode", "the data is not what the event's type says"))
        if isinstance(subject, Episode):
            return await self._episode(subject, event, call)
        if isinstance(subject, Classified):
            return await self._observation(subject, call)
        if isinstance(subject, DeliveryReport):
            return await self._report(subject, call)
        return self._dropped("nothing that a webhook is told of")

    def readiness(self) -> Readiness:
        """Return ready once started: a target that is down is the broker's to wait for."""
        return Readiness() if self._notices is not None else Readiness(("not started",))

    async def stop(self) -> None:
        """Finish what is under way, then close what `new` opened and `start` connected."""
        client, self._client = self._client, None
        self._target = self._notices = None
        while self._under_way:
            self._idle.clear()
            await self._idle.wait()
        if client is not None:
            await client.close()
        if self._owned:
            await self._store.close()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says: lines for people, each with whether it is good. Raises SettingsError."""
        from shared.destinations.webhook.check import check  # nobody else asks

        client = WebhookClient(self._settings, self._metrics, NAME)
        try:
            return await check(client, self._settings.tls_min)
        finally:
            await client.close()

    def preview(self, subject: Subject, told: Memory | None = None) -> list[Preview] | Rejected:
        """Return the request that the subject would cause where that much was told of it before. No I/O."""
        noted = False
        if isinstance(subject, Episode):
            by_key = self._claims is None and told is None
            operation = first(subject) if by_key else told_as(subject, told or Memory(), in_doubt=told is None)
            if not subject.ticket or isinstance(operation, Ignored):
                return []
            known = told or Memory()
            noted = known.noted == note_of(subject)
            notice = Notice(operation, context_of(subject, known.told, self._places), key_of(subject))
        else:
            notice = of_observation(subject) if isinstance(subject, Classified) else of_report(subject)
        if self._requests.skips(notice.operation, notice.context, noted=noted):
            return []
        request = self._requests.make(notice.operation, notice.context)
        if isinstance(request, Rejected):
            return request
        headers = {**request.headers, self._settings.key_header: notice.key}
        url = shown(self._settings.url.value(), request.path)
        return [Preview(NAME, request.method, url, request.body, headers)]

    async def _episode(self, episode: Episode, event: CloudEvent, call: Call) -> Result:
        notices = self._notices
        if notices is None:
            return Result(_NOT_STARTED)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async with self._turns.of(episode.id):
            delivered = await notices.deliver(episode, call.deadline)
        memory = delivered.memory
        operation = memory.operation if memory is not None else first(episode)
        since = episode.resolved or episode.last_seen
        self._measure(delivered.outcome, operation, loop.time() - begun, since)
        return Result(delivered.outcome, report_of(delivered, episode, NAME, event))

    async def _observation(self, classified: Classified, call: Call) -> Result:
        return await self._once(of_observation(classified), classified.observation.received, call)

    async def _report(self, report: DeliveryReport, call: Call) -> Result:
        if report.destination == NAME:  # telling of it would make another one, without end
            return self._dropped("a report of its own")
        return await self._once(of_report(report), report.time, call)

    async def _once(self, notice: Notice, since: datetime, call: Call) -> Result:
        """Tell of what has no revisions: once by its key, as far as this process remembers."""
        target = self._target
        if target is None:
            return Result(_NOT_STARTED)
        if skip := self._requests.skips(notice.operation, notice.context):
            return self._dropped(skip.why)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        outcome = await self._recent.once(notice.key, lambda: _sent(target, notice, call.deadline))
        self._measure(outcome, "record", loop.time() - begun, since)
        return Result(outcome)

    def _dropped(self, why: str) -> Result:
        self._metrics.count("tidings_dropped_total", function=NAME, reason="not_ours", intentional="true")
        return Result(Ignored(why))

    def _measure(self, outcome: Outcome, operation: str, seconds: float, since: datetime) -> None:
        count(self._metrics, NAME, operation, outcome, since)
        self._metrics.observe("tidings_delivery_duration_seconds", seconds, destination=NAME)


async def _sent(target: Target, notice: Notice, deadline: float) -> Outcome:
    left = deadline - asyncio.get_running_loop().time() - MARGIN
    if left <= 0:
        return Retry("no time left")
    said = await target.send(notice, left)
    return Done() if isinstance(said, Members) else outcome_of(NAME, said)


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None) -> Webhook:
    """Build the function from the environment; files are read, nothing is sent. Raises SettingsError.

    `store` replaces the one of `STORE_URL`.
    """
    settings = read(NoticeSettings, environ)
    mapping = opened_mapping("WEBHOOK_MAPPING", settings.mapping, shipped=MAPPING, keys=settings.pseudonym_keys)
    kept, owned = kept_in(settings.store, environ, store)
    return Webhook(settings, prepared(mapping), kept, metrics, owned=owned)
