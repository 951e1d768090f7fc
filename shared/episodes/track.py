"""What one problem key does with a fact: take it in, say what is new, and fold what is old for good."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from shared.episodes.desk import Around, Desk, escalated, weigh
from shared.episodes.fold import (
    LATENESS,
    PROBLEM,
    Core,
    Fact,
    Folded,
    absorb,
    fold,
    over_at,
    recover_late,
)
from shared.episodes.policy import Policy
from shared.episodes.record import CLOSED_SECONDS, MAX_ENDS, MAX_FACTS, MAX_HISTORY, Head, Mark, Occurred, Others, Track
from shared.episodes.snapshot import build, calm, count_of, shown_state, untold, urgent
from shared.episodes.snapshot import told as sent_of
from shared.episodes.timeline import turned
from shared.events.episode import Episode, Transition

SETTLE = 10.0
"""Seconds between the two snapshots of a problem that was over before it was heard of, so that the first goes first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot to send, not before a policy time."""

    not_before: float
    episode: Episode


@dataclass(frozen=True, slots=True)
class Said:
    """What a problem observation says for people: the texts of now, and a line of history."""

    head: Head
    line: Occurred


@dataclass(frozen=True, slots=True)
class Settled:
    """A track after its facts were weighed.

    `due` is when it must be looked at again, `over` that it can be dropped, `waiting` that its latest problem is held
    back because an earlier one may still come.
    """

    track: Track
    core: Core
    snapshots: tuple[Snapshot, ...]
    due: float | None
    over: bool
    waiting: bool


def occur(track: Track, fact: Fact, said: Said, marks: Iterable[Mark], policy: Policy) -> Track:
    """Take in a problem; recoveries that were seen before it and are later than it count too."""
    head, line = said.head, said.line
    if (head.time, head.mark) < (track.head.time, track.head.mark):
        head = track.head
    lines = {kept.mark: kept for kept in (*track.history, line)}
    ordered = sorted(lines.values(), key=lambda kept: (kept.shown, kept.mark))
    track = replace(track, head=head, history=tuple(ordered[-MAX_HISTORY:]))
    if fact.place < track.place:
        base = track.base.copy()
        absorb(base, fact, policy)
        return replace(track, base=base)
    later = [
        mark for mark in marks if mark.fact[:2] > fact[:2] and mark.ended(track) and mark.fact.place >= track.place
    ]
    for mark in later:
        track = _saying(track, mark.fact, mark.message)
    return _with(track, {fact, *(mark.fact for mark in later)})


def recover(track: Track, fact: Fact, policy: Policy, message: str = "") -> Track:
    """Take in a recovery that ends this track's condition, with what it says for people."""
    track = _saying(track, fact, message)
    if fact.place < track.place:
        base = track.base.copy()
        recover_late(base, fact, policy)
        return replace(track, base=base)
    return _with(track, {fact})


def _saying(track: Track, end: Fact, message: str) -> Track:
    """Keep what an end says for people."""
    if not message or (end.mark, message) in track.ends:
        return track
    return replace(track, ends=(*track.ends, (end.mark, message)))


def _speaking(track: Track, core: Core) -> Track:
    """Forget what ends said, but for the one that ended the problem, or is about to, and the latest few."""
    if len(track.ends) <= MAX_ENDS:
        return track
    counting = {core.ended_mark, core.ending_mark}
    latest = [end for end in track.ends if end[0] not in counting][-MAX_ENDS:]
    return replace(track, ends=tuple(end for end in track.ends if end[0] in counting or end in latest))


def settle(track: Track, around: Around, now: float) -> Settled:
    """Weigh all facts: which snapshots are new, when is something due, what can be folded for good."""
    policy = around.policy
    snapshots: list[Snapshot] = []
    while True:
        folded = _fold(track, policy, now)
        track, new, dues = _told(track, folded, around, now)
        snapshots += new
        if folded.split is None or folded.waits_until is not None:
            break
        track = _next_episode(track, folded.split)
    core = folded.core
    wanted = [time for time in (folded.waits_until, over_at(core), *dues) if time is not None]
    over = core.state == "resolved" and folded.split is None and now - core.resolved > CLOSED_SECONDS
    waiting = folded.waits_until is not None
    track = _compact(_speaking(track, core), policy, now)
    return Settled(track, core, tuple(snapshots), min(wanted, default=None), over, waiting)


def current(settled: Settled, *, told: bool = True) -> Episode | None:
    """Return the snapshot that was told last, again; None where there is none, or a newer one is to be told.

    With `told` False what is not told yet does not matter: it is for looking at, not for telling.
    """
    track, core = settled.track, settled.core
    sent = track.sent
    if settled.waiting or sent is None or sent.state != shown_state(track, core):
        return None
    return None if told and untold(track, core) else build(track, core, sent.transition, sent.revision)


def core_of(track: Track, policy: Policy, now: float) -> Core:
    """Return what became of the problem's facts by `now`, with the severity that the facts themselves have."""
    return fold(track.base, track.facts, policy, now, track.sent.guard if track.sent else -inf).core


def _with(track: Track, facts: set[Fact]) -> Track:
    return replace(track, facts=tuple(sorted({*track.facts, *facts})))


def _fold(track: Track, policy: Policy, now: float) -> Folded:
    guard = track.sent.guard if track.sent else -inf
    folded = fold(track.base, track.facts, policy, now, guard)
    if folded.waits_until is not None and len(track.facts) > MAX_FACTS:
        return replace(folded, waits_until=None)  # waiting is for the odd fact, not for a storm
    return folded


def _told(
    track: Track, folded: Folded, around: Around, now: float
) -> tuple[Track, list[Snapshot], tuple[float | None, ...]]:
    """Return the snapshots that the fold's state asks for, against what was told before, and what is due later."""
    core, policy = folded.core, around.policy
    if core.state == "none":
        return track, [], ()
    found: list[Snapshot] = []
    desk, looked = weigh(track.desk, core, around, now)
    track = replace(track, desk=desk)
    if core.state == "resolved" and _must_be_opened_first(track, around):
        running = core.copy()
        running.state = "open"
        track, snapshot = _send(track, running, now, now)
        found.append(snapshot)
    raised = None
    if core.state == "open" and policy.escalate:
        core.severity, raised = escalated(core, policy, track.others.count, now)
    # Facts of an episode that is still held back are in the texts already; they are no news of this one.
    sent = track.sent
    if sent is not None and folded.split is not None and sent.state == shown_state(track, core):
        return track, found, (looked, raised)
    time = _tell_at(track, core, policy, now)
    if time is None or time > now:
        return track, found, (looked, raised, time)
    track, snapshot = _send(track, core, now, now + SETTLE if found else now)
    return track, [*found, snapshot], (looked, raised)


def _must_be_opened_first(track: Track, around: Around) -> bool:
    """Return True where the end is the first that is told, or a ticket was found to be owed when all was over."""
    sent = track.sent
    return sent is None or (around.found is not None and track.desk.ticket and not sent.ticket)


def _tell_at(track: Track, core: Core, policy: Policy, now: float) -> float | None:
    """Return when what is not told yet is to be told; None where all is told.

    What goes on as it was is told after as long as it has lasted, and at least as often as `repeat_interval` says.
    """
    sent = track.sent
    if sent is None or sent.digest != urgent(track, core):
        return now
    if sent.calm != calm(track):
        return sent.time + policy.group_interval
    if sent.count != count_of(track, core):
        lasted = max(sent.time - core.started, policy.group_interval)
        return sent.time + min(lasted, policy.repeat_interval)
    return None


def _send(track: Track, core: Core, now: float, not_before: float) -> tuple[Track, Snapshot]:
    before = track.sent.state if track.sent else "none"
    revision = track.sent.revision + 1 if track.sent else 1
    track = replace(track, timeline=turned(track, core, now))
    episode = build(track, core, _transition(before, shown_state(track, core), revision), revision)
    sent = sent_of(track, core, episode, now)
    return replace(track, sent=sent), Snapshot(not_before, episode)


def _transition(before: str, state: str, revision: int) -> Transition:
    """Return the transition's name. An end is said as an end each time: it may be the first that somebody hears."""
    if state == "resolved":
        return "resolved"
    if revision == 1:
        return "opened"
    return "reopened" if before == "resolved" else "updated"


def _next_episode(track: Track, split: int) -> Track:
    first = track.facts[split]
    others = Others() if track.had is None else track.others  # a group was looked at as what begins now (groups.py)
    return replace(
        track,
        base=Core(past=True),
        place=(first.time - LATENESS, PROBLEM),
        facts=track.facts[split:],
        history=tuple(line for line in track.history if line.time >= first.time - LATENESS),
        sent=None,
        desk=Desk(),
        others=others,
        timeline=(),
    )


def _compact(track: Track, policy: Policy, now: float) -> Track:
    old = sum(1 for fact in track.facts if fact.time < now - LATENESS)
    old = max(old, len(track.facts) - MAX_FACTS)
    if old <= 0:
        return track
    facts = track.facts[:old]
    core = fold(track.base, facts, policy, -inf, inf).core
    if core.state == "none":  # recoveries alone say nothing; a problem that they precede still finds them as marks
        return replace(track, facts=track.facts[old:])
    core.sources.bound()
    return replace(track, base=core, place=facts[-1].place, facts=track.facts[old:])
