"""From a classified observation to what is kept of it, and from what is kept to the snapshot that travels."""

from datetime import UTC, datetime
from typing import Any

from shared.episodes.desk import CONSEQUENCE, Desk, Under
from shared.episodes.fold import EXPIRED, PROBLEM, RECOVERY, Core, Fact
from shared.episodes.record import Head, Mark, Occurred, Sent, Track, Turned
from shared.episodes.relations import key_of_group
from shared.episodes.sources import STATE
from shared.episodes.timeline import cause_of_end, first_of, kinds_of, words_of
from shared.events.episode import Cause, Episode, EpisodeState, Transition
from shared.events.identity import digest, episode_id, scope_key
from shared.events.model import Classified
from shared.events.vocabulary import worse

_SHORT = 12  # characters of a digest: 60 bits, among the few hundred facts of one object
_MAX_MESSAGE = 2000
_MAX_LINE = 300
_LAST_SECOND = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()
_FIRST_SECOND = datetime.min.replace(tzinfo=UTC).timestamp()


def moment(seconds: float) -> datetime:
    """Return a time for people from seconds since 1970, within the years that a date can have."""
    return datetime.fromtimestamp(min(max(seconds, _FIRST_SECOND), _LAST_SECOND), UTC)


def mark_of(classified: Classified) -> str:
    """Return the short form of the observation's identity."""
    return digest("mark", classified.observation.identity)[:_SHORT]


def problem_fact(classified: Classified, mark: str, time: float, *, old: bool = False) -> Fact:
    """Return the fact that a problem observation is for its own key; `old` where it began before first contact."""
    seen, verdict = classified.observation, classified.verdict
    of_state = seen.operation != "event" and bool(seen.reason)  # a condition in the object's status, not a change of it
    return Fact(
        time=time,
        kind=PROBLEM,
        mark=mark,
        shown=seen.time.timestamp(),
        source=STATE if of_state else digest("source", seen.source_uid or seen.identity)[:_SHORT],
        reported=seen.count if of_state or seen.operation == "event" else 1,
        severity=verdict.severity,
        ticket_after=verdict.ticket_after,
        hold=float(verdict.hold),
        expires=float(verdict.expires),
        old=old,
    )


def recovery_mark(classified: Classified, mark: str, time: float) -> Mark:
    """Return the recovery that an observation with `ends` is, for whichever conditions it names."""
    seen, verdict = classified.observation, classified.verdict
    problem = verdict.phase == "problem"
    fact = Fact(
        time=time,
        kind=RECOVERY,
        mark=mark,
        shown=seen.time.timestamp(),
        hold=0.0 if problem else float(verdict.hold),
        reason=(seen.reason or verdict.rule)[:_MAX_LINE],
    )
    # A problem's part says which part is broken, not which part its `ends` are about.
    part, key = ("", verdict.problem_key) if problem else (verdict.part, "")
    return Mark(fact, verdict.ends, part, key, seen.message[:_MAX_LINE])


def head_of(classified: Classified, mark: str, time: float) -> Head:
    """Return the texts that the latest problem observation decides."""
    seen, verdict = classified.observation, classified.verdict
    shown: dict[str, Any] = {
        "cluster": seen.cluster,
        "object": dict(seen.object.__dict__),
        "owner": None if seen.owner is None else dict(seen.owner.__dict__),
        "scope": scope_key(seen.cluster, seen.object, seen.owner, seen.host),
        "reason": seen.reason,
        "message": seen.message[:_MAX_MESSAGE],
        "fingerprint": seen.fingerprint,
        "type": seen.type,
        "component": seen.component,
        "host": seen.host,
        "severity": verdict.severity,
        **{name: getattr(verdict, name) for name in _VERDICT},
    }
    return Head(time, mark, shown)


_VERDICT = ("condition", "part", "category", "subcategory", "summary", "rule", "why", "runbook")


def line_of(classified: Classified, mark: str, time: float) -> Occurred:
    """Return the observation as a line of history."""
    seen = classified.observation
    return Occurred(
        shown=seen.time.timestamp(),
        mark=mark,
        time=time,
        reason=seen.reason,
        message=seen.message[:_MAX_LINE],
        count=seen.count,
    )


def build(track: Track, core: Core, transition: Transition, revision: int) -> Episode:
    """Return the snapshot of a track's current episode."""
    sent, desk = track.sent, track.desk
    resolved = shown_state(track, core) == "resolved"
    over = core.state == "resolved"
    return Episode.model_validate(
        {
            **track.head.shown,
            "id": sent.id if sent else episode_id(track.key, moment(core.started)),
            "problem_key": track.key,
            "revision": revision,
            "state": "resolved" if resolved else "open",
            "transition": transition,
            "severity": worse(core.severity, sent.severity) if sent else core.severity,
            "ticket": desk.ticket,
            "baseline": bool(core.known) and not desk.ticket,
            "started": moment(core.started_shown),
            "last_seen": moment((track.had.seen if track.had is not None else 0.0) or core.last_shown),
            "resolved": moment(core.resolved_shown if over else _taken(desk).since) if resolved else None,
            "ended_by": (core.ended_by if over else _ENDED[_taken(desk).kind]) if resolved else "",
            "ended_message": dict(track.ends).get(core.ended_mark, "") if over else "",
            "lasted": _lasted(core) if over else None,
            "count": count_of(track, core),
            "reopened": core.reopened,
            "history": [
                {"time": moment(line.shown), "reason": line.reason, "message": line.message, "count": line.count}
                for line in track.history
            ],
            "labels": track.labels,
            "relations": track.relations,
            "affected": track.others.first,
            "affected_count": track.others.count,
            "cause": None if (cause := desk.under or cause_of_end(track, core)) is None else _cause(cause),
            "suspects": desk.suspects,
            "flapping": core.flapping,
            "quiet": desk.quiet,
            "timeline": [_turn(line) for line in track.timeline],
        }
    )


_NOTHING = Under("consequence", "")
_ENDED = {
    "consequence": CONSEQUENCE,
    "group": "taken into a group",
    "limit": "taken into a summary",
}


def _lasted(core: Core) -> float:
    """Return the seconds (policy time) up to its end: that for which it had to stay quiet then does not count."""
    end = core.resolved if core.ended_by == EXPIRED else core.resolved - core.ending_hold
    return max(0.0, end - core.started)


def _taken(desk: Desk) -> Under:
    return desk.under or _NOTHING


def _turn(line: Turned) -> dict[str, Any]:
    named = {"before": line.before, "after": line.after, "things": line.things}
    return {"revision": line.revision, "time": moment(line.shown), "what": line.what, **named}


def _cause(under: Under) -> Cause:
    together = "" if under.kind == "consequence" else key_of_group(under.thing)
    return Cause(kind=under.kind, id=under.id, summary=under.summary, object=under.path, problem_key=together)


def shown_state(track: Track, core: Core) -> EpisodeState:
    """Return the state that is told: what something else took in has no ticket of its own while that lasts."""
    return "resolved" if core.state == "resolved" else track.desk.state


def told(track: Track, core: Core, episode: Episode, now: float) -> Sent:
    """Return what has now been told of the episode."""
    return Sent(
        id=episode.id,
        revision=episode.revision,
        state=episode.state,
        transition=episode.transition,
        guard=core.last,
        severity=episode.severity,
        ticket=episode.ticket,
        count=episode.count,
        digest=urgent(track, core),
        calm=calm(track),
        time=now,
        ended_by=episode.ended_by,
        affected=max(episode.affected_count, track.sent.affected if track.sent else 0),
        first=first_of(track),
        suspects=len(episode.suspects),
        flapping=episode.flapping,
        under=words_of(track.desk.under),
        reopened=episode.reopened,
        kinds=kinds_of(track),
    )


def urgent(track: Track, core: Core) -> str:
    """Return a digest of what a reader is told at once: a snapshot that says the same again is no new revision."""
    sent, desk = track.sent, track.desk
    parts = (
        shown_state(track, core),
        worse(core.severity, sent.severity) if sent else core.severity,
        str(desk.ticket),
        str(core.reopened),
        str(core.flapping),
        desk.quiet,
        "" if desk.under is None else f"{desk.under.kind} {desk.under.thing}",
    )
    return digest(*parts)[:_SHORT]


def calm(track: Track) -> str:
    """Return a digest of what is news that may wait for more of it."""
    shown, others = track.head.shown, track.others
    parts = (shown["reason"], shown["fingerprint"], str(others.count), *(one.path for one in others.first))
    return digest(*parts)[:_SHORT]


def untold(track: Track, core: Core) -> bool:
    """Return True where anything that a reader cares about is not told yet."""
    sent = track.sent
    return sent is None or (sent.digest, sent.calm, sent.count) != (
        urgent(track, core),
        calm(track),
        count_of(track, core),
    )


def count_of(track: Track, core: Core) -> int:
    """Return the count; giving up sources in a storm may lose some, but a reader never sees it fall."""
    return max(1, core.sources.total, track.sent.count if track.sent else 0)
