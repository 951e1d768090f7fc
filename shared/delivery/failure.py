"""How talking to a foreign system can fail, as values (reference/destinations.md §0.5)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Temporary:
    """Certainly nothing was changed over there; trying again can help. `after` is in seconds, where they said so.

    `detail` is for people who ask, already cut, as Refused has it.
    """

    reason: str
    after: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Bytes went out and no believable answer came: it may have taken effect. Ask by key before sending again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """They understood and said no; the same again can never help. `reason` is our own text.

    It may name fields and rules of theirs, never what an event said.

    `detail` may quote them for the log, already cut; it never travels in an event or an answer. `status` is that of
    their answer, 0 where there was none.
    """

    reason: str
    detail: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class Gone:
    """The record that we meant is not there any more."""

    reason: str = "the record is gone"


Failure = Temporary | Ambiguous | Refused | Gone
