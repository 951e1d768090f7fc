"""The Splunk stand-in: HTTP Event Collector with tokens, codes and indexer acknowledgement.

From reference/destinations.md §3. Events are durable before the answer; acknowledgements are, as in the original, only
in memory.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from shared.local.standins.faults import Faults
from shared.local.standins.frame import Frame, Request, Response, inflate, json_response
from shared.local.standins.splunk import page
from shared.local.standins.splunk.body import Bad, Stored, check, objects
from shared.local.standins.splunk.codes import reply
from shared.local.standins.splunk.store import Kept, Store
from shared.runtime.asgi import Receive, Scope, Send

_PATH = re.compile(r"/services/collector(?:/(?P<what>event|raw|ack|health)(?:/1\.0)?)?/?")
_BREAK = re.compile(rb"[\r\n]+")  # LINE_BREAKER of props.conf as it is shipped
_MAX_PENDING = 100_000
_MOST = 1_000_000_000
_SHOWN = 200
_BUSY = 9
_SHUTTING_DOWN = 23


@dataclass(frozen=True, slots=True)
class Token:
    """One HEC token: the indexes that it may write to, and whether it acknowledges."""

    value: str
    indexes: tuple[str, ...] = ("main", "k8s", "tidings")
    default_index: str = "main"
    ack: bool = False
    enabled: bool = True


TOKENS = (
    Token("tidings-hec-token"),
    Token("tidings-ack-token", ack=True),
    Token("tidings-disabled-token", enabled=False),
)


@dataclass(frozen=True, slots=True)
class Options:
    """How this collector is set up; may be replaced while it runs.

    `ack_after` is seconds from acceptance to the acknowledgement, None for never; `warn` is the code (24 or 25) that
    answers accepted events; `unhealthy` the code (18, 19, 20, 23) of a collector that takes nothing.
    """

    max_content_length: int = 838_860_800
    ack_after: float | None = 0.0
    warn: int | None = None
    unhealthy: int | None = None


@dataclass(slots=True)
class _Channel:
    next: int = 0
    pending: dict[int, float] = field(default_factory=dict)


class Splunk:
    """One collector: an ASGI app, and what it has stored."""

    def __init__(self, store: Store, tokens: tuple[Token, ...], options: Options, faults: Faults) -> None:
        self.options = options
        self.faults = faults
        self._store = store
        self._tokens = {token.value: token for token in tokens}
        self._channels: dict[tuple[str, str], _Channel] = {}
        self._frame = Frame(self._handle, self._control, operation, faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        await self._frame(scope, receive, send)

    def events(self, index: str = "") -> list[Kept]:
        """Return the stored events in order, of one index or of all."""
        return self._store.events(index)

    def event_ids(self) -> list[str]:
        """Return the `event_id` of every stored event, repeats included."""
        return self._store.event_ids()

    def count(self) -> int:
        """Return how many events are stored."""
        return self._store.count()

    def distinct(self) -> int:
        """Return how many different `event_id`s are stored."""
        return self._store.distinct()

    def lose_acknowledgements(self) -> None:
        """Forget every channel, as a restart of the original does."""
        self._channels.clear()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _handle(self, request: Request) -> Response:
        found = _PATH.fullmatch(request.path)
        if found is None:
            return self._elsewhere(request)
        what = found["what"] or "event"
        if what == "health":
            return self._health(request)
        if request.method != "POST":
            return json_response(405, {"text": "Method not allowed", "code": 405})
        token = self._authenticate(request)
        if isinstance(token, Response):
            return token
        if what == "ack":
            return self._acknowledged(request, token)
        return self._collect(request, token, raw=what == "raw")

    def _elsewhere(self, request: Request) -> Response:
        if request.path == "/" and request.method == "GET":
            return page.events_page(self._store.latest(_SHOWN), self.count())
        return json_response(404, {"text": "The requested URL was not found on this server.", "code": 404})

    def _authenticate(self, request: Request) -> Token | Response:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return reply(16) if "token" in request.query else reply(2)
        if scheme.lower() != "splunk" or not value.strip():
            return reply(3)
        token = self._known(value.strip())
        if token is None:
            return reply(4)
        return token if token.enabled else reply(1)

    def _known(self, value: str) -> Token | None:
        found = self._tokens.get(value)
        return found if found and secrets.compare_digest(found.value, value) else None

    def _health(self, request: Request) -> Response:
        if self.options.unhealthy is not None:
            return reply(self.options.unhealthy)
        _, _, value = request.headers.get("authorization", "").partition(" ")
        if value:
            token = self._known(value.strip())
            if token is None or not token.enabled:
                return reply(21 if token is None else 22)
        return reply(17)

    def _collect(self, request: Request, token: Token, *, raw: bool) -> Response:
        if len(request.body) > self.options.max_content_length:
            return json_response(413, {"text": "Content-Length is too large", "code": 413})
        if self.options.unhealthy is not None:
            return reply(_SHUTTING_DOWN if self.options.unhealthy == _SHUTTING_DOWN else _BUSY)
        channel = self._channel(request, token, wanted=raw)
        if isinstance(channel, Response):
            return channel
        gzipped = request.headers.get("content-encoding", "").lower() == "gzip"
        body = inflate(request.body) if gzipped else request.body
        if body is None or not body.strip():
            return reply(6 if body is None else 5)
        events, bad = self._raw(request, token, body) if raw else self._parsed(token, body)
        self._store.add(events)
        if bad is not None:
            return reply(bad.code, **{"invalid-event-number": len(events)})
        extra = {"ackId": self._promise(channel)} if channel is not None else {}
        return reply(self.options.warn or 0, **extra)

    def _parsed(self, token: Token, body: bytes) -> tuple[list[Stored], Bad | None]:
        now = time.time()
        events: list[Stored] = []
        for value in objects(body):
            event = check(value, token.indexes, token.default_index, now)
            if isinstance(event, Bad):
                return events, event
            events.append(event)
        return events, None

    def _raw(self, request: Request, token: Token, body: bytes) -> tuple[list[Stored], Bad | None]:
        query = request.query
        index = query.get("index", token.default_index)
        if index not in token.indexes:
            return [], Bad(7)
        now = query.get("time", f"{time.time():.3f}")
        place = (query.get("host", ""), query.get("source", ""), query.get("sourcetype", "httpevent"))
        lines = [line.decode("utf-8", "replace") for line in _BREAK.split(body) if line.strip()]
        return [Stored(now, *place, index, "", orjson.dumps(line), raw=True) for line in lines], None

    def _channel(self, request: Request, token: Token, *, wanted: bool = False) -> _Channel | Response | None:
        if not token.ack and not wanted:
            return None
        name = request.headers.get("x-splunk-request-channel") or request.query.get("channel", "")
        if not name:
            return reply(10)
        try:
            UUID(name)
        except ValueError:
            return reply(11)
        return self._channels.setdefault((token.value, name), _Channel()) if token.ack else None

    def _promise(self, channel: _Channel) -> int:
        number = channel.next
        channel.next += 1
        channel.pending[number] = time.monotonic()
        if len(channel.pending) > _MAX_PENDING:
            channel.pending.pop(next(iter(channel.pending)))
        return number

    def _acknowledged(self, request: Request, token: Token) -> Response:
        if not token.ack:
            return reply(14)
        channel = self._channel(request, token)
        if not isinstance(channel, _Channel):
            return channel if channel is not None else reply(10)
        try:
            asked = orjson.loads(request.body)["acks"]
            numbers = [int(number) for number in asked]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return reply(6)
        return json_response(200, {"acks": {str(number): self._tell(channel, number) for number in numbers}})

    def _tell(self, channel: _Channel, number: int) -> bool:
        """Return True once: what was told is forgotten."""
        since = channel.pending.get(number)
        after = self.options.ack_after
        if since is None or after is None or time.monotonic() - since < after:
            return False
        del channel.pending[number]
        return True

    def _control(self, request: Request) -> Response:
        if request.method == "GET" and request.path == "/_standin/events":
            query = request.query
            try:
                after, limit = int(query.get("after", "0")), int(query.get("limit", "100"))
            except ValueError:
                return json_response(400, {"error": "after and limit are numbers"})
            rows = self._store.page(min(after, _MOST), min(limit, _MOST))
            return json_response(200, {"count": self.count(), "events": rows})
        return json_response(404, {"error": "no such control path"})


def new_app(
    database: str = ":memory:",
    *,
    tokens: tuple[Token, ...] = TOKENS,
    options: Options | None = None,
    faults: Faults | None = None,
) -> Splunk:
    """Build a collector on a database file or `:memory:`."""
    return Splunk(Store(database), tokens, options or Options(), faults or Faults())


def operation(request: Request) -> str:
    """Return what a request does, for fault rules and the log."""
    found = _PATH.fullmatch(request.path)
    return "other" if found is None else found["what"] or "event"
