"""What is kept of one object's changes, as a part of its record: compact, versioned, bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from shared.episodes.rollout_fold import Core, Fact
from shared.events.difference import Row

VERSION: Final = 1
MAX_FACTS: Final = 16
MAX_SEEN: Final = 32
MAX_TOLD: Final = 4
MAX_PROBLEMS: Final = 20


NOTHING: Final = Core()


class RolloutError(ValueError):
    """What is stored is nothing that this version can read."""


class Told(NamedTuple):
    """What was last told of one change; times in seconds, `ended` 0 while it runs."""

    id: str
    revision: int
    state: str
    started: float
    ended: float
    digest: str
    what: str
    who: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """The changes of one object: `base` is folded for good up to `place`, `facts` are those of the last minute.

    `thing` holds the members of a snapshot that its object decides. `told` are the latest changes, the oldest first.
    """

    thing: Mapping[str, Any]
    base: Core = NOTHING
    place: tuple[float, int, str] = (0.0, -1, "")
    facts: tuple[Fact, ...] = ()
    seen: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    now: float = 0.0


def encode(rollout: Rollout) -> list[Any]:
    """Return it as a JSON list."""
    return [
        VERSION,
        dict(rollout.thing),
        list(rollout.base),
        list(rollout.place),
        [list(fact) for fact in rollout.facts],
        list(rollout.seen),
        [list(one) for one in rollout.told],
        dict(rollout.labels),
        rollout.now,
    ]


def decode(value: Any) -> Rollout:
    """Return what `encode` made. Raises RolloutError, also for what a newer version wrote."""
    try:
        version, thing, base, place, facts, seen, told, labels, now = value
        if version != VERSION:
            raise RolloutError(f"the roll-out has version {version}, this program reads {VERSION}")
        time, kind, mark = place
        return Rollout(
            thing=dict(thing),
            base=_core(base),
            place=(time, kind, mark),
            facts=tuple(map(_fact, facts)),
            seen=tuple(seen),
            told=tuple(map(_told, told)),
            labels=dict(labels),
            now=now,
        )
    except (ValueError, LookupError, TypeError) as error:
        raise error if isinstance(error, RolloutError) else RolloutError("the roll-out cannot be read") from error


def _core(row: Any) -> Core:
    core = Core(*row)
    return core._replace(fields=_fields(core))  # JSON makes lists of tuples


def _fact(row: Any) -> Fact:
    fact = Fact(*row)
    return fact._replace(fields=_fields(fact))


def _told(row: Any) -> Told:
    told = Told(*row)
    return told._replace(problems=tuple(told.problems))


def _fields(one: Core | Fact) -> tuple[Row, ...]:
    return tuple((path, before, after) for path, before, after in one.fields)
