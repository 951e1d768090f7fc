"""What the store keeps of one object: its projection, its bad conditions, and what was answered to its last versions.

The answers are kept because an answer can get lost on its way: the version then comes again, when the projection that
it was compared with is gone, and must be answered in the same words (and so must the one before it, should a newer one
have come in between).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import orjson

from shared.changes.difference import Difference, Differences
from shared.changes.findings import Transition
from shared.changes.projection import Projection
from shared.events.identity import digest
from shared.events.model import ObjectRef

ANSWERS: Final = 8
"""Versions of an object whose answers are kept."""
KEPT_SECONDS: Final = 90 * 86_400.0
"""An object that is not heard of for so long is gone, and its deletion was lost."""
KEPT_DELETED_SECONDS: Final = 86_400.0
"""How long a deletion is remembered, so that what comes late does not bring its object back."""
_FORMAT = 1

Row = list[Any]


class NewerError(ValueError):
    """A newer release wrote it: to overwrite it would lose what that knows, and to guess might tell what is not so."""


class Answer(NamedTuple):
    """What was said of one version. `known` is False where there was no version before it to compare with."""

    identity: str
    known: bool
    differences: Differences
    transitions: tuple[Transition, ...]


NOTHING: Final = Projection(0, b"")


@dataclass(frozen=True, slots=True)
class Record:
    """An object as it was seen last. `written` is when members whose values are masked were last written.

    `heard` is the day (since 1970) of the record: an object that is heard of is kept on, though nothing of it changes.
    `answers` are rows as they are stored, the oldest first: most are read and written without being looked at.
    """

    version: str
    stamp: str = ""
    projection: Projection = NOTHING
    conditions: Mapping[str, str] = field(default_factory=dict)
    written: str = ""
    answers: tuple[Row, ...] = ()
    deleted: bool = False
    heard: int = 0

    def answer_to(self, identity: str) -> Answer | None:
        """Return what was answered to a version, None where that is not known (any more)."""
        return next((_answer(*row) for row in self.answers if row[0] == identity), None)

    def answered(self, answer: Answer) -> "Record":
        """Return the record with one more answer, the oldest given up."""
        return replace(self, answers=(*self.answers, _row(answer))[-ANSWERS:])


def key_of(cluster: str, thing: ObjectRef) -> str:
    """Return the key under which the store keeps an object: by uid, by its name where it has none."""
    names = (thing.uid,) if thing.uid else (thing.kind, thing.namespace, thing.name)
    return f"object.{digest('object', cluster, *names)}"


def encode(record: Record) -> bytes:
    """Return the record as stored bytes: a line of JSON, then the packed projection."""
    head = [_FORMAT, record.version, record.deleted, record.stamp, record.projection.depth, record.written]
    return orjson.dumps([*head, record.conditions, record.answers, record.heard]) + b"\n" + record.projection.packed


def decode(data: bytes) -> Record | None:
    """Return a stored record; None for one that cannot be read, which then counts as never seen. Raises NewerError."""
    head, _, packed = data.partition(b"\n")
    try:
        form, *row = orjson.loads(head)
        _check(form)
        version, deleted, stamp, depth, written, conditions, answers, heard = row
        return Record(
            version=version,
            stamp=stamp,
            projection=Projection(depth, packed),
            conditions=conditions,
            written=written,
            answers=tuple(answers),
            deleted=deleted,
            heard=heard,
        )
    except NewerError:
        raise
    except (ValueError, TypeError):
        return None


def _check(form: object) -> None:
    if isinstance(form, int) and form > _FORMAT:
        raise NewerError(f"the record has version {form}, this program reads {_FORMAT}")
    if form != _FORMAT:
        raise ValueError("it has no version")


def _row(answer: Answer) -> Row:
    told = [list(one) for one in answer.differences.told]
    return [answer.identity, answer.known, told, answer.differences.number, [list(news) for news in answer.transitions]]


def _answer(identity: str, known: bool, told: Row, number: int, news: Row) -> Answer:  # noqa: FBT001 - a stored row
    differences = Differences(tuple(Difference(*one) for one in told), number)
    return Answer(identity, known, differences, tuple(Transition(*one) for one in news))
