"""What is sent to every host: requests by name, and the status that the edge answers them by (architecture.md §5)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_structured
from tests.support.changes import completed, running
from tests.support.hosts import ask
from tests.support.records import TIME, classified, classified_event
from tests.support.tickets import episode, resolved

EVENT: dict[str, Any] = {
    "kind": "Event",
    "apiVersion": "v1",
    "metadata": {"uid": "e-1", "name": "web.1", "namespace": "shop", "resourceVersion": "9"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop", "uid": "p-1"},
    "reason": "BackOff",
    "message": "Back-off restarting failed container",
    "type": "Warning",
    "count": 7,
    "lastTimestamp": "2026-11-23T20:59:00Z",
    "source": {"component": "kubelet", "host": "worker-3"},
}
BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "a-1",
    "ce-source": "https://10.0.0.1:443",
    "ce-type": "dev.knative.apiserver.resource.add",
    "ce-time": "2026-11-23T21:00:00Z",
    "content-type": "application/json",
}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
SERVICENOW = {"SERVICENOW_TOKEN": "tidings-token"}
SPLUNK = {"SPLUNK_TOKEN": "tidings-hec-token"}


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange: the pieces that are sent, one after the other, and the status of the answer."""

    name: str
    pieces: tuple[bytes, ...]
    status: int


def post(headers: Mapping[str, str], body: bytes = b"", path: str = "/", method: str = "POST") -> bytes:
    """Return a request; its length is said unless the headers say something of the kind."""
    given = {"host": "localhost", **headers}
    if not {"content-length", "transfer-encoding"} & given.keys():
        given["content-length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def chunked(body: bytes, size: int) -> bytes:
    """Return a body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])


def structured(**changes: Any) -> bytes:
    """Return the event as one JSON text; `changes` are its members, None leaves one out."""
    members = {name.removeprefix("ce-"): value for name, value in BINARY.items() if name.startswith("ce-")}
    whole = {**members, "datacontenttype": "application/json", "data": EVENT, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not None}).encode()


def of(event: CloudEvent) -> bytes:
    """Return the request that carries an event."""
    headers, body = encode_structured(event)
    return post(dict(headers), body)


def without(name: str) -> dict[str, str]:
    """Return the headers of the event but one."""
    return {header: value for header, value in BINARY.items() if header != name}


_BODY = json.dumps(EVENT).encode()
_MIB = 1024 * 1024
_CHUNKS = {**BINARY, "transfer-encoding": "chunked"}


def _padded(count: int) -> dict[str, str]:
    """Return headers that make so many of them, host and content-length included."""
    return {**BINARY, **{f"x-{number}": "y" for number in range(count - len(BINARY) - 2)}}


def _row(name: str, status: int, headers: Mapping[str, str], body: bytes = _BODY) -> Row:
    return Row(name, (post(headers, body),), status)


GOOD = (
    _row("a binary event", 200, BINARY),
    Row("a structured event", (post(STRUCTURED, structured()),), 200),
    Row(
        "a structured event, charset said",
        (post({"content-type": f"{STRUCTURED['content-type']}; charset=utf-8"}, structured()),),
        200,
    ),
    Row("a binary event in chunks", (post(_CHUNKS, chunked(_BODY, 100)),), 200),
    Row(
        "a body that comes in two pieces",
        (post({**BINARY, "content-length": str(len(_BODY))}, _BODY[:50]), _BODY[50:]),
        200,
    ),
    Row(
        "header names in capitals",
        (post({name.upper(): value for name, value in BINARY.items()} | {"content-length": str(len(_BODY))}, _BODY),),
        200,
    ),
    _row("an empty attribute, as ApiServerSource sends for a Node", 200, {**BINARY, "ce-namespace": ""}),
    _row("an attribute outside ASCII, percent-encoded", 200, {**BINARY, "ce-subject": "Pod/%C3%BC"}),
    _row("an attribute outside ASCII, as UTF-8", 200, {**BINARY, "ce-subject": "Pod/ü"}),
    _row("a header that came twice in one", 200, {**BINARY, "x-forwarded-for": "10.0.0.1, 10.0.0.2"}),
    _row("a hundred headers", 200, _padded(100)),
    Row("a query", (post(BINARY, _BODY, "/?from=here"),), 200),
    _row("an event deleted by its age", 204, {**BINARY, "ce-type": "dev.knative.apiserver.resource.delete"}),
    _row("an event of a type that is none of its business", 204, {**BINARY, "ce-type": "com.example.none"}),
    _row("a body of nearly 1 MiB", 200, BINARY, json.dumps({**EVENT, "padding": "x" * (_MIB - 1000)}).encode()),
)
BAD = (
    _row("broken JSON", 400, BINARY, b'{"kind": '),
    _row("a text that is not UTF-8", 400, BINARY, b'{"kind": "\xff\xfe"}'),
    _row("no ce-id", 400, without("ce-id")),
    _row("an empty ce-id", 400, {**BINARY, "ce-id": ""}),
    _row("no ce-source", 400, without("ce-source")),
    _row("no ce-type", 400, without("ce-type")),
    _row("no ce-specversion", 400, without("ce-specversion")),
    _row("a specversion of the past", 400, {**BINARY, "ce-specversion": "0.3"}),
    _row("a time that is none", 400, {**BINARY, "ce-time": "yesterday"}),
    _row("an id with control characters, percent-encoded", 400, {**BINARY, "ce-id": "a%0d%0aKne-Reason: mine"}),
    _row("no event at all", 400, {"content-type": "application/json"}),
    _row("a form", 400, {"content-type": "application/x-www-form-urlencoded"}, b"a=b"),
    Row("an empty POST", (post({}),), 400),
    Row("a structured event without an id", (post(STRUCTURED, structured(id=None)),), 400),
    Row("a structured event whose source is an object", (post(STRUCTURED, structured(source={})),), 400),
    Row("a structured event with control characters", (post(STRUCTURED, structured(id="a\r\nb")),), 400),
    Row("a structured event that is a text", (post(STRUCTURED, b'"event"'),), 400),
    Row("a batch", (post(BATCH, b"[%s]" % structured()),), 415),
    _row("a compressed body", 415, {**BINARY, "content-encoding": "gzip"}, b"\x1f\x8b\x08\x00"),
    _row("too deep", 400, BINARY, b"[" * 10_000),
    _row("a huge number", 400, BINARY, b'{"count": %s}' % (b"9" * 5000)),
    _row("two MiB", 413, BINARY, b"x" * (2 * _MIB)),
    Row("two MiB in chunks", (post(_CHUNKS, chunked(b"x" * (2 * _MIB), 65_536)),), 413),
    Row("a length of 99 GB, and no body", (post({**BINARY, "content-length": "99000000000"}),), 413),
    _row("101 headers", 431, _padded(101)),
    _row("what no decoder knows", 422, BINARY, b'{"kind": 7}'),
)
HOSTILE = (
    _row("a template for a message", 200, BINARY, json.dumps({**EVENT, "message": "{{7*7}} ${x} {% x %}"}).encode()),
    _row("a secret in a message", 200, BINARY, json.dumps({**EVENT, "message": "password=hunter2"}).encode()),
    _row("markup and line ends in a message", 200, BINARY, json.dumps({**EVENT, "message": "<b>\r\n\x00x"}).encode()),
    _row("a lone surrogate", 400, BINARY, b'{"kind": "\\ud800"}'),
    _row("a key that came twice", 200, BINARY, b'{"kind":"Pod",' + _BODY[1:]),
    _row("an attribute's name that may not be", 400, {**BINARY, "ce-__proto__": "x"}),
)
OTHER_PATHS = (
    *(
        Row(f"{method} {path}", (post(BINARY, _BODY, path, method),), 405)
        for method, path in [
            ("POST", "/wrong"),
            ("PUT", "/"),
            ("DELETE", "/"),
            ("PATCH", "/"),
            ("OPTIONS", "/"),
            ("POST", "/health"),
            ("POST", "//"),
            ("POST", "/%2e%2e/etc/passwd"),
            ("POST", "/robots.txt"),
        ]
    ),
    Row("GET /wrong", (ask("/wrong"),), 405),
    Row("GET /", (ask("/"),), 200),
    Row("HEAD /", (ask("/", "HEAD"),), 200),
    Row("GET /health", (ask("/health"),), 200),
    Row("GET /ready", (ask("/ready"),), 200),
    Row("HEAD /health", (ask("/health", "HEAD"),), 200),
)
CLASSIFIER = (*GOOD, *BAD, *HOSTILE, *OTHER_PATHS)
"""What every host answers in the very same way, sent to the classifier."""

_OPENED = CloudEvent(
    "o-1", "tidings/correlator", "dev.tidings.problem.opened.v1", data=episode().model_dump(mode="json")
)
_STARTED = CloudEvent(
    "h-1", "tidings/correlator", "dev.tidings.change.started.v1", data=running().model_dump(mode="json")
)
_COMPLETED = _STARTED._replace(
    id="h-2", type="dev.tidings.change.completed.v1", data=completed().model_dump(mode="json")
)
_RESOLVED = _OPENED._replace(id="o-2", type="dev.tidings.problem.resolved.v1", data=resolved().model_dump(mode="json"))
_CLASSIFIED = classified_event(classified())
_TICK = CloudEvent("t-1", "tidings/tick", "dev.tidings.tick.v1", time=TIME)
_METADATA = {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"}
_WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _METADATA, "spec": {"replicas": 3}}
_OBJECT = CloudEvent("d-1", "cluster", "dev.knative.apiserver.resource.add", time=TIME, data=_WEB)
_SAME = _OBJECT._replace(id="d-2", data={**_WEB, "metadata": {**_METADATA, "resourceVersion": "8"}})
_EVENT = _OBJECT._replace(id="d-3", data={"kind": "Event", "involvedObject": {"kind": "Pod", "name": "web-0"}})
_STRANGE = CloudEvent("s-1", "elsewhere", "com.example.none", data={"no": "business of ours"})

_FORWARDED = (
    Row("an observation", (of(_CLASSIFIED),), 204),
    Row("the same observation again", (of(_CLASSIFIED),), 204),
    Row("none of its business", (of(_STRANGE),), 204),
    Row("what is no observation", (of(_CLASSIFIED._replace(data="text")),), 422),
)
_KEPT = (
    Row("an observation", (of(_CLASSIFIED),), 204),
    Row("the same observation again", (of(_CLASSIFIED),), 204),
    Row("an episode", (of(_OPENED),), 204),
    Row("a change", (of(_STARTED),), 204),
    Row("what no topic keeps", (of(_STRANGE),), 204),
)
_EPISODES = (
    Row("an episode", (of(_OPENED),), 200),
    Row("the same episode again", (of(_OPENED),), 200),
    Row("its end", (of(_RESOLVED),), 200),
    Row("none of its business", (of(_STRANGE),), 204),
    Row("what is no episode", (of(_OPENED._replace(data=[])),), 422),
)
_CHANGES = (
    Row("a change", (of(_STARTED),), 200),
    Row("the same change again", (of(_STARTED),), 200),
    Row("its end", (of(_COMPLETED),), 200),
    Row("none of its business", (of(_STRANGE),), 204),
    Row("what is no change", (of(_STARTED._replace(data=[])),), 422),
)

OF_OTHERS: dict[str, tuple[Row, ...]] = {
    "changes": (
        Row("an object", (of(_OBJECT),), 200),
        Row("the same object again", (of(_OBJECT),), 200),
        Row("the same object in a newer version", (of(_SAME),), 204),
        Row("an Event that came without its kind", (of(_EVENT),), 200),
        Row("none of its business", (of(_STRANGE),), 204),
        Row("what is no object", (of(_OBJECT._replace(data=[])),), 422),
        Row("not ready without a sink", (ask("/ready"),), 503),
    ),
    "correlator": (
        Row("a problem", (of(_CLASSIFIED),), 200),
        Row("the same problem again", (of(_CLASSIFIED),), 200),
        Row("a tick", (of(_TICK),), 204),
        Row("what is no observation", (of(_STRANGE),), 422),
        Row("not ready without a sink", (ask("/ready"),), 503),
    ),
    "archive": _KEPT,
    "servicenow_change": _CHANGES,
    **dict.fromkeys(("servicenow_incident", "servicenow_event", "servicenow_security", "glpi_ticket"), _EPISODES),
    **dict.fromkeys(("siem_forwarder", "elastic_forwarder", "qradar_forwarder", "webhook"), _FORWARDED),
    "watch": (Row("an event is none of its business", (of(_STRANGE),), 204),),
    "remediate": (
        Row("an episode while nothing is to be done", (of(_OPENED),), 204),
        Row("none of its business", (of(_STRANGE),), 204),
        Row("ready, and says that it does nothing", (ask("/ready"),), 200),
    ),
    "reconcile": (
        Row("none of its business", (of(_STRANGE),), 204),
        Row("ready before its first look", (ask("/ready"),), 200),
        Row("a tick in a Pod without a token", (of(_TICK),), 204),
        Row("not ready after it", (ask("/ready"),), 503),
        Row("a tick that comes too early", (of(_TICK),), 204),
    ),
    "intake": (
        Row("not ready without a sink", (ask("/ready"),), 503),
        Row("an event", (of(_CLASSIFIED),), 503),
        Row("a payload", (post({}, json.dumps(EVENT).encode(), "/events"),), 503),
        Row("a payload that comes again without end", (post({}, json.dumps(EVENT).encode(), "/audit/secret"),), 429),
        Row("no JSON", (post({}, b'{"a": ', "/webhook"),), 400),
        Row("too large", (post({"content-length": "1048577"}, b"", "/webhook"),), 413),
        Row("an odd coding", (post({"content-encoding": "br"}, b"{}", "/webhook"),), 415),
        Row("an odd method", (post({}, b"{}", "/webhook", "DELETE"),), 405),
        Row("a strange path", (post({}, b"{}", "/nowhere"),), 405),
    ),
}
"""What the other functions answer, in this order, each host with foreign systems of its own."""
