"""The timeline of an episode: what changed for people from one snapshot that was told to the next. Pure.

Each turn names the revision that told it first. So whoever remembers which revision he spoke of last knows what is new
since, however many snapshots he missed. What goes on as it was (the count, a message in turn with another) is no turn,
and neither are fewer affected than there were.
"""

from collections.abc import Iterator

from shared.episodes.desk import CONSEQUENCE, Under
from shared.episodes.fold import Core
from shared.episodes.record import Sent, Track, Turned
from shared.episodes.relations import OF_GROUP
from shared.events.identity import digest
from shared.events.vocabulary import worse

MAX_TURNS = 20
"""Turns that are kept: the first, and the latest of the others."""
MAX_KINDS = 8
"""Kinds of message that are news each; with more of them a new kind says nothing any more."""
_SHORT = 8  # characters of a digest, among the few of one episode


def turned(track: Track, core: Core, now: float) -> tuple[Turned, ...]:
    """Return the timeline with what the next snapshot will tell first; the same where it tells no turn."""
    sent = track.sent
    if sent is None:
        return (Turned(1, core.started_shown, "opened", after=core.severity),)
    new = tuple(_new(track, core, sent, now))
    if not new:
        return track.timeline
    first, *rest = (*track.timeline, *new)
    return (first, *rest[-(MAX_TURNS - 1) :])


def kinds_of(track: Track) -> tuple[str, ...]:
    """Return the kinds of message that were said by now, as short digests."""
    said = track.sent.kinds if track.sent is not None else ()
    kind = _kind(track)
    return said if kind in said or len(said) >= MAX_KINDS else (*said, kind)


def first_of(track: Track) -> tuple[str, ...]:
    """Return the affected objects that are shown by name, as short digests."""
    return tuple(_brief(one.path) for one in track.others.first)


def words_of(under: Under | None) -> str:
    """Return what took a problem in, in one line; empty where nothing did."""
    return "" if under is None else under.summary or under.path or under.kind


def cause_of_end(track: Track, core: Core) -> Under | None:
    """Return what took in the members of a group that is over for that; None where it is not, or ended otherwise."""
    return track.cause if core.state == "resolved" and core.ended_by == CONSEQUENCE else None


def _new(track: Track, core: Core, sent: Sent, now: float) -> Iterator[Turned]:
    """Yield what is to be told for the first time, in the order in which people read it."""
    revision, desk = sent.revision + 1, track.desk
    if core.reopened > sent.reopened:
        yield Turned(revision, core.last_shown, "back", after=str(track.head.shown["reason"]))
    if worse(core.severity, sent.severity) != sent.severity:
        yield Turned(revision, core.last_shown, "severity", sent.severity, core.severity)
    if _kind(track) not in sent.kinds and len(sent.kinds) < MAX_KINDS:
        yield Turned(revision, core.last_shown, "message", after=str(track.head.shown["reason"]))
    if track.others.count > sent.affected and core.state == "open":  # at its end a group names all that it has had
        known = set(sent.first)
        things = tuple(one.path for one in track.others.first if _brief(one.path) not in known)
        yield Turned(revision, now, "affected", str(sent.affected), str(track.others.count), things)
    if len(desk.suspects) > sent.suspects:
        yield Turned(revision, now, "suspects", after=str(len(desk.suspects)))
    if core.flapping != sent.flapping and (core.flapping or core.state == "open"):
        yield Turned(revision, now, "flapping" if core.flapping else "calm")
    under = words_of(desk.under)
    if under and under != sent.under:
        yield Turned(revision, now, "taken", after=under, things=(desk.under.path,) if desk.under else ())
    elif sent.under and not under and core.state == "open":
        yield Turned(revision, now, "freed", before=sent.under)
    if core.state == "resolved" and (sent.state != "resolved" or sent.ended_by != core.ended_by):
        cause = cause_of_end(track, core)
        if cause is not None:
            yield Turned(revision, core.resolved_shown, "taken", after=words_of(cause), things=(cause.path,))
        else:
            yield Turned(revision, core.resolved_shown, "over", after=core.ended_by)


def _kind(track: Track) -> str:
    """Return the kind of the latest message; that of a group is made of its members, who are told as affected."""
    if OF_GROUP in track.relations:
        return ""
    shown = track.head.shown
    return _brief(str(shown["fingerprint"]) or str(shown["reason"]))


def _brief(text: str) -> str:
    return digest("brief", text)[:_SHORT]
