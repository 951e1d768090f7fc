"""Publish events to the broker over HTTP: K_SINK, as a Knative SinkBinding sets it.

With Knative's OIDC on, a SinkBinding also mounts a token for the broker at /oidc/token and renews it
(reference/knative.md §6); where there is none, none is sent.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.destinations.answer import Answer
from shared.destinations.http import Client, exchange, new_client
from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_structured
from shared.runtime.handover import Acceptance
from shared.settings.environment import Secret
from shared.settings.http import is_token

_ACCEPTED = range(200, 300)
_REFUSED: dict[int, Acceptance] = {400: "invalid", 413: "too large", 415: "invalid", 422: "invalid"}
_SECONDS = 10.0
_AT_ONCE = 16
_TOKEN = Path("/oidc/token")


class HttpPublisher:
    """A Publisher that posts to one URL, inside the cluster: plain http is what a Knative broker's ingress speaks."""

    def __init__(
        self, url: str, *, ca_file: str | None = None, seconds: float = _SECONDS, token: Path = _TOKEN
    ) -> None:
        self._url = url
        self._seconds = seconds
        self._ca_file = ca_file
        self._token = Secret(path=token)
        self._client: Client | None = None

    async def publish(self, event: CloudEvent) -> bool:
        """Post one event; True once the broker answered with 2xx."""
        return await self._post(event) == "accepted"

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        """Post events one by one, some at a time; after the first that is not accepted no more are begun.

        A broker that answers once its record is durable, as Kafka's does with acks=all, has no commit for several.
        """
        waiting = iter(events)
        ended = await asyncio.gather(*(self._post_each(waiting) for _ in range(min(_AT_ONCE, len(events)))))
        return next((found for found in ended if found != "accepted"), "accepted")

    async def _post_each(self, waiting: Iterator[CloudEvent]) -> Acceptance:
        for event in waiting:
            found = await self._post(event)
            if found != "accepted":
                for _ in waiting:  # the others shall begin none any more
                    pass
                return found
        return "accepted"

    async def _post(self, event: CloudEvent) -> Acceptance:
        try:
            token = self._token.value()
        except FileNotFoundError:
            token = ""
        except OSError:
            return "full"  # it is being renewed: the event comes again
        if not is_token(token):
            return "full"
        authorization = {"authorization": f"Bearer {token}"} if token else {}
        if self._client is None:
            self._client = new_client(self._url, ca_file=self._ca_file)
        headers, body = encode_structured(event)
        request = self._client.build_request(
            "POST", self._url, headers={**dict(headers), **authorization}, content=body
        )
        answer = await exchange(self._client, request, seconds=self._seconds)
        if not isinstance(answer, Answer):
            return "full"
        return "accepted" if answer.status in _ACCEPTED else _REFUSED.get(answer.status, "full")

    async def close(self) -> None:
        """Close the connections; the next event opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
