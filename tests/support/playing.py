"""Plays a history of the oracle's to the real correlator, and says where its tickets are not the oracle's.

A key of a history is a condition of an object: `CASTS` has those that histories are made of.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.episodes.policy import Asked, Flap, Inhibition, Limit, Match, OpenAfter, Policies, Policy
from shared.events.identity import event_identity, problem_key
from shared.events.model import Classified, ObjectRef
from tests.support.correlator import problem, recovery
from tests.support.life import EVERY, Life
from tests.support.life import Ticket as Opened
from tests.support.oracle import SUMMARY, Fact, Rules, Setting, Ticket

NODE, LEADER, GROUP = "node", "leader", "group"
PODS = ("a", "b", "c")
SAME = "a slow"
"""A second problem of pod a."""
THINGS = {
    NODE: (ObjectRef(kind="Node", name="worker-1"), "not-ready"),
    LEADER: (ObjectRef(kind="Pod", namespace="shop", name="leader"), "leader-lost"),
    SAME: (ObjectRef(kind="Pod", namespace="shop", name="a"), "slow"),
    **{name: (ObjectRef(kind="Pod", namespace="shop", name=name), "unhealthy") for name in PODS},
}
SLACK = 3 * EVERY
"""Seconds by which a ticket may open or close after the oracle's: a tick, and what others need to see of it."""


def _match(member: str, *texts: str) -> Match:
    return Match((Asked(member, frozenset(texts)),))


INHIBITIONS = (
    Inhibition("node", _match("kind", "Node"), _match("kind", "Pod"), "node"),
    Inhibition("leader", _match("condition", "leader-lost"), _match("condition", "unhealthy", "slow"), "namespace"),
)
CAUSES: Mapping[str, tuple[str, ...]] = {
    LEADER: (NODE,),
    **dict.fromkeys((*PODS, SAME), (NODE, LEADER)),
}


def setting_of(rules: Rules, *, grouped: bool = False, causes: bool = False, node: Rules | None = None) -> Setting:
    """Return the oracle's setting of what `policies_of` gives the correlator."""
    return Setting(
        rules,
        of_key={} if node is None else {NODE: node},
        groups=dict.fromkeys(PODS, GROUP) if grouped else {},
        causes=CAUSES if causes else {},
        outlive=300,
        every=int(EVERY),
        certain=60,
    )


def policies_of(setting: Setting) -> Policies:
    """Return the correlator's policies for the oracle's setting."""
    routes = [(_match("kind", "Node"), _policy(rules)) for rules in setting.of_key.values()]
    if setting.groups:
        routes.append((_match("condition", "unhealthy"), _policy(setting.rules, group_by=("condition",))))
    return Policies(_policy(setting.rules), routes, INHIBITIONS if setting.causes else ())


def _policy(rules: Rules, group_by: tuple[str, ...] = ()) -> Policy:
    return Policy(
        group_by=group_by,
        group_wait=rules.group_wait,
        open_after=OpenAfter(rules.open_after, rules.open_within, rules.open_lasting),
        resolve_after=rules.hold,
        reopen_within=rules.reopen_within,
        flap=Flap(rules.flap_changes, rules.flap_within) if rules.flap_changes else None,
        limit=Limit(rules.limit, rules.limit_within) if rules.limit else None,
    )


def seen(fact: Fact, setting: Setting) -> Classified:
    """Return a fact of a history as an observation."""
    thing, condition = THINGS[fact.key]
    identity = event_identity("c", f"{fact.key} {fact.source} {fact.problem} {fact.time}", fact.count)
    if not fact.problem:
        return recovery(fact.time, condition, object=thing, identity=identity)
    return problem(
        fact.time, condition, fact.count, object=thing, identity=identity, source_uid=f"{fact.key} {fact.source}",
        problem_key=problem_key("c", thing, condition), host="worker-1", component="kubelet", summary=fact.key,
        expires=setting.rules_of(fact.key).resolve_after,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a fact comes to the correlator."""

    time: float
    fact: Fact


def played(arrivals: Iterable[Arrival], end: float, setting: Setting, live: Callable[[Policies], Life] = Life) -> Life:
    """Return the correlator's life at `end`. Raises AssertionError where a key ever has two open tickets."""
    return asyncio.run(_play(arrivals, end, setting, live))


async def _play(arrivals: Iterable[Arrival], end: float, setting: Setting, live: Callable[[Policies], Life]) -> Life:
    life = live(policies_of(setting))
    for one in arrivals:
        await life.at(one.time - 0.001, seen(one.fact, setting))  # before the tick of the same second
        _never_two(life)
    await life.until(end)
    _never_two(life)
    return life


def _never_two(life: Life) -> None:
    groups = [group_of(ticket) for ticket in life.open()]
    assert len(groups) == len(set(groups)), f"two open tickets: {sorted(groups)}"


def group_of(ticket: Opened) -> str:
    """Return what the oracle calls the group of a ticket."""
    if ticket.episode.condition == "too-many-problems":
        return SUMMARY
    if "group" in ticket.episode.relations:
        return GROUP
    return next(key for key, named in THINGS.items() if named == (ticket.episode.object, ticket.episode.condition))


def by_group(life: Life) -> dict[str, list[Opened]]:
    """Return tickets by group, in the order in which they were opened."""
    found: dict[str, list[Opened]] = {}
    for ticket in sorted(life.tickets.values(), key=lambda ticket: ticket.opened):
        found.setdefault(group_of(ticket), []).append(ticket)
    return found


def differences(wanted: Sequence[Ticket], life: Life, end: float, slack: float = SLACK) -> list[str]:
    """Return where the correlator's tickets are not the oracle's: how many, open when, closed as what."""
    found: list[str] = []
    mine = by_group(life)
    for group in sorted({*mine, *(ticket.group for ticket in wanted)}):
        theirs = [ticket for ticket in wanted if ticket.group == group]
        ours = mine.get(group, [])
        spans = f"{[ticket.spans for ticket in ours]}, wanted {[(ticket.spans, ticket.why) for ticket in theirs]}"
        if len(ours) != len(theirs):
            found.append(f"{group}: {len(ours)} tickets {spans}")
        found += [f"{group}: {each} {spans}" for each in _untimely(theirs, ours, end, slack)]
        for their, our in zip(theirs, ours, strict=False):
            if sum(begin != to for begin, to in our.spans) > len(their.spans):
                found.append(f"{group}: opened too often {spans}")
            consequence = our.closing is not None and our.closing.cause is not None
            if group != GROUP and not their.open and (their.why == "consequence") != consequence:
                found.append(f"{group}: closed as {our.closing and our.closing.ended_by}, {spans}")
    return found


def _untimely(theirs: Sequence[Ticket], ours: Sequence[Opened], end: float, slack: float) -> Iterator[str]:
    """Yield the times at which a ticket is open that must not be, or none is that must."""
    # What comes back a little too late for the same ticket is held back for a minute: docs/episodes.md.
    held = [(begin, to, begin + 60 * (begin == ticket.spans[0][0] and ticket.life != 1))
            for ticket in theirs for begin, to in ticket.spans]  # fmt: skip
    wanted = [(begin, None if to is None else max(to, shown) + slack) for begin, to, shown in held]
    late = [(shown + slack, to) for _, to, shown in held]
    had = [span for ticket in ours for span in ticket.spans]
    for at in range(0, int(end) + 1, 5):
        is_open = any(begin <= at and (to is None or at < to) for begin, to in had)
        if is_open and not any(begin <= at and (to is None or at <= to) for begin, to in wanted):
            yield f"open at {at}"
            return
        if not is_open and any(begin <= at and (to is None or at < to) for begin, to in late):
            yield f"not open at {at}"
            return
