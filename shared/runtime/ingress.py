"""`POST /` of the embedded system and of `intake`: CloudEvents for the broker; 202 once they are durable."""

from shared.events.cloudevent import CloudEvent
from shared.events.codec import Headers, NotAnEvent, decode_batch
from shared.events.limits import DEFAULT
from shared.runtime.asgi import Receive, Scope, Send, answer, answer_error, may_send
from shared.runtime.handover import Handover
from shared.runtime.request import Refusal, read_request, reason_of
from shared.telemetry.metrics import Metrics

NAME = "ingress"
_BODY_SECONDS = 10.0
_PAYLOAD = "this is no CloudEvent: Kubernetes objects go to /events, payloads of other producers to their own paths"


async def ingest(scope: Scope, receive: Receive, send: Send, *, broker: Handover, metrics: Metrics) -> None:
    """Take one event or a batch, all of it or nothing; 503 where the broker cannot take it now, 413 where never."""
    received = await read_request(scope, receive, DEFAULT, _BODY_SECONDS)
    if received is None:
        return
    if isinstance(received, Refusal):
        await _refuse(send, metrics, received.status, received.reason, close=received.close)
        return
    decoded = decode_batch(received.headers, received.body)
    if isinstance(decoded, NotAnEvent):
        reason = decoded.reason if _says_event(received.headers) else _PAYLOAD
        await _refuse(send, metrics, decoded.status, reason)
        return
    events: list[CloudEvent] = []
    for item in decoded:
        if isinstance(item, NotAnEvent):
            await _refuse(send, metrics, item.status, f"one of the batch is refused: {item.reason}")
            return
        if not may_send(scope, item.source, item.type):
            await _refuse(send, metrics, 403, "not allowed")
            return
        events.append(item)
    metrics.count("tidings_events_received_total", len(events), function=NAME)
    match await broker.accept(events):
        case "accepted":
            await answer(send, 202)
        case "full":
            await answer_error(send, 503, "the broker cannot take it now", [("retry-after", "1")])
        case "too large":
            await _refuse(send, metrics, 413, "an event is larger than the broker takes")
        case "invalid":
            await _refuse(send, metrics, 400, "an event cannot be written as JSON")


def _says_event(headers: Headers) -> bool:
    """Return False for what does not even say that it is a CloudEvent: a payload, at the wrong path."""
    media = headers.get("content-type", "").lower()
    return media.startswith("application/cloudevents") or any(name.startswith("ce-") for name in headers)


async def _refuse(send: Send, metrics: Metrics, status: int, reason: str, *, close: bool = False) -> None:
    metrics.count("tidings_requests_refused_total", function=NAME, reason=reason_of(status))
    await answer_error(send, status, reason, [("connection", "close")] if close else ())
