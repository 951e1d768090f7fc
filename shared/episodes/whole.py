"""What the members of a group are together at one look: its ticket's words, its objects, what was said of them. Pure.

Who leaves a group is forgotten by everybody else. So a group keeps what it has had (`Had`), and says at its end all
that it was about, not what was left of it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.episodes.bonds import GROUP, STORM
from shared.episodes.desk import Under
from shared.episodes.members import MAX_MEMBERS, MAX_SHOWN, Member, affected, others_of
from shared.episodes.record import MAX_HISTORY, Had, Occurred, Others, Track, Whole
from shared.episodes.relations import OF_GROUP
from shared.events.identity import digest, scope_key
from shared.events.model import ObjectRef
from shared.events.vocabulary import severity_rank

_MAX_NAMES = 5
_MAX_MESSAGE = 2000
_MAX_SAID = 300
_SHORT = 8  # characters of a digest, among the objects of one group


class Look(NamedTuple):
    """One look at a group: its members, those of them that last, and its track where its episode goes on or returns."""

    thing: str
    members: Sequence[Member]
    held: Sequence[Member]
    track: Track | None


def whole_of(look: Look) -> Whole:
    """Return what the members are together; at the end what all of them were."""
    thing, members, held, track = look
    kept = track.had if track is not None and track.had is not None else Had()
    had = _had(kept, members)
    history = _history(look, kept, had)
    if held:
        others = Others(1, had.first) if len(had.ids) == 1 else others_of(held, thing)
        shown = _shown(look, had)
        labels, relations = _shared([one.labels for one in held]), _shared([one.relations for one in held])
    else:
        assert track is not None  # noqa: S101 - without members that last it is the end of one
        others = Others(len(had.paths), had.first)
        shown, labels, relations = _shown_at_end(look, had, history), track.labels, track.relations
    mark = {OF_GROUP: STORM if thing.startswith(STORM) else GROUP}
    return Whole(shown, history, labels, {**relations, **mark}, others, had, None if held else cause_of(members))


def cause_of(members: Sequence[Member]) -> Under | None:
    """Return what took out the last of a group's members, where causes took all that were left."""
    if not members or not all(one.cause for one in members):
        return None
    last = max(members, key=lambda one: one.over)
    thing, name, summary, path, by = last.cause
    return Under("consequence", thing, name, summary, path, last.over, by)


def _shared(several: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *rest = several
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in rest)}


def _had(kept: Had, members: Sequence[Member]) -> Had:
    """Return what the group has had by now. A member that a cause took is no news of it.

    A workload's problem shows the pod that was last hit: it is of one object, the first, as it is one problem.
    """
    mine = [one for one in members if not one.cause]
    ids, paths, first = dict.fromkeys(kept.ids), dict.fromkeys(kept.paths), list(kept.first)
    for one in mine:
        name, path = _brief(one.id), _brief(one.path)
        if name in ids or len(ids) >= MAX_MEMBERS:
            continue
        ids[name] = None
        if path not in paths:
            paths[path] = None
            first += [affected(one)] if len(first) < MAX_SHOWN else []
    return Had(
        seen=max(kept.seen, *(one.seen for one in members), 0.0),
        said=kept.said or (str(mine[0].shown["summary"]) if mine else ""),
        first=tuple(first),
        ids=tuple(ids),
        paths=tuple(paths),
    )


def _history(look: Look, kept: Had, had: Had) -> tuple[Occurred, ...]:
    """Return the latest that each member said; of an only one its own history, without what it repeats."""
    old = look.track.history if look.track is not None else ()
    lines: Mapping[Any, Occurred]
    if len(had.ids) == 1:
        lines = {(line.reason, line.message): line for line in (*old, *_lines(look.members))}
    else:
        if len(kept.ids) == 1 and old:  # it was alone until now
            said, path = old[-1], kept.first[0].path
            named = " " in said.reason  # an audit record's, which would name somebody: see `_said`
            old = () if named else (replace(said, mark=kept.ids[0], message=f"{path}: {said.message}"),)
        lines = {line.mark: line for line in (*old, *(_line(one) for one in look.members if one.lines))}
    return tuple(sorted(lines.values(), key=lambda line: (line.shown, line.mark))[-MAX_HISTORY:])


def _lines(members: Iterable[Member]) -> Iterable[Occurred]:
    return (
        Occurred(time, mark, time, reason, said, count)
        for one in members
        for time, mark, reason, said, count in one.lines
    )


def _line(one: Member) -> Occurred:
    time, _, reason, _, count = one.lines[-1]
    return Occurred(time, _brief(one.id), time, reason, f"{one.path}: {_said(one)}", count)


def _said(one: Member) -> str:
    """Return what a member says beside others.

    An audit record begins with who did it, which destinations find, to leave it out, only beside its own reason: of
    several the summary stands.
    """
    reason, message = str(one.shown["reason"]), str(one.shown["message"])
    return (message if message and " " not in reason else str(one.shown["summary"]))[:_MAX_SAID]


def _shown(look: Look, had: Had) -> dict[str, Any]:
    """Return the words while members last; the object stays what it was, even when its own problem is over."""
    held = look.held
    first = held[0].shown
    worst = min(held, key=lambda each: severity_rank(each.severity)).shown
    thing = _object(look)
    alone = len(had.ids) == 1 and not look.thing.startswith(STORM)
    latest = max(held, key=lambda one: one.seen).shown
    host = _shared([{"host": one.shown["host"]} for one in held]).get("host", "")
    return {
        "cluster": first["cluster"],
        "object": dict(thing.__dict__),
        "scope": scope_key(first["cluster"], thing, None, host),
        "reason": latest["reason"],
        "message": str(first["message"]) or str(first["summary"]) if alone else _messages(held),
        "fingerprint": digest("group", str(len(held))),
        "type": latest["type"],
        "component": latest["component"],
        "host": host,
        "condition": _condition(look.thing, held),
        "part": first["part"] if alone else "",
        "category": worst["category"],
        "subcategory": worst["subcategory"],
        "summary": str(first["summary"]) if alone else _summary(look, had),
        "rule": first["rule"],
        "why": first["why"],
        "runbook": first["runbook"],
    }


def _shown_at_end(look: Look, had: Had, history: Sequence[Occurred]) -> dict[str, Any]:
    """Return the words at the end: how many there were in all, and what was said of them last."""
    assert look.track is not None  # noqa: S101 - as above
    shown = look.track.head.shown
    total = len(had.ids)
    if total == 1 and not look.thing.startswith(STORM):
        return {**shown, "message": history[-1].message if history and history[-1].message else shown["message"]}
    if look.thing.startswith(STORM):
        summary = _of_storm(total, shown["cluster"])
    else:
        reason = _most([line.reason for line in history] or [shown["reason"]])
        summary = _of_group(total, {one.namespace for one in had.first}, reason, had.said)
    several = len(had.paths) > 1
    lines = [_of_member(*line.message.partition(": ")[::2], line.reason * several) for line in history[-_MAX_NAMES:]]
    return {**shown, "summary": summary, "message": _listed(lines, total)}


def _of_member(path: str, said: str, reason: str) -> str:
    """Return a line of the message: with the reason where there are several objects, else that is the ticket's."""
    return ": ".join(part for part in (path, reason, said) if part)


def _object(look: Look) -> ObjectRef:
    """Return the object of the ticket: that of the first member; of a summary, the namespace or cluster it is of."""
    first = look.held[0].shown
    known = None if look.track is None else ObjectRef.model_validate(look.track.head.shown["object"])
    if not look.thing.startswith(STORM):
        return known or ObjectRef.model_validate(first["object"])
    namespaces = {one.shown["object"]["namespace"] for one in look.held}
    name = namespaces.pop() if len(namespaces) == 1 else ""
    new = ObjectRef(kind="Namespace", name=name) if name else ObjectRef(kind="Cluster", name=first["cluster"])
    # It only widens.
    return new if known in (None, new) else ObjectRef(kind="Cluster", name=first["cluster"])


def _condition(thing: str, held: Sequence[Member]) -> str:
    if thing.startswith(STORM):
        return "too-many-problems"
    return _most([one.shown["condition"] for one in held])


def _summary(look: Look, had: Had) -> str:
    held = look.held
    if look.thing.startswith(STORM):
        return _of_storm(len(held), held[0].shown["cluster"])
    reason = _most([one.shown["reason"] for one in held])
    return _of_group(len(held), {one.shown["object"]["namespace"] for one in held}, reason, had.said)


def _of_storm(count: int, cluster: str) -> str:
    return f"{_problems(count, ' more')} in cluster {cluster}"


def _of_group(count: int, namespaces: set[str], reason: str, first: str) -> str:
    known = len(namespaces) == 1 and "" not in namespaces
    where = f"namespace {next(iter(namespaces))}" if known else f"{len(namespaces)} namespaces"
    return f"{_problems(count)} in {where}: {reason}, first {first}"


def _messages(held: Sequence[Member]) -> str:
    several = len({one.path for one in held}) > 1
    lines = [_of_member(one.path, _said(one), str(one.shown["reason"]) * several) for one in held[:_MAX_NAMES]]
    return _listed(lines, len(held))


def _listed(lines: Sequence[str], count: int) -> str:
    more = count - len(lines)
    return "\n".join([*lines, *([f"and {_number(more)} more"] if more > 0 else [])])[:_MAX_MESSAGE]


def _problems(count: int, more: str = "") -> str:
    return f"{_number(count)}{more} {'problem' if count == 1 else 'problems'}"


def _number(count: int) -> str:
    return f"{count} or more" if count >= MAX_MEMBERS else str(count)


def _most(words: Sequence[str]) -> str:
    """Return the word that most of them say, the first of those where several do."""
    return max(Counter(words).items(), key=lambda item: item[1])[0]


def _brief(path: str) -> str:
    return digest("brief", path)[:_SHORT]
