"""The other way in: QRadar's HTTP Receiver, which answers, as syslog does not (reference/destinations.md §5.2).

One request holds a line for each event; its Message Pattern splits them again.
"""

from collections.abc import Sequence
from typing import Final

from shared.delivery.bulk import Bulk
from shared.delivery.failure import Ambiguous, Refused, Temporary
from shared.destinations.answer import Answer, retry_after
from shared.destinations.bucket import each_second
from shared.destinations.finding import Finding
from shared.destinations.http import exchange, new_client
from shared.destinations.qradar.client import DESTINATION
from shared.destinations.qradar.settings import QradarSettings
from shared.destinations.remedy import Remedy
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.telemetry.metrics import Metrics

_GOOD: Final = range(200, 300)
_WAIT: Final = frozenset({408, 425, 429})
_SETUP: Final = frozenset({401, 403, 404, 405})
_FAILING: Final = 500
_REFUSED: Final = Rejected(DESTINATION, "the receiver does not take the event")
_REMEDY: Final = Remedy("QRADAR_ADDRESS", "QRADAR_CA_FILE", "QRADAR_TLS_MIN")
_HEADERS: Final = {"content-type": "text/plain; charset=utf-8"}


class ReceiverClient:
    """One HTTP Receiver. Belongs to one event loop; the settings' seconds bound each request (F15, F16)."""

    def __init__(self, settings: QradarSettings, metrics: Metrics) -> None:
        """Raises OSError or ssl.SSLError for a CA file that cannot be used."""
        self._settings = settings
        self._metrics = metrics
        self._client = new_client(
            settings.address,
            ca_file=settings.ca_file,
            tls_min=settings.tls_min,
            told=self._address_refused,
            bucket=each_second(settings.events_per_second),
        )

    async def send(self, contents: Sequence[bytes]) -> list[Outcome]:
        """Post lines together and return one outcome for each; of a request that is refused each half goes alone."""
        batch = Bulk(contents)
        while (part := batch.next()) is not None:
            batch.calls += 1
            outcome = await self._posted(batch.content(part), len(part))
            if outcome is _REFUSED:
                batch.split(part, outcome)
                continue
            batch.settle(part, outcome)
            if isinstance(outcome, Retry):
                batch.give_up(outcome)  # the rest would fare no better now
        return batch.outcomes()

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says. Posts nothing."""
        allowed = _REMEDY.allowed(self._settings.tls_min)
        request = self._client.build_request("GET", "")
        answer = await exchange(self._client, request, seconds=self._settings.seconds)
        if not isinstance(answer, Answer):
            return [(False, f"cannot be reached: {_REMEDY.to(answer.reason)}"), *allowed]
        unseen = (None, "whether the HTTP Receiver takes events shows with the first")
        return [(True, "the HTTP Receiver can be reached"), unseen, *self._client.clock.lines(), *allowed]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _posted(self, content: bytes, events: int) -> Outcome:
        request = self._client.build_request("POST", "", content=content, headers=_HEADERS)
        answer = await exchange(self._client, request, seconds=self._settings.seconds, tokens=events)
        if isinstance(answer, Refused):
            return Rejected(DESTINATION, answer.reason)
        if isinstance(answer, Temporary | Ambiguous):
            self._count("unreachable" if isinstance(answer, Temporary) else "no answer")
            return Retry(answer.reason, answer.after if isinstance(answer, Temporary) else None)
        return self._judged(answer)

    def _judged(self, answer: Answer) -> Outcome:
        if answer.status in _GOOD and "html" not in answer.headers.get("content-type", ""):
            return Done()
        if answer.status in _GOOD or answer.status in _SETUP:
            self._count("settings")
            return Retry("the answer is not an HTTP Receiver's: check QRADAR_ADDRESS")
        if answer.status in _WAIT or answer.status >= _FAILING:
            self._count("busy")
            return Retry("the receiver is busy", retry_after(answer.headers))
        return _REFUSED

    def _address_refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination=DESTINATION, why=why)

    def _count(self, reason: str) -> None:
        self._metrics.count("tidings_retries_total", destination=DESTINATION, reason=reason)
