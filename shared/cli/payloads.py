"""Read observations from whatever a person has at hand: a file of events, a kubectl list, recorded requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson
import yaml

from shared.events.codec import NotAnEvent, from_mapping
from shared.events.codec import decode as decode_http
from shared.events.limits import exceeded
from shared.events.model import Observation
from shared.events.outcome import Ignored, Rejected
from shared.sources.context import Context
from shared.sources.registry import UNKNOWN_CLUSTER, decode, decode_payload


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An input that holds no observation, and why."""

    error: str


def read(path: Path | None, stream: IO[bytes], cluster: str, now: datetime) -> Iterator[Observation | Unreadable]:
    """Yield what a file or stream holds, in order: one result at least for each of its items.

    Taken are JSON documents, JSON lines and YAML; each item a Kubernetes Event or object, a List of them, a CloudEvent
    in the JSON format, or a recorded request `{"headers": …, "body": …}`. Raises OSError.
    """
    if path is not None:
        with path.open("rb") as file:
            yield from _items(file, path.suffix, cluster, now)
    else:
        yield from _items(stream, "", cluster, now)


def _items(file: IO[bytes], suffix: str, cluster: str, now: datetime) -> Iterator[Observation | Unreadable]:
    if suffix in {".yaml", ".yml"}:
        yield from _yaml(file.read(), cluster, now)
        return
    first = file.readline()
    if _parse(first) is not None:
        # Each line is whole: JSON lines, read one by one so that a file of any length streams.
        yield from _value_of(first, cluster, now)
        for line in file:
            if line.strip():
                yield from _value_of(line, cluster, now)
    else:
        yield from _value_of(first + file.read(), cluster, now)


def _yaml(text: bytes, cluster: str, now: datetime) -> Iterator[Observation | Unreadable]:
    try:
        documents = [item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield Unreadable(f"not valid YAML{f', line {mark.line + 1}' if mark else ''}")
        return
    for document in documents:
        yield from _value(orjson.loads(orjson.dumps(document, default=str)), cluster, now)


def _value_of(line: bytes, cluster: str, now: datetime) -> Iterator[Observation | Unreadable]:
    excess = exceeded(line.strip())
    if excess is not None and excess != "too large":
        yield Unreadable(f"refused: {excess}")
        return
    value = _parse(line)
    if value is None:
        yield Unreadable("not valid JSON")
        return
    yield from _value(value, cluster, now)


def _value(value: Any, cluster: str, now: datetime) -> Iterator[Observation | Unreadable]:
    if isinstance(value, list):
        for item in value:
            yield from _value(item, cluster, now)
    elif isinstance(value, dict) and isinstance(value.get("items"), list) and "headers" not in value:
        for item in value["items"]:
            yield from _value(item, cluster, now)
    else:
        result = _decode(value, cluster, now)
        if isinstance(result, Unreadable):
            yield result
        else:
            yield from result


def _decode(value: Any, cluster: str, now: datetime) -> list[Observation] | Unreadable:
    result: list[Observation] | Rejected | Ignored
    if isinstance(value, dict) and isinstance(value.get("headers"), dict) and "body" in value:
        headers = {str(name).lower(): str(item) for name, item in value["headers"].items()}
        event = decode_http(headers, orjson.dumps(value["body"]))
        if isinstance(event, NotAnEvent):
            return Unreadable(event.reason)
        result = decode(event, cluster=cluster, now=now)
    elif isinstance(value, dict) and "specversion" in value:
        event = from_mapping(value)
        if isinstance(event, NotAnEvent):
            return Unreadable(event.reason)
        result = decode(event, cluster=cluster, now=now)
    else:
        result = decode_payload(value, Context(cluster=cluster or UNKNOWN_CLUSTER, received=now))
    return result if isinstance(result, list) else Unreadable(result.reason)


def _parse(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
