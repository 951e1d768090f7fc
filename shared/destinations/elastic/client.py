"""The client: creates documents together and says of each one what became of it."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from shared.delivery.bulk import Bulk, Part
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.again import again
from shared.destinations.answer import Answer
from shared.destinations.bucket import each_second
from shared.destinations.bulk_answers import Busy, Setup, TooLarge
from shared.destinations.elastic.answers import (
    BUSY,
    DESTINATION,
    POISON,
    TOO_LARGE,
    UNANSWERED,
    WRONG_INDEX,
    Items,
    Poison,
    judge,
)
from shared.destinations.elastic.credentials import authorization
from shared.destinations.elastic.record import identity_of
from shared.destinations.elastic.settings import ElasticSettings
from shared.destinations.finding import Finding
from shared.destinations.http import HELD, LIMITED, exchange, new_client
from shared.destinations.refusals import Refusals
from shared.events.outcome import Outcome, Rejected, Retry
from shared.telemetry.metrics import Metrics

BULK_PATH: Final = "/_bulk"
_WANTED = "errors,items.create._id,items.create.status"  # the rest of an answer is five times as much
_GZIP_FROM = 16 * 1024
_JSON, _LINES = "application/json", "application/x-ndjson"


class ElasticClient:
    """One cluster. Belongs to one event loop.

    The settings' seconds bound one request, from its first byte to the answer's last (F15, F16).
    """

    def __init__(self, settings: ElasticSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._client = new_client(
            settings.url,
            ca_file=settings.ca_file,
            tls_min=settings.tls_min,
            connections=settings.connections,
            told=self._address_refused,
            bucket=each_second(settings.events_per_second),
        )
        self._refusals = Refusals()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says."""
        from shared.destinations.elastic.check import check  # nobody else asks, and the arrow back would be a circle

        return await check(self, self._settings)

    def clocks(self) -> list[Finding]:
        """Return what `tidings doctor` says of the clocks, once there was an answer."""
        return self._client.clock.lines()

    async def send(self, records: Sequence[bytes]) -> list[Outcome]:
        """Create documents, each an action line and a source line; return one outcome for each, in order.

        A document that the cluster does not take is Rejected alone, one that it has already is Duplicate, and what it
        cannot take now is tried once more, alone (F18), then answered Retry: it comes again with the same `_id`.
        """
        call, rested = Bulk(records), False
        while (part := call.next()) is not None:
            judged = await self._post(call, part)
            if isinstance(judged, Items):
                busy = self._settle(call, part, judged)
                if busy and not rested and await self._again():
                    rested = True
                    call.push(busy)
                elif busy:
                    call.settle(busy, self._retry("busy", BUSY.reason))
            elif isinstance(judged, Busy):
                if rested or not judged.again or not await self._again():
                    call.give_up(self._retry("busy", judged.reason, judged.after))
                    break
                rested = True
                call.push(part) if len(part) == 1 or not judged.halve else call.split(part, BUSY)
            elif isinstance(judged, Poison | TooLarge):
                call.split(part, POISON if isinstance(judged, Poison) else TOO_LARGE)
            else:
                call.give_up(judged)
        return call.outcomes()

    async def request(
        self, method: str, path: str, content: bytes = b"", *, seconds: float, documents: int = 0
    ) -> Answer | Temporary | Ambiguous | Refused:
        """Send one request with the credentials as they are now; for the check as well, which sends no `documents`."""
        credentials = authorization(self._settings)
        if credentials is None:
            without = Temporary("the credentials' file cannot be read, or holds none")
            self._client.standing.failed(without.reason)
            return without
        headers = {"authorization": credentials, "accept": _JSON}
        if content:
            headers["content-type"] = _LINES if documents else _JSON
        if len(content) >= _GZIP_FROM:
            content = gzip.compress(content, 1)
            headers["content-encoding"] = "gzip"
        request = self._client.build_request(method, path, content=content, headers=headers)
        return await exchange(self._client, request, seconds=seconds, tokens=documents)

    async def _again(self) -> bool:
        return await again(self._client, self._metrics, DESTINATION)

    async def _post(self, call: Bulk, part: Part) -> Items | Busy | Poison | TooLarge | Retry | Rejected:
        """Post a part of a call; what ends the whole of it comes back as its outcome."""
        credentials = authorization(self._settings)
        if self._refusals.holds(credentials):
            return replace(self._retry("authentication", "the credentials are refused"), refused=True)
        call.calls += 1
        content = call.content(part) + b"\n"
        path = f"{BULK_PATH}?filter_path={_WANTED}"
        answer = await self.request("POST", path, content, seconds=self._settings.seconds, documents=len(part))
        if isinstance(answer, Refused):
            return Rejected(DESTINATION, answer.reason)
        if isinstance(answer, Temporary):
            held = answer.reason in {HELD, LIMITED}
            return self._retry("held back" if held else "unreachable", answer.reason, answer.after)
        if isinstance(answer, Ambiguous):
            return self._retry("no answer", answer.reason)
        judged = judge(answer)
        if not isinstance(judged, Setup):
            return judged
        if judged.authentication:
            self._metrics.count("tidings_auth_failures_total", destination=DESTINATION)
            self._refusals.note(credentials)
        retry = self._retry("authentication" if judged.authentication else "settings", judged.reason)
        return replace(retry, refused=judged.authentication)

    def _settle(self, call: Bulk, part: Part, items: Items) -> list[int]:
        """Take note of what became of each document, by its `_id`: with an ingest pipeline they come in any order.

        Returns the places of those that may be taken in a moment.
        """
        busy: list[int] = []
        for place in part:
            outcome = items.outcomes.get(identity_of(call.records[place]), UNANSWERED)
            if outcome is BUSY:
                busy.append(place)
                continue
            if outcome is WRONG_INDEX or outcome is UNANSWERED:
                self._retry("wrong index" if outcome is WRONG_INDEX else "no answer", "")
            call.settle((place,), outcome)
        return busy

    def _retry(self, reason: str, text: str, after: float | None = None) -> Retry:
        """Count why something comes again, and return the outcome that says so."""
        self._metrics.count("tidings_retries_total", destination=DESTINATION, reason=reason)
        return Retry(text, after)

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=DESTINATION, why=why)
