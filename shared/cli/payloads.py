"""Read observations from whatever a person has at hand: a file of events, a kubectl list, recorded requests."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from shared.cli.inputs import Unreadable, values
from shared.cli.versions import Versions
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent, from_mapping
from shared.events.codec import decode as decode_http
from shared.events.json_items import frame_of
from shared.events.limits import DEFAULT
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.local.recorded.player import is_script, requests
from shared.sources.context import Context
from shared.sources.registry import UNKNOWN_CLUSTER, decode, decode_payload

_DEPTH = 3  # of lists in lists
_FIRST = datetime.min.replace(tzinfo=UTC)
Result = Observation | Unreadable


def read(
    path: Path | None, stream: IO[bytes], cluster: str, now: datetime, *, by_time: bool = False
) -> Iterator[Result]:
    """Yield what a file or stream holds, in order and as it comes in: one result at least for each of its items.

    Taken are JSON documents, JSON lines and YAML; each item a Kubernetes Event or object, a List of them, a CloudEvent
    in the JSON format, or a recorded request `{"headers": …, "body": …}`; and the script of a recorded day
    (docs/recorded-day.md). With `by_time` those of one list come in the order in which they were sent: kubectl lists
    by name. Raises OSError.
    """
    reader = _Reader(cluster, now, Versions())
    if path is not None and is_script(path):
        for request in requests(path):  # a made-up day may be one that is to come
            recorded = {"headers": request.headers, "body": request.body.decode()}
            yield from _value(recorded, reader._replace(now=request.time), _DEPTH)
        return
    for value in _values(path, stream):
        found = _value(value, reader, _DEPTH)
        yield from sorted(found, key=_sent) if by_time else found


def _values(path: Path | None, stream: IO[bytes]) -> Iterator[Any]:
    if path is None:
        yield from values(stream)
    else:
        with path.open("rb") as file:
            yield from values(file, path.suffix)


def _sent(item: Result) -> datetime:
    return item.received if isinstance(item, Observation) else _FIRST


class _Reader(NamedTuple):
    """What each value of one input is read with."""

    cluster: str
    now: datetime
    versions: Versions


def _value(value: Any, reader: _Reader, depth: int) -> Iterator[Result]:
    items = _items(value)
    if isinstance(value, Unreadable):
        yield value
    elif items is None:
        yield from _decode(value, reader)
    elif not items:
        yield Unreadable("an empty list")
    elif not depth:
        yield Unreadable("refused: lists in lists in lists")
    else:
        for item in items:
            yield from _value(item, reader, depth - 1)


def _items(value: Any) -> list[Any] | None:
    """Return the items of a list, of JSON or of Kubernetes; None for anything else."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or {"headers", "specversion"} & set(value):
        return None
    items = value.get("items")
    if not isinstance(items, list):
        return None
    frame = frame_of(value)
    return [{**frame, **item} if isinstance(item, dict) else item for item in items] if frame else items


def _decode(value: Any, reader: _Reader) -> list[Result]:
    cluster, now, versions = reader
    if not isinstance(value, dict):
        return [Unreadable("this is no event: a JSON object is wanted")]
    event = _event(value)
    if isinstance(event, NotAnEvent):
        return [Unreadable(event.reason)]
    result: list[Observation] | Rejected | Ignored
    if event is not None:
        result = decode(event, cluster=cluster, now=now)
        sent = event.time is not None
    else:
        result = decode_payload(value, Context(cluster=cluster or UNKNOWN_CLUSTER, received=now))
        sent = False
    if not isinstance(result, list):
        return [Unreadable(result.reason)]
    if not result:
        return [Unreadable("there is no observation in it, by intention: its producer's page in docs/sources says why")]
    payload = value if event is None else event.data
    # When the edge sent it is not known here: as if at once, so that nothing looks late for being explained today.
    seen = result if sent else [item.model_copy(update={"received": item.time}) for item in result]
    told = [versions.told(item, payload) for item in seen]
    return [one for found in told for one in ([Unreadable(found)] if isinstance(found, str) else found)]


def _event(value: dict[str, Any]) -> CloudEvent | NotAnEvent | None:
    """Return the CloudEvent that this is, or that the broker would not take it; None for what a source would wrap."""
    recorded = isinstance(value.get("headers"), dict) and "body" in value
    body = _body(value["body"] if recorded else value)
    if len(body) > DEFAULT.body:
        size = f"{len(body):,} bytes, and {DEFAULT.body:,} is the most"
        return NotAnEvent(413, f"the broker refuses this event for its size: {size}")
    if recorded:
        return decode_http({str(name).lower(): str(item) for name, item in value["headers"].items()}, body)
    return from_mapping(value) if "specversion" in value else None


def _body(body: Any) -> bytes:
    """Return the bytes that were or would be sent: of a value, or of its text."""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)
