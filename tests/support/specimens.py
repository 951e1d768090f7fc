"""The specimens of the dialects (tests/support/dialects), and how one of them is decoded."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.events.cloudevent import CloudEvent
from shared.events.codec import from_mapping
from shared.events.model import ObjectRef, Observation
from shared.events.outcome import Ignored, Rejected
from shared.events.times import to_text
from shared.sources.context import Context
from shared.sources.registry import decode, decode_payload

FOLDER = Path(__file__).parent / "dialects"
CLUSTER = "by-default"
RECEIVED = datetime(2026, 8, 21, tzinfo=UTC)

Place = tuple[str | int, ...]


class Specimen(NamedTuple):
    """One payload of a dialect and the observations that are read in it."""

    dialect: str
    file: str
    payload: Any
    expected: list[dict[str, Any]]


def specimens() -> list[Specimen]:
    """Return all of them."""
    found = []
    for file in sorted(FOLDER.glob("*/*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        found.append(Specimen(file.parent.name, file.stem, content["payload"], content["expected"]))
    return found


def decoded(payload: Any) -> list[Observation] | Rejected | Ignored:
    """Return what a payload becomes, received by the cluster `by-default`."""
    if isinstance(payload, dict) and "specversion" in payload:
        event = from_mapping(payload)
        if not isinstance(event, CloudEvent):
            return Rejected("decode", event.reason)
        return decode(event, cluster=CLUSTER, now=RECEIVED)
    return decode_payload(payload, Context(CLUSTER, RECEIVED))


def observations(payload: Any) -> list[Observation]:
    """Return the observations of a payload that has some."""
    found = decoded(payload)
    assert isinstance(found, list), found
    return found


def body(payload: Any) -> Any:
    """Return what a dialect looks at: the data of a CloudEvent, or the payload itself."""
    return payload.get("data") if isinstance(payload, dict) and "specversion" in payload else payload


def shown(seen: Observation, name: str) -> Any:
    """Return a member of an observation as specimens write it."""
    value = getattr(seen, name)
    if isinstance(value, ObjectRef):
        return value.path
    return to_text(value) if isinstance(value, datetime) else value


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every place of a JSON value and what stands there, itself first."""
    yield place, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*place, key))


def changed(value: Any, place: Place, item: Any) -> Any:
    """Return a copy of a JSON value with `item` at a place."""
    if not place:
        return item
    copy = orjson.loads(orjson.dumps(value))
    below = copy
    for step in place[:-1]:
        below = below[step]
    below[place[-1]] = item
    return copy
