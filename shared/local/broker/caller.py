"""Call a subscriber: over HTTP as the Kafka dispatcher does, or a function of this very process without encoding."""

from typing import Literal, Protocol

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_binary, encode_structured
from shared.local.broker.answer import Answer
from shared.runtime.asgi import error_body
from shared.runtime.edge import Edge, status_of


class Caller(Protocol):
    """Where a Trigger's events go."""

    @property
    def seconds(self) -> float:
        """Return the longest that a call takes by itself, infinite where it has no bound of its own."""

    async def call(self, event: CloudEvent, namespace: str) -> Answer | Literal["no answer"]:
        """Hand over one event of a Trigger in this namespace, and return the answer.

        The broker limits the time. Raises nothing but cancellation.
        """


class EdgeCaller:
    """A function of this process: the same edge as on a cluster, bounded, timed and counted, but without a request.

    What it is given is the decoded event itself, so it must leave it as it is, as events are left everywhere. Its reply
    becomes the bytes that are stored, and goes on as the event that it is: what functions put into `data` is JSON.
    """

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.seconds = edge.seconds

    async def call(self, event: CloudEvent, namespace: str) -> Answer:  # noqa: ARG002 - functions do not look at it
        """Hand over one event."""
        result = await self._edge.dispatch(event)
        status, headers, error = status_of(result.outcome)
        if error:
            return Answer(status, dict(headers), error_body(error))
        if result.reply is None:
            return Answer(status)
        reply_headers, body = encode_structured(result.reply)
        return Answer(200, dict(reply_headers), body, reply=result.reply)


def request_of(event: CloudEvent, namespace: str) -> tuple[list[tuple[str, str]], bytes]:
    """Return the request's headers and body as the Kafka dispatcher sends them (reference/knative.md §4)."""
    headers, body = encode_binary(event)
    return [*headers, ("prefer", "reply"), ("kn-namespace", namespace)], body
