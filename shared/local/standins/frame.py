"""What both stand-ins share: ASGI in and out, the scripted faults, and the control paths below `/_standin`."""

import asyncio
import gzip
import io
import json
import socket
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from shared.local.standins.faults import Faults, Logged, Rule, dump, parse_rules
from shared.runtime.asgi import Receive, Scope, Send

CONTROL = "/_standin/"
_MAX_BODY = 1 << 30
_MAX_INFLATED = 64 * 1024 * 1024
_LONGEST_HANG = 600.0
_PAGE = b"<!DOCTYPE html><html><head><title>Please wait</title></head><body>This is not the API.</body></html>"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is below the prefix that the app is mounted at, `base` is the URL of that prefix."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    base: str

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def target(self) -> str:
        """The path and the query, as fault rules see it."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json;charset=UTF-8"
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Response]
Namer = Callable[[Request], str]


def json_response(status: int, value: object, headers: dict[str, str] | None = None) -> Response:
    """Return an answer with a JSON body."""
    return Response(status, json.dumps(value, ensure_ascii=False).encode(), headers=headers or {})


def html_page() -> Response:
    """Return what a hibernating or half-started system shows: a page, with status 200."""
    return Response(200, _PAGE, "text/html;charset=UTF-8")


def inflate(body: bytes) -> bytes | None:
    """Return the gunzipped body, or None where it is no gzip or too large."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            data = stream.read(_MAX_INFLATED + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return data if len(data) <= _MAX_INFLATED else None


class Frame:
    """The ASGI app around a stand-in's handler.

    `handler` answers requests, `control` the stand-in's own paths below `/_standin/`, and `name` says which operation a
    request is, for fault rules and for the log.
    """

    def __init__(self, handler: Handler, control: Handler, name: Namer, faults: Faults) -> None:
        self._handler = handler
        self._control = control
        self._name = name
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request is None:
            return
        if request.path.startswith(CONTROL):
            await _send(send, self._serve_control(request))
            return
        operation = self._name(request)
        entry = self._faults.log(request.method, request.target, operation, request.body)
        rule = self._faults.take(request.method, request.target, operation)
        if rule is None:
            await _answer(send, entry, self._handler(request))
            return
        entry.fault = rule.do
        await self._strike(rule, request, entry, receive, send)

    async def _strike(self, rule: Rule, request: Request, entry: Logged, receive: Receive, send: Send) -> None:
        if rule.do in {"status", "body", "html"}:
            await _answer(send, entry, scripted(rule))
            return
        if rule.do == "delay":
            await asyncio.sleep(rule.seconds)
        answer = None if rule.do in {"hang", "reset", "close"} else self._handler(request)
        if rule.do == "commit-then-delay":
            await asyncio.sleep(rule.seconds)
        if rule.do in {"hang", "commit-then-time-out"}:
            await _hang(receive, rule.seconds)
        elif rule.do in {"reset", "commit-then-reset"}:
            await _reset(receive)
        elif rule.do in {"close", "commit-then-close"}:
            await _reset(receive, rst=False)
        elif rule.do == "commit-then-status":
            await _answer(send, entry, scripted(rule))
        elif answer is not None:
            entry.status = answer.status
            if rule.do == "slow-bytes":
                await _trickle(send, receive, answer, rule.seconds)
            else:
                await _send(send, answer)

    def _serve_control(self, request: Request) -> Response:
        what = request.path.removeprefix(CONTROL)
        if request.method == "PUT" and what == "faults":
            try:
                self._faults.set(parse_rules(request.body))
            except ValueError as error:
                return json_response(400, {"error": str(error)})
            return Response(204)
        if request.method == "DELETE" and what in {"faults", "requests"}:
            (self._faults.clear if what == "faults" else self._faults.forget)()
            return Response(204)
        if request.method == "GET" and what in {"faults", "requests"}:
            return Response(200, dump(self._faults.rules if what == "faults" else self._faults.requests))
        return self._control(request)


def scripted(rule: Rule) -> Response:
    """Return the answer that a rule has of its own."""
    if rule.do == "html":
        return html_page()
    status = 200 if rule.do == "body" and rule.status == Rule("body").status else rule.status
    return Response(status, rule.body.encode(), headers=dict(rule.headers))


async def _answer(send: Send, entry: Logged, response: Response) -> None:
    entry.status = response.status
    await _send(send, response)


async def _read(scope: Scope, receive: Receive) -> Request | None:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if not message.get("more_body", False) or size > _MAX_BODY:
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    root = scope.get("root_path", "")
    path = scope["path"]
    below = path[len(root) :] if root and path.startswith(root) else path
    host = headers.get("host", "localhost")
    base = f"{scope.get('scheme', 'http')}://{host}{root}"
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], below or "/", query, headers, b"".join(chunks), base)


async def _send(send: Send, response: Response) -> None:
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.body})


async def _trickle(send: Send, receive: Receive, response: Response, every: float) -> None:
    """Send one byte each `every` seconds, until the client has had enough."""
    await send(_start(response))
    for position in range(len(response.body)):
        part = response.body[position : position + 1]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        try:
            async with asyncio.timeout(every):
                if (await receive())["type"] == "http.disconnect":
                    return
        except TimeoutError:
            continue
    await send({"type": "http.response.body", "body": b""})


def _start(response: Response) -> dict[str, Any]:
    headers = {"content-length": str(len(response.body)), **{k.lower(): v for k, v in response.headers.items()}}
    if response.body:
        headers.setdefault("content-type", response.content_type)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": response.status, "headers": raw}


async def _hang(receive: Receive, seconds: float) -> None:
    """Say nothing until the client goes, or `seconds` have passed; then break the connection."""
    limit = seconds if seconds > Rule("hang").seconds else _LONGEST_HANG
    try:
        async with asyncio.timeout(limit):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        await _reset(receive)


async def _reset(receive: Receive, *, rst: bool = True) -> None:
    """Break the TCP connection, with RST or else with FIN: the client has no answer, and no way to know what happened.

    ASGI knows no such thing; uvicorn's `receive` belongs to the cycle that holds the transport. Where there is none
    (another server, in process) an error stands for it.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("scripted reset")
    if transport.is_closing():
        return  # the client was first
    if rst:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
