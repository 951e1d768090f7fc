"""The ledger of what was done in one cluster, and whether one more thing may be. Pure.

It is one value, so that one compare-and-set decides (F40): whoever writes the act first does it.
Times are seconds since the epoch, for replicas share no other clock. One that jumps back makes things wait longer.
"""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from functions.remediate.hook import Hook
from shared.events.model import Frozen

VERSION: Final = 1
KEPT: Final = 30 * 86_400.0
"""Seconds that an act is remembered: longer than any cooldown, and than most problems last."""
MOST: Final = 2_000
"""Acts in one ledger: some 600 kB, below what a store takes."""
_DAY: Final = 86_400.0

Phase = Literal["begun", "done", "failed"]


class Act(Frozen):
    """One thing that was done, or was about to be: `begun` is all that is known of one whose end nobody wrote down."""

    id: str = Field(description="The same for each try of the same: of the hook, the episode and its revision.")
    hook: str
    thing: str = Field(description="`Kind/namespace/name`.")
    episode: str
    revision: int
    time: float = Field(description="When it was first claimed; what is done carries it.")
    since: float = Field(description="When it was last claimed.")
    dry: bool = False
    phase: Phase = "begun"
    said: str = Field(default="", description="How it ended, for people.")


class Ledger(Frozen):
    """The acts, oldest first."""

    version: int = VERSION
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Granted:
    """It may be done: write `ledger` first. `again` says that an earlier try may have done it."""

    ledger: Ledger
    act: Act
    again: bool


@dataclass(frozen=True, slots=True)
class Known:
    """It was done before."""

    act: Act


@dataclass(frozen=True, slots=True)
class Busy:
    """Another does it now."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """It is not done, and why. `told` is False where saying so again would be noise.

    `foreign` says that the hook's allow-list has not what the problem led to: it may be for the next hook.
    """

    why: str
    told: bool = True
    foreign: bool = False


Answer = Granted | Known | Busy | Refusal


def looked_up(ledger: Ledger, wanted: Act, hook: Hook, lease: float) -> Known | Busy | Refusal | None:
    """Return what is known of this very act, or that its episode has had its share; None where it is open."""
    mine = _mine(ledger, wanted)
    if mine is not None and mine.phase == "done":
        return Known(mine)
    if mine is not None and mine.phase == "begun":
        return Busy() if abs(wanted.since - mine.since) < lease else None
    had = [one for one in _like(ledger, wanted) if one.episode == wanted.episode and one.hook == hook.name]
    if len([one for one in had if one.phase != "failed"]) >= hook.max_per_episode:
        return Refusal("this episode has had what it may have", told=False)
    return None


def gone_on(ledger: Ledger, wanted: Act, hook: Hook) -> Act:
    """Return the act that is wanted, as the one that an older snapshot of its episode began and nobody ended.

    The older event does not come again, or is out of date: what became of its act would never be looked at. But not of
    an eviction: it leaves no mark, and the pod of a newer snapshot may be another one.
    """
    mine = (one for one in ledger.acts if (one.hook, one.episode, one.dry) == (hook.name, wanted.episode, wanted.dry))
    before = next((one for one in mine if one.phase == "begun"), None)
    if before is None or hook.do == "evict":
        return wanted
    return wanted.model_copy(update={"id": before.id, "revision": before.revision})


def begun(ledger: Ledger, wanted: Act) -> bool:
    """Return True where this very act was begun before and nobody wrote down its end."""
    mine = _mine(ledger, wanted)
    return mine is not None and mine.phase == "begun"


def judge(ledger: Ledger, wanted: Act, hook: Hook, lease: float) -> Answer:
    """Say whether an act may be done now (`wanted.since`), and what the ledger is then."""
    now = wanted.since
    found = looked_up(ledger, wanted, hook, lease)
    if found is not None:
        return found
    mine = _mine(ledger, wanted)
    if mine is not None and mine.phase == "begun":  # whoever began it is gone: it goes on under its first time
        again = mine.model_copy(update={"since": now})
        return Granted(_with(ledger, mine, again), again, again=True)
    refusal = _refusal(ledger, wanted, hook)
    if refusal:
        return Refusal(refusal)
    kept = tuple(one for one in ledger.acts if now - one.time < KEPT and not _same(one, wanted))
    if len(kept) >= MOST:
        if now - kept[0].time < _DAY:
            return Refusal(f"{MOST:,} things were done within a day")
        kept = kept[1 - MOST :]
    return Granted(Ledger(acts=(*kept, wanted)), wanted, again=False)


def ended(ledger: Ledger, act: Act, phase: Phase, said: str) -> Ledger:
    """Return the ledger with how an act ended; that it failed is not for who lost it to another (F07)."""
    if phase != "done" and not _holds(ledger, act):
        return ledger
    return _with(ledger, act, act.model_copy(update={"phase": phase, "said": said}))


def released(ledger: Ledger, act: Act) -> Ledger:
    """Return the ledger without an act that certainly changed nothing, unless another has gone on with it (F07)."""
    if not _holds(ledger, act):
        return ledger
    return Ledger(acts=tuple(one for one in ledger.acts if not _same(one, act)))


def _refusal(ledger: Ledger, wanted: Act, hook: Hook) -> str:
    now = wanted.since
    acts = _like(ledger, wanted)
    last = max((one for one in acts if one.thing == wanted.thing), key=lambda one: one.since, default=None)
    if last is not None and now - last.since < hook.cooldown:
        return f"something was done to it less than {_span(hook.cooldown)} ago ({last.hook})"
    mine = [one for one in acts if one.hook == hook.name]
    if len([one for one in mine if now - one.time < hook.limit.within]) >= hook.limit.acts:
        return f"the limit of {hook.limit.acts} within {_span(hook.limit.within)} is reached"
    recent = [one for one in mine if now - one.time < hook.circuit.within]
    latest = recent[-hook.circuit.failures :]
    if len(latest) == hook.circuit.failures and all(one.phase == "failed" for one in latest):
        return f"the circuit is open: it failed {hook.circuit.failures} times in a row"
    back = [one for one in recent if one.thing == wanted.thing and one.phase != "failed"]
    if len(back) >= hook.circuit.returns:
        return f"the circuit is open: it came back {len(back)} times within {_span(hook.circuit.within)}"
    return ""


def _like(ledger: Ledger, wanted: Act) -> list[Act]:
    """Return the other acts that count: a dry run stands in the way of dry runs alone."""
    return [one for one in ledger.acts if one.dry == wanted.dry and one.id != wanted.id]


def _holds(ledger: Ledger, act: Act) -> bool:
    """Return True for who claimed an act last, where nobody wrote down its end."""
    mine = _mine(ledger, act)
    return mine is not None and mine.phase == "begun" and mine.since == act.since


def _mine(ledger: Ledger, wanted: Act) -> Act | None:
    return next((one for one in ledger.acts if _same(one, wanted)), None)


def _same(one: Act, other: Act) -> bool:
    return one.id == other.id and one.dry == other.dry


def _with(ledger: Ledger, before: Act, after: Act) -> Ledger:
    return Ledger(acts=tuple(after if _same(one, before) else one for one in ledger.acts))


def _span(seconds: float) -> str:
    for unit, each in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= each and seconds % each == 0:
            return f"{seconds / each:.0f}{unit}"
    return f"{seconds:.0f}s"
