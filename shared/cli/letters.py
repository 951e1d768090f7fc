"""What the commands on dead letters share: how one is seen, chosen and grouped, wherever it is kept."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from shared.cli.output import fail
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.local.broker.filters import Test
from shared.local.selection import selection
from shared.runtime.replay import Tally

COLUMNS: Final = ("id", "trigger", "type", "subject", "code", "stage", "reason", "tries", "retried", "retry")
ENDED: Final = ("id", "act", "at", "to", "note", "trigger", "type", "subject", "stage", "reason")


class Group(StrEnum):
    """By what letters are counted."""

    reason = "reason"
    stage = "stage"
    trigger = "trigger"


@dataclass(frozen=True, slots=True)
class Seen:
    """One dead letter: its name, its row in a list, the event as a dead letter sink gets it, and what else is known."""

    name: str
    row: Mapping[str, Any]
    event: CloudEvent | NotAnEvent
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Choice:
    """Which letters are meant: those of these names, or all (no names) that pass; `missing` are names not met yet."""

    names: tuple[str, ...] = ()
    trigger: str = ""
    passes: Test | None = None
    missing: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.missing = dict.fromkeys(self.names)

    def takes(self, seen: Seen) -> bool:
        """Return True for one that is meant. A filter takes nothing that is no event."""
        if self.names:
            return self.missing.pop(seen.name, False) is None
        if self.trigger and seen.row["trigger"] != self.trigger:
            return False
        return self.passes is None or (isinstance(seen.event, CloudEvent) and self.passes(seen.event))


class Letters(Protocol):
    """Where dead letters are kept: the file of the embedded broker, or a topic of a bus."""

    def each(self) -> AsyncIterator[Seen]:
        """Iterate those that wait, the oldest first."""

    def ended(self) -> AsyncIterator[Mapping[str, Any]]:
        """Iterate what is known of those that somebody is done with."""

    async def retry(self, choice: Choice, to: str, rate: float) -> Tally | int:
        """Send those again that are meant, at most so many a second (0: as many as go).

        Returns what became of them, or how many the broker will send by itself.
        """

    async def discard(self, choice: Choice, note: str) -> int:
        """End those that are meant, and keep the note; return how many."""

    async def close(self) -> None:
        """Close it."""


def chosen(names: list[str] | None, text: str, trigger: str = "") -> Choice:
    """Return what is meant by a command's words; a filter that is none ends it with a sentence."""
    passes = selection(text)
    if isinstance(passes, list):
        fail(*(f"--filter: {one.message}: {one.suggestion}" for one in passes), code=2)
    if names and text:
        fail("name dead letters, or choose them by --filter: not both", code=2)
    return Choice(tuple(dict.fromkeys(names or ())), trigger, passes if text else None)


async def grouped(letters: Letters, choice: Choice, by: Group) -> list[dict[str, Any]]:
    """Return how many letters there are of each reason, stage or Trigger, the most first."""
    counts: Counter[str] = Counter()
    async for seen in letters.each():
        if choice.takes(seen):
            counts[seen.row[by.value]] += 1
    return [{by.value: name, "letters": count} for name, count in counts.most_common()]
