"""The requests of producers: read, cut, decoded and handed over, batch by batch, and answered once that is durable."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qs

from functions.intake.body import Incoming, RefusedError, inflated, pieces
from functions.intake.items import Reader
from functions.intake.paths import Path, path_of
from functions.intake.work import BATCH_BYTES, Work
from shared.events.json_items import Cutter, Lines
from shared.events.limits import Limits
from shared.runtime.asgi import (
    ClientDisconnectedError,
    HeaderList,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    discard,
    may_send,
)
from shared.runtime.handover import Handover
from shared.runtime.ingress import ingest
from shared.runtime.request import Refusal, head_of, reason_of
from shared.sources.context import Context, name_text
from shared.sources.fields import Fields
from shared.telemetry.metrics import Metrics

NAME = "intake"
_MOST_BYTES = 8 * 1024 * 1024  # that all requests hold together: beyond it they shall come again
_LEAST_BYTES = 32 * 1024
_LIKELY = 20  # times that gzip makes a body larger as a rule; what makes more of itself holds five times that at most
_SECONDS = 22.0  # that a body may take in all
_DISCARDED = 20 * 1024 * 1024
_GZIP = frozenset({"identity", "gzip"})
_LINES = ("ndjson", "jsonl", "json-lines", "jsonlines")
_UNAVAILABLE = 503
_FULL = Refusal(_UNAVAILABLE, "too much at once")


class Requests:
    """Takes what producers post. `cluster` is the name where neither the address nor the payload has one."""

    def __init__(self, handover: Handover, metrics: Metrics, cluster: str, fields: Mapping[str, Fields]) -> None:
        self._handover = handover
        self._metrics = metrics
        self._cluster = cluster
        self._fields = fields
        self._held = 0

    def takes(self, method: str, path: str) -> bool:
        """Return True for `POST /`, and whatever comes for `/PATH` and `/PATH/SECRET`."""
        return (path == "/" and method == "POST") or path_of(path) is not None

    async def serve(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Answer one such request."""
        found = path_of(path)
        if found is None:
            await ingest(scope, receive, send, broker=self._handover, metrics=self._metrics)
            return
        incoming = Incoming(receive)
        try:
            await self._admitted(scope, incoming, found)
        except ClientDisconnectedError:
            return
        except RefusedError as error:
            await self._refuse(incoming, send, error.refusal, found)
            return
        await answer(send, found.accepted)

    async def _admitted(self, scope: Scope, receive: Receive, path: Path) -> None:
        """Take a request whose head allows it, while there is room for what it holds at a time."""
        if scope["method"] not in {"POST", "PUT"}:
            raise RefusedError(Refusal(405, "this path takes POST"))
        headers = head_of(scope, Limits(body=path.body), _GZIP)
        if isinstance(headers, Refusal):
            raise RefusedError(headers)
        weight = _weight(headers)
        if self._held + weight > _MOST_BYTES:
            raise RefusedError(_FULL)
        self._held += weight
        try:
            await self._taken(scope, headers, receive, path)
        finally:
            self._held -= weight

    async def _taken(self, scope: Scope, headers: dict[str, str], receive: Receive, path: Path) -> None:
        body = pieces(receive, path.body, asyncio.get_running_loop().time() + _SECONDS)
        if headers.get("content-encoding", "identity").lower() == "gzip":
            body = inflated(body, path.body)
        named = name_text(parse_qs(scope.get("query_string", b"").decode("latin-1")).get("cluster", [""])[0])
        context = Context((named or self._cluster)[:256], datetime.now(UTC), named=bool(named))
        media = headers.get("content-type", "").lower()
        cutter = Lines(path.item) if any(word in media for word in _LINES) else Cutter(path.item)
        reader = Reader(path, context, self._fields.get(path.name), partial(may_send, scope))
        await Work(body, cutter, reader, self._handover, self._metrics).run()

    async def _refuse(self, incoming: Incoming, send: Send, refusal: Refusal, path: Path) -> None:
        self._metrics.count("tidings_requests_refused_total", function=NAME, reason=reason_of(refusal.status))
        rest = not incoming.complete  # of the body: read and forgotten, or the sender would not see the answer
        if rest:
            await discard(incoming, _DISCARDED, 1.0)
        full = refusal.status == _UNAVAILABLE
        headers: HeaderList = [
            *([("connection", "close")] if rest else []),
            *([("retry-after", "1")] if full else []),
        ]
        await answer_error(send, path.full if full else refusal.status, refusal.reason, headers)


def _weight(headers: Mapping[str, str]) -> int:
    """Return the bytes that a request may hold at a time; a small one takes room by being there."""
    declared = int(headers.get("content-length", BATCH_BYTES))
    return max(_LEAST_BYTES, min(declared * (_LIKELY if "content-encoding" in headers else 1), BATCH_BYTES))
