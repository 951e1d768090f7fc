"""Roll-outs as change episodes: one from its first observation until it is complete or failed. Pure.

A further change while one runs is taken in: the same change goes on with a new revision, as the controller goes on to
the newer template without ending the older one; nobody could say of the older that it worked or failed. Facts of the
last minute are kept and folded anew whenever one arrives, so that their order and repetition change nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from shared.episodes.fold import LATENESS
from shared.episodes.rollout_facts import concerns, fact_of
from shared.episodes.rollout_fold import HEARD, Core, Fact, fold, late
from shared.episodes.rollout_record import (
    MAX_FACTS,
    MAX_PROBLEMS,
    MAX_SEEN,
    MAX_TOLD,
    Rollout,
    RolloutError,
    Told,
    decode,
    encode,
)
from shared.episodes.snapshot import moment
from shared.events.change import Change, ChangeTransition
from shared.events.difference import what, who
from shared.events.identity import digest, episode_id, scope_key
from shared.events.model import Classified, ObjectRef, Observation

__all__ = [
    "KEPT",
    "Rollout",
    "RolloutError",
    "Step",
    "concerns",
    "decode",
    "due",
    "encode",
    "is_over",
    "name_problem",
    "step",
    "tick",
]

_HOUR: Final = 3600.0
_LIMITS: Final = {"Deployment": _HOUR, "ClusterVersion": 24 * _HOUR, "MachineConfigPool": 24 * _HOUR}
_LIMIT: Final = 6 * _HOUR
"""Seconds without a word after which a roll-out has ended: a Deployment's own deadline is ten minutes by default."""
KEPT: Final = 24 * _HOUR
"""Seconds for which a change that ended is kept as a suspect."""
_SUBCATEGORIES: Final = {
    "ClusterVersion": "control-plane",
    "ClusterOperator": "control-plane",
    "MachineConfigPool": "node",
}
_TITLES: Final = {
    "ClusterVersion": "Upgrade of cluster {cluster}",
    "ClusterOperator": "Roll-out of cluster operator {name}",
    "MachineConfigPool": "Update of machine config pool {name}",
}
_MAX_WHAT: Final = 300
_TRANSITIONS: Final[dict[str, ChangeTransition]] = {
    "running": "started",
    "completed": "completed",
    "failed": "failed",
}


class Step(NamedTuple):
    """What came of a step: what to keep (None: nothing), snapshots that are news, and current ones without news.

    `again` is what an observation that comes again is about: its answer may have been lost.
    """

    rollout: Rollout | None
    changes: tuple[Change, ...] = ()
    again: tuple[Change, ...] = ()


def step(rollout: Rollout | None, classified: Classified, now: float, labels: Mapping[str, str] | None = None) -> Step:
    """Take in one observation of an object; `labels` are those of its namespace."""
    fact = fact_of(classified)
    if fact is None or (fact.kind == HEARD and (rollout is None or _is_quiet(rollout))):
        return Step(rollout)
    held = rollout or Rollout(_thing(classified.observation))
    held = replace(held, now=max(held.now, now, fact.time), labels=dict(labels) if labels else held.labels)
    if fact.mark in held.seen:
        return Step(held, again=_about(held, fact))
    if fact.kind != HEARD:  # that one counts twice changes nothing
        held = replace(held, seen=(*held.seen, fact.mark)[-MAX_SEEN:])
    return _settle(_absorbed(_added(held, fact)))


def tick(rollout: Rollout, now: float) -> Step:
    """Do what is due at `now` (seconds)."""
    return _settle(_absorbed(replace(rollout, now=max(rollout.now, now))))


def due(rollout: Rollout) -> float | None:
    """Return when it must be looked at: when a change that runs ends because nothing is heard of it."""
    core = _cores(rollout)[-1]
    return core.last + _limit(rollout) if core.state == "running" else None


def is_over(rollout: Rollout, now: float) -> bool:
    """Return True where nothing of it is needed any more."""
    core = _cores(rollout)[-1]
    return core.state != "running" and now - max(core.ended, rollout.place[0]) > KEPT


def name_problem(rollout: Rollout, change: str, problem: str) -> Rollout:
    """Note on a change that the episode of a problem names it as its suspect; the next step or tick tells so."""
    told = tuple(
        one._replace(problems=(*one.problems, problem))
        if one.id == change and problem not in one.problems and len(one.problems) < MAX_PROBLEMS
        else one
        for one in rollout.told
    )
    return replace(rollout, told=told)


def _is_quiet(rollout: Rollout) -> bool:
    """Return True where nothing runs and nothing is news: then it is nobody's roll-out that is heard of."""
    return not rollout.facts and rollout.base.state != "running"


def _thing(seen: Observation) -> dict[str, Any]:
    """Return the members of a snapshot that the object decides."""
    thing = seen.object.model_copy(update={"field_path": ""})
    return {
        "key": digest("change", seen.cluster, thing.kind, thing.namespace, thing.name),
        "cluster": seen.cluster,
        "object": dict(thing.__dict__),
        "owner": None if seen.owner is None else dict(seen.owner.__dict__),
        "scope": scope_key(seen.cluster, thing, seen.owner, seen.host),
    }


def _limit(rollout: Rollout) -> float:
    return _LIMITS.get(rollout.thing["object"]["kind"], _LIMIT)


def _cores(rollout: Rollout) -> list[Core]:
    return fold(rollout.base, rollout.facts, _limit(rollout), rollout.now)


def _added(rollout: Rollout, fact: Fact) -> Rollout:
    if fact.place <= rollout.place:
        return replace(rollout, base=late(rollout.base, fact, _limit(rollout)))
    return replace(rollout, facts=tuple(sorted((*rollout.facts, fact), key=lambda one: one.place)))


def _absorbed(rollout: Rollout) -> Rollout:
    """Fold for good what nothing can overtake any more, and the oldest of too many."""
    settled = [fact for fact in rollout.facts if fact.time < rollout.now - LATENESS]
    number = max(len(settled), len(rollout.facts) - MAX_FACTS)
    if number <= 0:
        return rollout
    gone, facts = rollout.facts[:number], rollout.facts[number:]
    base = fold(rollout.base, gone, _limit(rollout), gone[-1].time)[-1]
    return replace(rollout, base=base, place=gone[-1].place, facts=facts)


def _settle(rollout: Rollout) -> Step:
    """Tell of each change that is not as it was told last."""
    told, changes = list(rollout.told), []
    at_hand: set[str] = set()
    for core, known in _matched(rollout):
        name = known.id if known is not None else _new_id(rollout, core, told)
        at_hand.add(name)
        problems = known.problems if known is not None else ()
        now = Told(
            id=name,
            revision=known.revision + 1 if known is not None else 1,
            state=core.state,
            started=known.started if known is not None else core.started,
            ended=core.ended if core.over else 0.0,
            digest=_essence(core, problems),
            what=what(core.fields, core.number)[:_MAX_WHAT],
            who=who(core.user, core.manager),
            problems=problems,
        )
        if known is not None and known.digest == now.digest:
            continue
        changes.append(_change(rollout, core, now))
        told = [one for one in told if one.id != name] + [now]
    told.sort(key=lambda one: one.started)
    latest = {one.id for one in told[-MAX_TOLD:]}
    kept = tuple(one for one in told if one.id in latest | at_hand)
    return Step(replace(rollout, told=kept), tuple(changes))


def _matched(rollout: Rollout) -> list[tuple[Core, Told | None]]:
    """Return each change with what was told of it: that which began while it lasted."""
    left = list(rollout.told)
    found: list[tuple[Core, Told | None]] = []
    for core in _cores(rollout):
        if core.state == "none":
            continue
        known = next((one for one in left if _began_in(core, one.started)), None)
        if known is not None:
            left.remove(known)
        found.append((core, known))
    return found


def _began_in(core: Core, started: float) -> bool:
    """Return True for a time at which this change was, or began."""
    return core.started <= started and (not core.over or started < core.ended or started == core.started)


def _about(rollout: Rollout, fact: Fact) -> tuple[Change, ...]:
    """Return the current snapshot of the change that a fact belongs to."""
    found = [
        _change(rollout, core, known)
        for core, known in _matched(rollout)
        if known is not None and core.started <= fact.time
    ]
    return tuple(found[-1:])


def _new_id(rollout: Rollout, core: Core, told: list[Told]) -> str:
    """Return the id of a change that nobody was told of: of two of the same second the later one's is a second on."""
    taken = {one.id for one in told}
    second = core.started
    while (name := episode_id(rollout.thing["key"], moment(second))) in taken:
        second += 1.0
    return name


def _essence(core: Core, problems: tuple[str, ...]) -> str:
    """Return what a reader would care about: a snapshot that says the same again is no new revision."""
    parts = (
        core.state,
        str(core.started),
        core.severity,
        str(core.number),
        str(core.taken_in),
        who(core.user, core.manager),
        core.plan,
        core.ended_by,
    )
    return digest(*parts, *problems)[:12]


def _change(rollout: Rollout, core: Core, told: Told) -> Change:
    thing = ObjectRef.model_validate(rollout.thing["object"])
    title = _TITLES.get(thing.kind, "Roll-out of {path}")
    return Change.model_validate(
        {
            **rollout.thing,
            "id": told.id,
            "revision": told.revision,
            "state": core.state,
            "transition": _TRANSITIONS[core.state],
            "category": "infrastructure",
            "subcategory": _SUBCATEGORIES.get(thing.kind, "workload"),
            "severity": core.severity,
            "summary": title.format(path=thing.path, name=thing.name, cluster=rollout.thing["cluster"]),
            "what": what(core.fields, core.number)[:_MAX_WHAT],
            "fields": [dict(zip(("path", "before", "after"), row, strict=True)) for row in core.fields],
            "number": core.number,
            "taken_in": core.taken_in,
            "user": core.user,
            "manager": core.manager,
            "planned": bool(core.plan),
            "plan": core.plan,
            "reason": core.reason,
            "message": core.message,
            "progress": {"updated": core.updated, "total": core.total} if core.total else None,
            "started": moment(core.started_shown),
            "last_seen": moment(core.last_shown),
            "ended": moment(core.ended_shown) if core.over else None,
            "ended_by": core.ended_by,
            "problems": told.problems,
            "labels": dict(rollout.labels),
        }
    )
