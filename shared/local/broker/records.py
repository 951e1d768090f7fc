"""The values that pass between the log, the consumers and those who look on."""

import contextlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from shared.events.cloudevent import CloudEvent
from shared.events.codec import from_json, to_json

PARTITIONS = 10
"""As many as the Kafka Broker's topics have by default (default.topic.partitions)."""

MAX_RECORD = 1_048_576
"""Bytes of one stored event: what Kafka's producer takes by default (max.request.size)."""

UNREADABLE = CloudEvent(id="-", source="-", type="-")
"""Stands, as this very object, where a stored event cannot be decoded any more."""

_CORE = frozenset({*CloudEvent._fields, "specversion", "data_base64"}) - {"extensions"}


def event_of(line: bytes) -> CloudEvent:
    """Return the event of a stored line, UNREADABLE where a damaged file gives one that cannot be decoded."""
    try:
        return from_json(line)
    except ValueError:
        return UNREADABLE


def head_of(line: bytes) -> tuple[CloudEvent, bytes]:
    """Return the event of a stored line without its data, and that as JSON; as a whole where it is not told apart."""
    # Attributes are texts, in which quotes are escaped: what this first stands for is behind all of them.
    head, found, rest = line.partition(b',"data":')
    if found and len(rest) > 1 and rest.endswith(b"}"):
        with contextlib.suppress(ValueError):
            return from_json(head + b"}"), rest[:-1]
    return event_of(line), b""


@dataclass(slots=True)
class Stored:
    """An event in the log. `at` is when it was accepted, seconds since 1970; `size` the bytes it takes there.

    `head` is what filters ask: the event, which has no data yet where `data` is that as JSON. Many are read for nobody.
    """

    offset: int
    head: CloudEvent
    at: float
    size: int
    data: bytes = b""

    @property
    def event(self) -> CloudEvent:
        """Return the event, UNREADABLE where it cannot be decoded."""
        if self.data:
            try:
                self.head = CloudEvent(*self.head[:-1], orjson.loads(self.data))
            except ValueError:
                self.head = UNREADABLE
            self.data = b""
        return self.head

    @property
    def readable(self) -> bool:
        """Return False where the event could not be decoded."""
        return self.event is not UNREADABLE

    @property
    def partition(self) -> int:
        """Return the partition that Kafka would keep order in: by `partitionkey`, else spread."""
        key = self.head.extensions.get("partitionkey")
        return (zlib.crc32(key.encode()) if key else self.offset) % PARTITIONS


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the event as it was, for which Trigger, and why it could not be delivered.

    `code` is the last HTTP status, None where there was no answer; `data` base64 of the first 1024 bytes of the last
    answer; `extensions` what `kne-` headers of the answer said. `id` is 0 before it is stored. `wanted`: it is about to
    be sent again.
    """

    trigger: str
    event: CloudEvent
    destination: str
    code: int | None
    data: str
    why: str
    extensions: Mapping[str, str]
    at: float
    tries: int
    id: int = 0
    wanted: bool = False

    @property
    def stage(self) -> str:
        """Return the step that refused it, empty where the answer did not say."""
        return self.extensions.get("stage", "")

    @property
    def reason(self) -> str:
        """Return why, in the answer's words where it gave them, else in the broker's."""
        return self.extensions.get("reason", "") or self.why

    @property
    def readable(self) -> bool:
        """Return False where the event could not be decoded: it can be looked at and discarded, not sent."""
        return self.event is not UNREADABLE

    def as_event(self) -> CloudEvent:
        """Return the event as the Kafka Broker gives it to its dead letter sink (reference/knative.md §4).

        What an answer said adds extensions only: whose event it is, and what, no subscriber may change.
        """
        said = {name: value for name, value in self.extensions.items() if name not in _CORE}
        added = {"knativeerrordest": self.destination, "knativeerrordata": self.data, **said}
        if self.code is not None:
            added["knativeerrorcode"] = str(self.code)
        return self.event.with_extensions(**added)


@dataclass(slots=True)
class TriggerStatus:
    """What became of a Trigger's events since the start; `waiting` counts what it has not looked at, too."""

    trigger: str
    subscriber: str
    delivered: int = 0
    replies: int = 0
    retried: int = 0
    dead: int = 0
    lost: int = 0
    waiting: int = 0
    in_flight: int = 0
    last_error: str = field(default="")


def row_of(letter: Letter) -> list[object]:
    """Return a letter as the database takes it, column by column; one that is new has no id yet."""
    return [
        letter.id or None,
        letter.trigger,
        to_json(letter.event).decode(),
        letter.destination,
        letter.code,
        letter.data,
        letter.why,
        orjson.dumps(dict(letter.extensions)).decode(),
        letter.at,
        letter.tries,
    ]
