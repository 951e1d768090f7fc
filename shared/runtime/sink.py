"""Publish events to the broker over HTTP: K_SINK, as a Knative SinkBinding sets it.

With Knative's OIDC on, a SinkBinding also mounts a token for the broker at /oidc/token and renews it
(reference/knative.md §6); where there is none, none is sent.
"""

from pathlib import Path

from shared.destinations.http import Answer, Client, exchange, is_token, new_client
from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_structured
from shared.settings.environment import Secret

_ACCEPTED = range(200, 300)
_SECONDS = 10.0
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
        try:
            token = self._token.value()
        except FileNotFoundError:
            token = ""
        except OSError:
            return False  # it is being renewed: the event comes again
        if not is_token(token):
            return False
        authorization = {"authorization": f"Bearer {token}"} if token else {}
        if self._client is None:
            self._client = new_client(self._url, ca_file=self._ca_file)
        headers, body = encode_structured(event)
        request = self._client.build_request(
            "POST", self._url, headers={**dict(headers), **authorization}, content=body
        )
        answer = await exchange(self._client, request, seconds=self._seconds)
        return isinstance(answer, Answer) and answer.status in _ACCEPTED

    async def close(self) -> None:
        """Close the connections; the next event opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
