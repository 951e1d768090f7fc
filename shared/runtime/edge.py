"""The HTTP edge of every function: limit, decode, dispatch, and the outcome as a status that the broker understands.

Every host serves this same ASGI app; architecture.md §5 has the table of status codes.
"""

import asyncio
import logging
from typing import NamedTuple

from shared.events.cloudevent import PROBE, CloudEvent
from shared.events.codec import NotAnEvent, decode, encode_structured
from shared.events.echo import VIA, is_echo, onward
from shared.events.limits import DEFAULT, Limits
from shared.events.outcome import LABELS, Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.events.versions import REFUSED, is_unread
from shared.runtime.asgi import (
    HeaderList,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    answer_json,
    flat_headers,
    may_send,
)
from shared.runtime.function import Call, Function, Requests, Result
from shared.runtime.request import Refusal, read_request, reason_of
from shared.telemetry.metrics import Metrics
from shared.waiting.deadline import Deadlines

log = logging.getLogger("tidings.edge")

_CLOSE: HeaderList = (("connection", "close"),)
_LIVENESS = frozenset({"/health", "/health/liveness"})
_READINESS = frozenset({"/ready", "/health/readiness"})


class EdgeSettings(NamedTuple):
    """`seconds` a request may take in all, `body_seconds` its body may take to arrive, `in_flight` at once."""

    limits: Limits = DEFAULT
    seconds: float = 22.0
    body_seconds: float = 10.0
    in_flight: int = 256


_DEFAULT = EdgeSettings()


class Edge:
    """The ASGI app that serves one function: `POST /`, health, metrics, and the lifespan that starts it.

    A host in the same process may hand over an event that it has decoded already, by `dispatch`: bounded, timed,
    answered and counted in the same way.
    """

    def __init__(self, function: Function, metrics: Metrics, settings: EdgeSettings = _DEFAULT) -> None:
        self._function = function
        self._requests: Requests | None = getattr(function, "requests", None)
        self._any_version: bool = getattr(function, "any_version", False)
        self.metrics = metrics
        self._settings = settings
        self._deadlines = Deadlines()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.seconds = settings.seconds
        name = function.name
        self._count_received = metrics.counter("tidings_events_received_total", function=name)
        self._observe_duration = metrics.histogram("tidings_request_duration_seconds", function=name)
        self._count_outcome = {
            kind: metrics.counter("tidings_events_total", function=name, outcome=word) for kind, word in LABELS.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope (ASGI 3)."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    def takes(self, method: str, path: str) -> bool:
        """Return True for requests that the function answers by itself, besides what a broker sends."""
        return self._requests is not None and self._requests.takes(method, path)

    async def dispatch(self, event: CloudEvent) -> Result:
        """Hand one decoded event to the function; never raises but for cancellation."""
        if self._in_flight >= self._settings.in_flight:
            self.metrics.count("tidings_requests_refused_total", function=self._function.name, reason="full")
            return Result(Retry("too many requests at once", after=1.0))
        started = self._begin()
        try:
            return await self._handled(event, started)
        finally:
            self._end(started)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._function.start()
        except Exception:
            log.exception("the function did not start", extra={"function": self._function.name})
            await send({"type": "lifespan.startup.failed", "message": "the function did not start; see the log"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._idle.wait()
        await self._function.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        method = scope["method"]
        if self._requests is not None and self._requests.takes(method, path):
            await self._served(self._requests, scope, receive, send, path)
        elif path == "/" and method == "POST":
            await self._bounded(scope, receive, send)
        elif method not in {"GET", "HEAD"}:
            await self._refuse(send, 405, "only POST / takes events")
        elif path in _LIVENESS:
            await answer_json(send, 200, {"status": "up", "function": self._function.name})
        elif path in _READINESS or path == "/":
            readiness = self._function.readiness()
            status = {"ready": readiness.ready, "problems": list(readiness.problems)}
            status |= {"notes": list(readiness.notes)} if readiness.notes else {}
            await answer_json(send, 200 if readiness.ready else 503, status)
        elif path == "/metrics":
            body, content_type = self.metrics.render(flat_headers(scope).get("accept", ""))
            await answer(send, 200, [("content-type", content_type)], body)
        else:
            # Never 404: to a broker that means "try again", and no wrong path becomes right by waiting.
            await self._refuse(send, 405, "there is nothing at this path")

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_flight >= self._settings.in_flight:
            await self._refuse(send, 503, "too many requests at once", [("retry-after", "1")])
            return
        started = self._begin()
        try:
            event = await self._read(scope, receive, send)
            if event is not None:
                await _answer_result(send, await self._handled(event, started))
        finally:
            self._end(started)

    async def _served(self, requests: Requests, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Let the function answer by itself: it has bounds of its own, and is waited for like any other at the end."""
        started = self._begin()
        try:
            await requests.serve(scope, receive, send, path)
        except Exception:
            log.exception("the function failed", extra={"function": self._function.name})
            await answer_error(send, 503, "internal error", [("retry-after", "1")])
        finally:
            self._end(started)

    def _begin(self) -> float:
        self._in_flight += 1
        self._idle.clear()
        return asyncio.get_running_loop().time()

    def _end(self, started: float) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()
        self._observe_duration(asyncio.get_running_loop().time() - started)

    async def _handled(self, event: CloudEvent, started: float) -> Result:
        self._count_received()
        name = self._function.name
        if PROBE in event.extensions:
            log.info("a probe arrived", extra={"function": name, "event_id": event.id})
        if is_echo(event.extensions, name):
            self.metrics.count("tidings_dropped_total", function=name, reason="echo", intentional="true")
            result = Result(Ignored("it has been through this function before"))
        elif is_unread(event.type) and not self._any_version:
            result = Result(REFUSED)
        else:
            result = await self._call(event, Call(started + self._settings.seconds))
            if result.reply is not None:
                reply = result.reply.with_extensions(**{VIA: onward(event.extensions, name)})
                result = Result(result.outcome, reply)
        self._count_outcome[type(result.outcome)]()
        return result

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> CloudEvent | None:
        limits = self._settings.limits
        received = await read_request(scope, receive, limits, self._settings.body_seconds)
        if received is None:
            return None
        if isinstance(received, Refusal):
            await self._refuse(send, received.status, received.reason, _CLOSE if received.close else ())
            return None
        event = decode(received.headers, received.body, limits)
        if isinstance(event, NotAnEvent):
            await self._refuse(send, event.status, event.reason)
            return None
        if not may_send(scope, event.source, event.type):
            await self._refuse(send, 403, "not allowed")
            return None
        return event

    async def _call(self, event: CloudEvent, call: Call) -> Result:
        try:
            return await self._deadlines.within(self._function.handle(event, call), call.deadline)
        except TimeoutError:
            return Result(Retry("the function did not end in time"))
        except Exception:
            # A bug of ours: the event is not lost, the broker tries again and then keeps it as a dead letter.
            log.exception("the function failed", extra={"function": self._function.name, "event_id": event.id})
            return Result(Retry("internal error"))

    async def _refuse(self, send: Send, status: int, reason: str, headers: HeaderList = ()) -> None:
        self.metrics.count("tidings_requests_refused_total", function=self._function.name, reason=reason_of(status))
        await answer_error(send, status, reason, headers)


def status_of(outcome: Outcome) -> tuple[int, HeaderList, str]:
    """Return status, headers and constant error text of an outcome: architecture.md §5 as a function."""
    match outcome:
        case Done() | Duplicate() | Ignored():
            return 204, (), ""
        case InProgress():
            return 409, (("retry-after", "1"),), "another replica is at it"
        case Retry(after=after):
            return 503, (("retry-after", str(max(1, round(after or 1)))),), "not now; come again"
        case Rejected(stage=stage, reason=reason):
            return 422, (("kne-stage", stage), ("kne-reason", reason)), "rejected"


async def _answer_result(send: Send, result: Result) -> None:
    status, headers, error = status_of(result.outcome)
    if error:
        await answer_error(send, status, error, headers)
    elif result.reply is None:
        await answer(send, status)
    else:
        reply_headers, body = encode_structured(result.reply)
        await answer(send, 200, reply_headers, body)
