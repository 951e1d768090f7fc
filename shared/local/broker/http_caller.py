"""Call a subscriber over HTTP: a Trigger whose subscriber is a `uri`, as a function that runs in its own process."""

from typing import Literal

from shared.delivery.failure import Refused
from shared.destinations.answer import Answer as Received
from shared.destinations.http import exchange, new_client
from shared.events.cloudevent import CloudEvent
from shared.local.broker.answer import Answer
from shared.local.broker.caller import request_of
from shared.telemetry.metrics import Metrics

_REDIRECT = Answer(302)  # which of them it was is not told; none is followed, so each is refused


class HttpCaller:
    """A subscriber by its URL. A connection that breaks, at whatever step, is no answer: the broker sends again."""

    def __init__(self, url: str, seconds: float, connections: int, metrics: Metrics) -> None:
        """`seconds` bounds one call as a whole; a Trigger's own time-out may be shorter.

        `connections` is what its Triggers may have in flight together, so that no request waits here for another one.
        """
        self._url = url
        self.seconds = seconds
        self._metrics = metrics
        self._client = new_client(url, connections=connections, told=self._refused)

    def _refused(self, why: str) -> None:
        self._metrics.count("tidings_addresses_refused_total", destination="subscriber", why=why)

    async def call(self, event: CloudEvent, namespace: str) -> Answer | Literal["no answer"]:
        """Send one event in binary mode and return the answer."""
        headers, body = request_of(event, namespace)
        request = self._client.build_request("POST", self._url, headers=headers, content=body)
        received = await exchange(self._client, request, seconds=self.seconds)
        if isinstance(received, Received):
            return Answer(received.status, received.headers, received.body)
        return _REDIRECT if isinstance(received, Refused) else "no answer"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
