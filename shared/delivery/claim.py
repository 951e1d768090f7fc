"""The claim machine: who may tell a destination about an episode now, and what is known of what was told before.

Pure: each transition takes a record and returns an answer; writing it by compare-and-set is `claims.py`'s business. One
record for each destination and episode:

    (none) --claim--> held --complete--> free, remembers the revision
                       |---release-----> free, as before: certainly nothing was changed over there
                       |---doubt-------> doubt: something may have been changed
                       `---lease out---> (as doubt)
    doubt --claim--> held again, with the advice to ask the destination first

Leases are wall-clock times because replicas share no other clock. The holder itself is bound by its own monotonic
deadline and never sends past it; the wall clock only decides when another may take over, and a takeover always asks the
destination first. So a clock that jumps (F31) costs an early question, never a second record: a lease that would begin
in the future counts as run out.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime, Field

from shared.events.delivery import DeliveryOperation
from shared.events.model import Frozen

CLOCK_SKEW = 5.0
"""Seconds by which replicas' clocks may differ before a lease from the future counts as a clock that jumped."""


class Memory(Frozen):
    """What we know of the foreign record: what we last applied there and how it looked then."""

    revision: int = Field(default=0, ge=0, description="Episode revision last applied; 0 is none.")
    reopened: int = Field(default=0, ge=0, description="How often the episode had come back by then.")
    standing: Literal["", "open", "over"] = Field(default="", description="What we last told: it lasts, or it is over.")
    record: str = Field(default="", description="The foreign record's id.")
    number: str = ""
    link: str = ""
    written: dict[str, str] = Field(default_factory=dict, description="Digest of each field as it stood once written.")
    noted: str = Field(default="", description="What the last note for people said, as a digest.")
    told: int = Field(default=0, ge=0, description="The revision up to which people were told; 0 is not known.")
    operation: DeliveryOperation = "open"
    time: AwareDatetime | None = None


class Record(Frozen):
    """One claim record as it is stored. `token` grows with every claim; times are seconds since the epoch."""

    token: int = Field(ge=1)
    phase: Literal["held", "free", "doubt"]
    since: float
    until: float
    doubted: float = Field(default=0.0, description="When a send of unknown end was last given up; 0 is never.")
    memory: Memory = Memory()


@dataclass(frozen=True, slots=True)
class New:
    """The claim is ours: write `record`, then send."""

    record: Record


@dataclass(frozen=True, slots=True)
class Doubt:
    """The claim is ours, but an earlier send may have taken effect: write `record`, then ask before sending."""

    record: Record


@dataclass(frozen=True, slots=True)
class Known:
    """This revision, or a newer one, was applied before."""

    memory: Memory


@dataclass(frozen=True, slots=True)
class Held:
    """Another holds it until then."""

    until: float


Answer = New | Doubt | Known | Held


def claim(record: Record | None, revision: int, now: float, lease: float) -> Answer:
    """Ask for the claim on one episode at one revision, for `lease` seconds from `now`."""
    if record is None:
        return New(Record(token=1, phase="held", since=now, until=now + lease))
    if record.phase == "free" and revision <= record.memory.revision:
        return Known(record.memory)
    if record.phase == "held" and _running(record, now):
        return Held(record.until)
    given_up = {"free": 0.0, "doubt": record.doubted, "held": record.until}[record.phase]
    taken = Record(
        token=record.token + 1,
        phase="held",
        since=now,
        until=now + lease,
        doubted=min(given_up, now),  # a time ahead is another replica's clock, or one that jumped: it counts as now
        memory=record.memory,
    )
    return New(taken) if record.phase == "free" else Doubt(taken)


def complete(held: Record, memory: Memory) -> Record:
    """Return the record of a claim whose effect is known: it is over there."""
    return held.model_copy(update={"phase": "free", "memory": memory})


def release(held: Record) -> Record:
    """Return the record of a claim that certainly changed nothing."""
    return held.model_copy(update={"phase": "free"})


def doubt(held: Record, now: float) -> Record:
    """Return the record of a claim whose send had no answer: its effect is unknown, and may still come."""
    return held.model_copy(update={"phase": "doubt", "doubted": now})


def look_later(held: Record, memory: Memory | None = None) -> Record:
    """Return the record of a claim in doubt that has to be looked at once more; the doubt is as old as it was."""
    return held.model_copy(update={"phase": "doubt", "memory": memory or held.memory})


def _running(record: Record, now: float) -> bool:
    return record.since - CLOCK_SKEW <= now < record.until
