"""The client: posts events together and says of each one what became of it."""

import asyncio
import gzip
import random
import uuid
from collections.abc import Sequence
from typing import Final

import orjson

from shared.delivery.bulk import Bulk, Part
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.bucket import each_second
from shared.destinations.http import HELD, LIMITED, Answer, exchange, is_token, new_client
from shared.destinations.refusals import Refusals
from shared.destinations.splunk.answers import (
    Accepted,
    Busy,
    Judged,
    Poison,
    Settled,
    Setup,
    TooLarge,
    WrongIndex,
    acknowledged,
    judge,
)
from shared.destinations.splunk.settings import SplunkSettings
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.telemetry.metrics import Metrics

DESTINATION: Final = "splunk"
EVENT_PATH: Final = "/services/collector/event"
ACK_PATH: Final = "/services/collector/ack"

_GZIP_FROM = 16 * 1024
_MAX_CALLS = 40  # for one batch: what bad events, splitting and second tries may cost together
_AGAIN = (0.1, 0.4)  # seconds before the one second try, drawn at random
_FIRST_POLL, _LAST_POLL = 0.05, 1.0

_POISON = Rejected(DESTINATION, "the event is not one that Splunk takes")
_TOO_LARGE = Rejected(DESTINATION, "the event is larger than Splunk takes")
_WRONG_INDEX = Retry("the token may not write to the index")


class SplunkClient:
    """One collector. Belongs to one event loop.

    The settings' seconds bound one request, from its first byte to the answer's last (F15, F16), and how long the
    acknowledgement of a batch is waited for.
    """

    def __init__(self, settings: SplunkSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._client = new_client(
            settings.url,
            ca_file=settings.ca_file,
            connections=settings.connections,
            told=self._address_refused,
            bucket=each_second(settings.events_per_second),
        )
        self._channel = str(uuid.uuid4())
        self._refusals = Refusals()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def check(self) -> list[tuple[bool, str]]:
        """Return what `tidings doctor` says."""
        from shared.destinations.splunk.check import check  # nobody else asks, and the arrow back would be a circle

        return await check(self, ack=self._settings.ack)

    async def send(self, events: Sequence[bytes]) -> list[Outcome]:
        """Post events, each one HEC object as JSON; return one outcome for each, in order.

        An event that the collector cannot take is Rejected alone and the rest is sent on (F58). What may have arrived
        without our knowing is answered Retry: it comes again with the same `event_id`.
        """
        batch = Bulk(events)
        while (part := batch.next()) is not None:
            if batch.calls >= _MAX_CALLS:
                batch.give_up(Retry("too many bad events in one batch"))
                break
            judged = await self._post(batch, part)
            if isinstance(judged, Accepted):
                batch.settle(part, await self._confirmed(judged))
            elif isinstance(judged, Poison):
                # With acknowledgement on, what came before the bad event was never confirmed: it goes again.
                batch.strike(part, judged.number, _POISON, keep_earlier=not self._settings.ack)
            elif isinstance(judged, WrongIndex):
                self._count("wrong index")
                batch.strike(part, judged.number, _WRONG_INDEX, keep_earlier=not self._settings.ack)
            elif isinstance(judged, TooLarge):
                batch.split(part, _TOO_LARGE)
            else:
                batch.give_up(judged)
        return batch.outcomes()

    async def post(
        self, path: str, content: bytes, *, seconds: float, events: int = 0
    ) -> Answer | Temporary | Ambiguous | Refused:
        """Send one request with the token as it is now; for the check and for acknowledgements as well.

        `events` is how many it holds, for the rate limit.
        """
        token = self._token()
        if token is None:
            without = Temporary("the token's file cannot be read, or holds no token")
            self._client.standing.failed(without.reason)
            return without
        headers = {"authorization": f"Splunk {token}", "content-type": "application/json"}
        if self._settings.ack:
            headers["x-splunk-request-channel"] = self._channel
        if len(content) >= _GZIP_FROM:
            content = gzip.compress(content, 1)
            headers["content-encoding"] = "gzip"
        request = self._client.build_request("POST", path, content=content, headers=headers)
        return await exchange(self._client, request, seconds=seconds, tokens=events)

    async def get(self, path: str, *, seconds: float) -> Answer | Temporary | Ambiguous | Refused:
        """Read a path without the token."""
        return await exchange(self._client, self._client.build_request("GET", path), seconds=seconds)

    async def _post(self, batch: Bulk, part: Part) -> Settled | Retry | Rejected:
        """Post a part of a batch, a second time where that may help; Busy and Setup come back as the outcome."""
        if self._refusals.holds(self._token()):
            self._count("authentication")
            return Retry("the token is refused")
        content = batch.content(part)
        for last in (False, True):
            batch.calls += 1
            answer = await self.post(EVENT_PATH, content, seconds=self._settings.seconds, events=len(part))
            if isinstance(answer, Refused):
                return Rejected(DESTINATION, answer.reason)
            if isinstance(answer, Temporary | Ambiguous):
                self._count(_why(answer))
                return Retry(answer.reason, answer.after if isinstance(answer, Temporary) else None)
            judged = judge(answer)
            if isinstance(judged, Busy) and judged.again and not last:
                await asyncio.sleep(random.uniform(*_AGAIN))  # noqa: S311 -- jitter, not a secret
                continue
            return self._waiting(judged)
        raise AssertionError("the last try always returns")

    def _waiting(self, judged: Judged) -> Settled | Retry:
        if isinstance(judged, Busy):
            self._count("busy")
            return Retry(judged.reason, judged.after)
        if isinstance(judged, Setup):
            if judged.authentication:
                self._metrics.count("tidings_auth_failures_total", destination=DESTINATION)
                self._refusals.note(self._token())
            self._count("authentication" if judged.authentication else "settings")
            return Retry(judged.reason)
        return judged

    def _token(self) -> str | None:
        try:
            token = self._settings.token.value()
        except OSError:
            return None
        return token if is_token(token) else None

    async def _confirmed(self, accepted: Accepted) -> Outcome:
        """Wait for the indexer's acknowledgement where it is asked for; `true` is told only once."""
        if not self._settings.ack:
            return Done()
        if accepted.ack is None:
            self._count("settings")
            return Retry("the collector promises no acknowledgement: is it on for the token?")
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.seconds
        pause = _FIRST_POLL
        question = orjson.dumps({"acks": [accepted.ack]})
        while (left := until - loop.time()) > 0:
            answer = await self.post(ACK_PATH, question, seconds=left)
            if isinstance(answer, Answer) and acknowledged(answer, accepted.ack):
                return Done()
            await asyncio.sleep(min(pause, max(0.0, until - loop.time())))
            pause = min(_LAST_POLL, pause * 2)
        self._count("unconfirmed")
        return Retry("not acknowledged in time")

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=DESTINATION, why=why)

    def _count(self, reason: str) -> None:
        self._metrics.count("tidings_retries_total", destination=DESTINATION, reason=reason)


def _why(failure: Temporary | Ambiguous) -> str:
    """Return the word for it in metrics."""
    if isinstance(failure, Ambiguous):
        return "no answer"
    return "held back" if failure.reason in {HELD, LIMITED} else "unreachable"
