"""The correlation state machine: (record, observation and verdict | tick, now) -> (record, snapshots). Pure.

One record holds all problems of one object. Every call weighs all its tracks at the record's own time, which only
grows, so an observation also does what was due on its object.

Whether a problem gets a ticket of its own is the desk's to decide (desk.py), with what a tick brings along of other
records (`Surroundings`): a cause, a group, a limit. None of them needs to know how an episode came about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf
from operator import attrgetter

from shared.episodes.bonds import Rules, is_bound, policy_of, subject_of
from shared.episodes.desk import Around, Found
from shared.episodes.fold import LATENESS, RECOVERY, Fact
from shared.episodes.policy import Quiet, quiet_by_annotation
from shared.episodes.record import (
    MARK_SECONDS,
    MAX_MARKS,
    MAX_OUTBOX,
    MAX_SEEN,
    MAX_TRACKS,
    Mark,
    Others,
    Record,
    Track,
    Unsent,
    Whole,
)
from shared.episodes.relations import node_of, relations_of
from shared.episodes.snapshot import head_of, line_of, mark_of, problem_fact, recovery_mark
from shared.episodes.track import Said, Settled, Snapshot, current, occur, recover, settle
from shared.events.episode import Episode
from shared.events.model import Classified, policy_time

BY_HAND = "closed by hand"
_DISPLACED = "displaced"
_NOTHING: Mapping[str, Found] = {}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What other records say, by problem key: what was found for a problem, and who suffers from it."""

    found: Mapping[str, Found] = field(default_factory=dict)
    others: Mapping[str, Others] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What one call brought: the record to keep, what is new, what is told again.

    `due` is when a track must be looked at again (seconds); `repeated` that the observation was known, `moved` that a
    problem or the end of one was in it. `own` are the episodes that the same observation tells again if it comes again.
    """

    record: Record
    snapshots: tuple[Snapshot, ...] = ()
    again: tuple[Episode, ...] = ()
    repeated: bool = False
    moved: bool = False
    own: frozenset[str] = frozenset()
    due: float | None = None

    @property
    def answer(self) -> Episode | None:
        """Return the one snapshot that a reply can carry safely: if it gets lost, the observation comes again."""
        episodes = [*(found.episode for found in self.snapshots), *self.again]
        return episodes[0] if len(episodes) == 1 and episodes[0].id in self.own else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an observation besides itself.

    `labels` are those of its namespace, `old` says that it is of something that began before first contact with its
    cluster; `whole` is given for a group's, whose tracks have it already.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    old: bool = False
    whole: Whole | None = None


def observe(record: Record, classified: Classified, known: Known, rules: Rules) -> Step:
    """Take in one classified observation of the record's object."""
    mark = mark_of(classified)
    time = policy_time(classified.observation).timestamp()
    repeated = mark in record.seen
    seen = record.seen if repeated else (*record.seen, mark)[-MAX_SEEN:]
    node = node_of(classified) if classified.observation.object.kind == "Pod" else ""
    record = replace(record, now=max(record.now, time), seen=seen, node=node or record.node)
    tracks: dict[str, Track] = dict(record.tracks)
    moved = classified.verdict.phase == "problem"
    if not repeated:
        if classified.verdict.ends:
            ended = recovery_mark(classified, mark, time)
            moved = moved or any(ended.ended(track) for track in tracks.values())
            tracks = {
                key: recover(track, ended.fact, policy_of(track, rules), ended.message) if ended.ended(track) else track
                for key, track in tracks.items()
            }
            record = replace(record, marks=_remember(record, ended))
        if classified.verdict.phase == "problem":
            track = _occurred(tracks, record, classified, known, rules)
            tracks[track.key] = track
    step, settled = _settle(record, tracks, rules)
    own, again = _again(step, settled, classified, mark)
    return replace(step, repeated=repeated, moved=moved, own=own, again=again)


def tick(record: Record, now: float, rules: Rules, surroundings: Surroundings | None = None) -> Step:
    """Do what is due on the record's object at `now` (seconds), with what was looked up for it."""
    around = surroundings or Surroundings()
    tracks = {key: replace(track, others=around.others.get(key, track.others)) for key, track in record.tracks.items()}
    return _settle(replace(record, now=max(record.now, now)), tracks, rules, around.found)[0]


def close(record: Record, key: str, now: float, rules: Rules) -> Step:
    """Take in that one problem key's episode was ended by hand at `now`, whatever its hold; it is due at once.

    Nothing is weighed: whoever closes may not know the rules in force, and the object's other problems go by those.
    """
    time = max(record.now, now)
    fact = Fact(time=time, kind=RECOVERY, mark="hand", shown=time, reason=BY_HAND, at_once=True)
    track = record.tracks[key]
    tracks = {**record.tracks, key: recover(track, fact, policy_of(track, rules))}
    return Step(replace(record, now=time, tracks=tracks), due=now)


def into_outbox(step: Step) -> Step:
    """Return the step with its new snapshots kept in the record until the broker has accepted them.

    Where many wait, those that a newer one replaces entirely go: an outage must not fill the record.
    """
    if not step.snapshots:
        return step
    new = tuple(Unsent(found.not_before, found.episode.model_dump(mode="json")) for found in step.snapshots)
    outbox = step.record.outbox + new
    if len(outbox) > MAX_OUTBOX:
        outbox = _newest(outbox)
    return replace(step, record=replace(step.record, outbox=outbox))


def wanted(step: Step, after: float = -inf) -> float | None:
    """Return when the object must be looked at: for a track, or for a snapshot due later than `after`."""
    times = [unsent.not_before for unsent in step.record.outbox if unsent.not_before > after]
    if step.due is not None:
        times.append(step.due)
    return min(times, default=None)


def indexed(record: Record, time: float | None, consumed: int | None = None) -> tuple[Record, int | None]:
    """Return the record with its due time, and the second to enter into the index of due work, if any.

    An entry that is too early only costs a look, so a later due time needs no new entry: the early one finds it.
    `consumed` is the second of the entry that is being worked on and will be deleted.
    """
    due = record.due
    if due is not None and consumed is not None and ceil(due) <= consumed:
        due = None
    if time is None or (due is not None and due <= time):
        return (record if due == record.due else replace(record, due=due)), None
    return replace(record, due=time), ceil(time)


def _newest(outbox: Sequence[Unsent]) -> tuple[Unsent, ...]:
    """Keep the highest revision of each episode, and the highest open one: no ticket begins with an end."""
    highest: dict[tuple[str, bool], int] = {}
    for unsent in outbox:
        name, revision = unsent.label
        for kind in ((name, False), (name, unsent.episode["state"] == "open")):
            highest[kind] = max(highest.get(kind, 0), revision)
    return tuple(
        unsent
        for unsent in outbox
        if unsent.label[1] in {highest[unsent.label[0], False], highest.get((unsent.label[0], True))}
    )


def _occurred(tracks: Mapping[str, Track], record: Record, classified: Classified, known: Known, rules: Rules) -> Track:
    key = classified.verdict.problem_key
    mark, time = mark_of(classified), policy_time(classified.observation).timestamp()
    said = Said(head_of(classified, mark, time), line_of(classified, mark, time))
    track = tracks.get(key) or Track(key, said.head)
    if known.whole is not None:
        track = known.whole.on(track)
    else:
        relations = {**track.relations, **relations_of(classified, record.node)}
        track = replace(track, labels=dict(known.labels) or track.labels, relations=relations)
    fact = problem_fact(classified, mark, time, old=known.old)
    track = occur(track, fact, said, record.marks, policy_of(track, rules))
    return track if known.whole is None else known.whole.on(track)


def _remember(record: Record, new: Mark) -> tuple[Mark, ...]:
    """Keep every recovery of the last minute, of older ones the latest of each kind, none for longer than a day."""
    kept: list[Mark] = []
    older: set[tuple[tuple[str, ...], str, str]] = set()
    recent = record.now - LATENESS
    for mark in sorted((*record.marks, new), key=attrgetter("fact"), reverse=True):
        if mark.fact.time < recent:
            kind = (mark.ends, mark.part, mark.except_key)
            if kind in older or mark.fact.time < record.now - MARK_SECONDS:
                continue
            older.add(kind)
        kept.append(mark)
    return tuple(reversed(kept[:MAX_MARKS]))


def _settle(
    record: Record, known: Mapping[str, Track], rules: Rules, found: Mapping[str, Found] = _NOTHING
) -> tuple[Step, list[Settled]]:
    """Weigh the tracks, which become those of the record."""
    weighed: list[Settled] = []
    tracks: dict[str, Track] = {}
    snapshots: list[Snapshot] = []
    dues: list[float] = []
    crowd = _crowd(known)
    for key, track in known.items():
        around = around_of(track, rules, record.now, found.get(key))
        shown = recover(track, _displacement(record.now), around.policy) if key in crowd else track
        settled = settle(shown, around, record.now)
        weighed.append(settled)
        snapshots += settled.snapshots
        if settled.over or key in crowd:
            continue
        tracks[key] = settled.track
        if settled.due is not None:
            dues.append(settled.due)
    return Step(replace(record, tracks=tracks), tuple(snapshots), due=min(dues, default=None)), weighed


def _crowd(tracks: Mapping[str, Track]) -> frozenset[str]:
    """Return the keys that must go because one object has too many: those closed first, then the longest unheard."""
    if len(tracks) <= MAX_TRACKS:
        return frozenset()
    ordered = sorted(
        tracks.values(),
        key=lambda track: (track.sent is None, track.sent is not None and track.sent.state == "open", track.head.time),
    )
    return frozenset(track.key for track in ordered[: len(ordered) - MAX_TRACKS])


def _displacement(now: float) -> Fact:
    return Fact(time=now, kind=RECOVERY, mark=_DISPLACED, shown=now, reason=_DISPLACED, at_once=True)


def _again(
    step: Step, weighed: Sequence[Settled], classified: Classified, mark: str
) -> tuple[frozenset[str], tuple[Episode, ...]]:
    """Return the episodes that the observation is about, and the current snapshots of those that have nothing new.

    A problem without news may be one that comes again because its answer was lost. A snapshot in the outbox is on its
    way anyway; an older one there does not stand for it.
    """
    problem = classified.verdict.problem_key if classified.verdict.phase == "problem" else ""
    coming = {unsent.label for unsent in step.record.outbox}
    coming |= {(snapshot.episode.id, snapshot.episode.revision) for snapshot in step.snapshots}
    own: set[str] = set()
    again: list[Episode] = []
    for settled in weighed:
        sent = settled.track.sent
        if sent is None or (settled.track.key != problem and settled.core.ended_mark != mark):
            continue
        own.add(sent.id)
        episode = None if (sent.id, sent.revision) in coming else current(settled)
        if episode is not None:
            again.append(episode)
    return frozenset(own), tuple(again)


def around_of(track: Track, rules: Rules, now: float, found: Found | None = None) -> Around:
    """Return what surrounds a problem at `now`, with what was looked up for it."""
    policy = policy_of(track, rules)
    bound = is_bound(track, rules)
    alone = not (bound or policy.group_wait or policy.group_by or policy.limit is not None)
    return Around(policy, alone, _quiet(track, rules, now, found), found, bound)


def _quiet(track: Track, rules: Rules, now: float, found: Found | None) -> Quiet | None:
    if track.desk.looked:
        return None  # what has its ticket keeps it
    asked = quiet_by_annotation(track.labels, now) if found is None else found.quiet
    quiets = (rules.quiet(subject_of(track), now), asked)
    return max((quiet for quiet in quiets if quiet is not None), key=attrgetter("until"), default=None)


def episodes_of(record: Record, rules: Rules) -> list[tuple[Episode, str]]:
    """Return every problem as it is now under its last revision, and whose group had it when it ended, if one had."""
    found = [settle(track, around_of(track, rules, record.now), record.now) for track in record.tracks.values()]
    shown = ((current(settled, told=False), settled) for settled in found)
    return [(one, its.track.desk.left * (its.core.state == "resolved")) for one, its in shown if one is not None]
