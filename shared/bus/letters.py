"""The dead letters that a topic keeps, and the marks beside them that say which are done with.

A letter is the event as a broker gives it to its dead letter sink (reference/knative.md §4): `knativeerrordest`,
`knativeerrorcode`, `knativeerrordata`, and as `stage` and `reason` what our edge answered by `kne-` headers. A consumer
of ours adds `why` and `tries`. A topic cannot delete one record, so who retries or discards a letter leaves a mark.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from shared.bus.codec import message_id
from shared.bus.protocol import Bus, BusUnavailableError, Readable, Record, Refused
from shared.events.attributes import NONE, clean
from shared.events.change import Change
from shared.events.cloudevent import LETTER_PREFIX, RETRY, CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.events.letter import Act, LetterMark, type_of_act
from shared.events.model import Classified
from shared.events.said import said_by

Place = tuple[int, int]
"""Partition and offset of a record in its topic."""

_SUBSCRIBER: Final = "knativeerrordest"
_BROKERS: Final = ("knativeerror", "knativekafka")  # what extensions begin with that a broker adds on its way
_ADDED: Final = frozenset({"stage", "why", "tries"})
_SOURCE: Final = "tidings/dead-letters"


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did about a letter: sent it again `to` somebody, or discarded it with a `note`."""

    act: Act
    to: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class BusLetter:
    """One dead letter as it lies in its topic; `event` is none where others put there what is no CloudEvent."""

    record: Record

    @property
    def place(self) -> Place:
        """Return where it lies."""
        return self.record.partition, self.record.offset

    @property
    def name(self) -> str:
        """Return what people call it, as `0/41`."""
        return f"{self.record.partition}/{self.record.offset}"

    @property
    def digest(self) -> str:
        """Return what tells it from another record that may lie there one day."""
        event = self.record.event
        return message_id(event) if isinstance(event, CloudEvent) else digest("letter", *map(str, self.place))

    @property
    def subscriber(self) -> str:
        """Return who could not be told: an address, or a function's name; empty where nobody says."""
        return self._said(_SUBSCRIBER)

    @property
    def code(self) -> int | None:
        """Return the last HTTP status; None where there was no answer."""
        return _number(self._said("knativeerrorcode"))

    @property
    def stage(self) -> str:
        """Return the step that refused it; empty where the answer did not say."""
        return self._said("stage")

    @property
    def reason(self) -> str:
        """Return why: in the answer's words where it gave them, else by its status.

        A `reason` without a `stage` is the event's own, as `BackOff`: what was given up after many tries says neither.
        """
        if isinstance(self.record.event, NotAnEvent):
            return f"no event: {self.record.event.reason}"
        if self.stage and self._said("reason"):
            return self._said("reason")
        if why := self._said("why"):
            return why
        if self.code is not None:
            return f"the subscriber answered {self.code}"
        return "the subscriber gave no answer" if self.subscriber else "not said"

    @property
    def answer(self) -> str:
        """Return the beginning of the last answer's body as text."""
        try:
            return base64.b64decode(self._said("knativeerrordata"), validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            return ""

    @property
    def tries(self) -> int | None:
        """Return how often it was sent before it was given up; None where the broker does not say."""
        return _number(self._said("tries"))

    @property
    def retried(self) -> int:
        """Return how often it had been a dead letter before, and was sent again."""
        return _number(self._said(RETRY)) or 0

    def _said(self, name: str) -> str:
        event = self.record.event
        return event.extensions.get(name, "") if isinstance(event, CloudEvent) else ""


def as_it_was(letter: CloudEvent) -> CloudEvent:
    """Return the event without what made it a dead letter: the same id and source, and its own `reason` again."""
    kept = {name: text for name, text in letter.extensions.items() if not _is_added(name)}
    if "stage" in letter.extensions:  # the answer's reason stands where the event's own did
        kept.pop("reason", None)
        if own := _own_reason(letter):
            kept["reason"] = own
    return letter._replace(extensions=kept)


def next_attempt(letter: CloudEvent) -> CloudEvent:
    """Return the event as it is sent again: as it was, and with the number of this retry.

    By that a bus that keeps the same event once can tell the attempts, and a letter says which one it is of.
    """
    before = _number(letter.extensions.get(RETRY, "")) or 0
    return as_it_was(letter).with_extensions(**{RETRY: str(before + 1)})


def is_mark(event: CloudEvent | NotAnEvent) -> bool:
    """Return True for a mark."""
    return isinstance(event, CloudEvent) and event.type.startswith(LETTER_PREFIX)


async def marks(bus: Readable, topic: str) -> Mapping[Place, LetterMark]:
    """Return the last mark of each letter of a topic. Raises BusUnavailableError."""
    found: dict[Place, LetterMark] = {}
    async for record in bus.read(topic):
        if (mark := _mark_of(record)) is not None:
            found[mark.partition, mark.offset] = mark
    return found


async def letters(bus: Readable, topic: str, done: Mapping[Place, LetterMark]) -> AsyncIterator[BusLetter]:
    """Iterate the letters of a topic that nobody is done with, the oldest of each partition first.

    Raises BusUnavailableError.
    """
    async for record in bus.read(topic):
        letter = waiting(record, done)
        if letter is not None:
            yield letter


def waiting(record: Record, done: Mapping[Place, LetterMark]) -> BusLetter | None:
    """Return the letter that a record is; None for a mark, and for a letter that somebody is done with."""
    if is_mark(record.event):
        return None
    letter = BusLetter(record)
    mark = done.get(letter.place)
    return None if mark is not None and mark.letter == letter.digest else letter


async def leave_mark(bus: Bus, letter: BusLetter, deed: Deed, now: datetime) -> None:
    """Say beside a letter that it is done with. Raises BusUnavailableError, also where the topic does not take it."""
    event = letter.record.event
    told = event if isinstance(event, CloudEvent) else CloudEvent("", "", "")
    mark = LetterMark(
        act=deed.act,
        partition=letter.record.partition,
        offset=letter.record.offset,
        letter=letter.digest,
        event_id=told.id,
        event_type=told.type,
        subject=told.subject,
        subscriber=letter.subscriber,
        stage=letter.stage,
        reason=letter.reason,
        to=deed.to,
        note=deed.note,
        time=now,
    )
    made = CloudEvent(
        id=digest(deed.act, letter.name, letter.digest),
        source=_SOURCE,
        type=type_of_act(deed.act),
        subject=letter.name,
        time=now,
        extensions={"partitionkey": told.extensions.get("partitionkey", NONE)},
        data=mark.model_dump(mode="json"),
    )
    published = await bus.publish(letter.record.topic, made)
    if isinstance(published, Refused):
        raise BusUnavailableError(
            f"{letter.record.topic} does not take what was done about a letter: {published.reason}"
        )


def _mark_of(record: Record) -> LetterMark | None:
    event = record.event
    if not isinstance(event, CloudEvent) or not is_mark(event):
        return None
    try:
        return LetterMark.model_validate(event.data)
    except ValidationError:
        return None


def _is_added(name: str) -> bool:
    return name.startswith(_BROKERS) or name in _ADDED


def _own_reason(letter: CloudEvent) -> str:
    """Return what our functions put into `reason`; of other events nobody knows whether they had one."""
    try:
        said = said_by(letter)
    except ValidationError:
        said = None
    if isinstance(said, Classified):
        return clean(said.observation.reason)
    if isinstance(said, Episode | Change):
        return clean(said.reason)
    return NONE if "category" in letter.extensions else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
