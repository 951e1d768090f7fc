"""Generated histories of tickets, and what must hold of each: `PROPERTIES`, by name.

A generator takes its choices from a `Random`, which hypothesis gives to the unit tests and a seed to the larger run.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from tests.support.oracle import Fact, Oracle, Rules, Setting, Ticket, oracle
from tests.support.playing import (
    LEADER,
    NODE,
    PODS,
    SAME,
    SLACK,
    Arrival,
    by_group,
    differences,
    group_of,
    played,
    setting_of,
)  # fmt: skip

LATENESS = 60
_OUTLASTS = 3 * LATENESS
_GAPS = (0, 1, 5, 9, 10, 11, 19, 20, 21, 40, 59, 60, 61, 99, 100, 101, 119, 120, 121)

_LONG = (150, 200, 299, 300, 301, 310, 400)


@dataclass(frozen=True, slots=True)
class Case:
    """One history under one policy, as it arrives; a fact may arrive twice."""

    arrivals: tuple[Arrival, ...]
    setting: Setting

    @property
    def facts(self) -> list[Fact]:
        """Return what happened, in the order of its time."""
        return sorted({one.fact for one in self.arrivals}, key=lambda fact: (fact.time, not fact.problem, fact.key))

    @property
    def end(self) -> int:
        """Return when all that follows from it has happened."""
        return int(max(one.time for one in self.arrivals)) + 800

    def wanted(self) -> list[Ticket]:
        """Return the oracle's tickets."""
        return oracle(self.facts, self.end, self.setting)


def simple(chance: Random) -> Case:
    """Return problems of one object and another, each for itself."""
    rules = Rules(
        open_after=chance.choice([1, 1, 1, 2, 3]),
        open_within=chance.choice([0, 0, 60]),
        open_lasting=chance.choice([0, 0, 0, 40, 60]),
        group_wait=chance.choice([10, 10, 20]),
        hold=chance.choice([0, 0, 20, 60]),
        resolve_after=chance.choice([0, 0, 150]),
        reopen_within=chance.choice([60, 100]),
        flap_changes=chance.choice([0, 2, 3, 4]),
        flap_within=chance.choice([60, 100, 120]),
    )
    return _in_order(_history(chance, (PODS[0], SAME, NODE)), setting_of(rules))


def causes(chance: Random) -> Case:
    """Return problems that may be the consequences of others, which may be consequences themselves."""
    rules = Rules(
        open_after=chance.choice([1, 1, 2]),
        group_wait=chance.choice([10, 20]),
        hold=chance.choice([0, 0, 20]),
        reopen_within=1800,
    )
    node = replace(rules, open_after=chance.choice([1, 1, 3]), hold=chance.choice([0, 60]))
    return _in_order(_history(chance, (PODS[0], SAME, LEADER, NODE)), setting_of(rules, causes=True, node=node))


def groups(chance: Random) -> Case:
    """Return problems of which three have one ticket."""
    rules = Rules(
        open_after=chance.choice([1, 1, 2]),
        group_wait=chance.choice([10, 20]),
        hold=chance.choice([0, 0, 20]),
        resolve_after=chance.choice([0, 0, 250]),
        reopen_within=1800,
    )
    return _in_order(_history(chance, (*PODS, LEADER), 20), setting_of(rules, grouped=True))


def grouped_causes(chance: Random) -> Case:
    """Return problems of a group that may be the consequences of others."""
    rules = Rules(group_wait=chance.choice([10, 20]), hold=chance.choice([0, 0, 20]), reopen_within=1800)
    facts = _history(chance, (*PODS, LEADER, NODE), 20)
    return _in_order(facts, setting_of(rules, grouped=True, causes=True))


def limits(chance: Random) -> Case:
    """Return problems beyond a limit of tickets, no two of which are decided by one tick."""
    rules = Rules(
        group_wait=10, hold=chance.choice([0, 20]), reopen_within=1800, limit=chance.choice([1, 2, 3]),
        limit_within=chance.choice([100, 300]),
    )  # fmt: skip
    facts = [
        replace(fact, time=20 * index + fact.time) for index, fact in enumerate(_history(chance, (*PODS, SAME, NODE)))
    ]
    return _in_order(facts, setting_of(rules))


def _history(chance: Random, keys: Sequence[str], most: int = 16) -> list[Fact]:
    time = chance.randint(0, 12)
    counts: Counter[tuple[str, str]] = Counter()
    facts: dict[Fact, None] = {}
    for _ in range(chance.randint(1, most)):
        key, source = chance.choice(keys), chance.choice("ab")
        if chance.randint(0, 4) < 3:
            counts[key, source] += chance.choice([0, 1, 1, 2]) or (not counts[key, source])
            facts[Fact(time, key, source=source, count=counts[key, source])] = None
        else:
            facts[Fact(time, key, problem=False)] = None
        time += chance.choice(_LONG if chance.randint(0, 5) == 0 else _GAPS)
    return list(facts)


def _in_order(facts: Sequence[Fact], setting: Setting) -> Case:
    """Return the case of facts that come when they happen; at the end all is well."""
    over = facts[-1].time + 500
    facts = [*facts, *(Fact(over, key, problem=False) for key in dict.fromkeys(fact.key for fact in facts))]
    return Case(
        tuple(Arrival(fact.time, fact) for fact in sorted(facts, key=lambda fact: (fact.time, not fact.problem))),
        setting,
    )


def late(case: Case, chance: Random, most: int) -> Case:
    """Return the case with arrivals that are up to so many seconds late."""
    delays = (0, 0, 1, most // 2, most - 1, most)
    arrivals = [Arrival(one.time + chance.choice(delays), one.fact) for one in case.arrivals]
    chance.shuffle(arrivals)
    return replace(case, arrivals=tuple(sorted(arrivals, key=lambda one: one.time)))


def mixed(case: Case, chance: Random) -> Case:
    """Return the case with what arrives in the same second in any order."""
    arrivals = list(case.arrivals)
    chance.shuffle(arrivals)
    return replace(case, arrivals=tuple(sorted(arrivals, key=lambda one: one.time)))


def repeated(case: Case, chance: Random) -> Case:
    """Return the case with arrivals that come again at any time later."""
    again = [Arrival(chance.choice([one.time for one in case.arrivals if one.time >= first.time]), first.fact)
             for first in chance.choices(case.arrivals, k=len(case.arrivals))]  # fmt: skip
    return replace(case, arrivals=tuple(sorted((*case.arrivals, *again), key=lambda one: one.time)))


def in_order_as_the_oracle_says(case: Case) -> list[str]:
    """Check that the tickets are the oracle's, and that none is open when all is well."""
    return differences(case.wanted(), played(case.arrivals, case.end, case.setting), case.end)


def repetition_changes_nothing(case: Case) -> list[str]:
    """Check that facts which come again change no ticket."""
    first: dict[Fact, Arrival] = {}
    for one in case.arrivals:
        first.setdefault(one.fact, one)
    once, often = (played(arrivals, case.end, case.setting) for arrivals in (first.values(), case.arrivals))
    spans = [{name: ticket.spans for name, ticket in life.tickets.items()} for life in (once, often)]
    revisions = [{(each.id, each.revision) for each in life.told} for life in (once, often)]
    return [] if spans[0] == spans[1] and revisions[0] == revisions[1] else [f"{spans[0]} is not {spans[1]}"]


def late_by_a_minute_as_in_order(case: Case) -> list[str]:
    """Check tickets of facts that are up to a minute late.

    Each that there is in order there is now. What is more was open before the end of it was heard of: it is closed, and
    it is of a problem that there was.
    """
    asked = Oracle(case.setting)
    wanted = asked.tell(case.facts, case.end)
    life = played(case.arrivals, case.end, case.setting)
    found = [f"{group_of(ticket)} is left open: {ticket.spans}" for ticket in life.open()]
    mine = by_group(life)
    for group in sorted({*mine, *(ticket.group for ticket in wanted)}):
        ours, theirs = mine.get(group, []), [ticket for ticket in wanted if ticket.group == group]
        spans = f"{[ticket.spans for ticket in ours]}, wanted {[ticket.spans for ticket in theirs]}"
        if not len(theirs) <= len(ours) <= asked.lives(group):
            found.append(f"{group}: {len(ours)} tickets {spans} of {asked.lives(group)}")
        had = [span for ticket in ours for span in ticket.spans]
        for begin, to in (span for ticket in theirs for span in ticket.spans):
            over = (case.end if to is None else to) + LATENESS + SLACK
            if not any(first <= over and (last is None or begin - LATENESS - SLACK <= last) for first, last in had):
                found.append(f"{group}: none for {begin} to {to}: {spans}")
    return found


def late_by_a_minute_is_the_same(case: Case) -> list[str]:
    """Check that what lasts for longer than facts are late has the very tickets that it has in order."""
    tickets = played(case.arrivals, case.end, case.setting).tickets.values()
    found = Counter((group_of(ticket), ticket.spans[-1][1] is None) for ticket in tickets)
    wanted = Counter((ticket.group, ticket.open) for ticket in case.wanted())
    return [] if found == wanted else [f"tickets {dict(found)}, wanted {dict(wanted)}"]


def any_order_ends_the_same(case: Case) -> list[str]:
    """Check that at the end as much is open as in the order of time, and never two for one key."""
    wanted = {ticket.group for ticket in case.wanted() if ticket.open}
    found = {group_of(ticket) for ticket in played(case.arrivals, case.end, case.setting).open()}
    return [] if wanted == found else [f"open: {found}, wanted: {wanted}"]


def unended(case: Case, chance: Random) -> Case:
    """Return the case without some of what ends it, so that something may be open at the end."""
    last = case.arrivals[-1].fact.time
    kept = tuple(one for one in case.arrivals if one.fact.time < last or one.fact.problem or chance.randint(0, 1))
    return replace(case, arrivals=kept)


Property = tuple[Callable[[Random], Case], Callable[[Case], list[str]]]


def _with(make: Callable[[Random], Case], change: Callable[[Case, Random], Case]) -> Callable[[Random], Case]:
    return lambda chance: change(make(chance), chance)


def _late(most: int) -> Callable[[Case, Random], Case]:
    return lambda case, chance: late(case, chance, most)


def _lasting(case: Case, _chance: Random) -> Case:
    """Return the case where no problem and no end of one is over before all that is late has come, also by silence."""
    shift, was, arrivals = 0, dict[str, tuple[bool, int]](), list[Arrival]()
    for one in case.arrivals:
        problem, since = was.get(one.fact.key, (one.fact.problem, -_OUTLASTS))
        if problem != one.fact.problem:
            shift = max(shift, since + _OUTLASTS - one.time)
        fact = replace(one.fact, time=one.fact.time + shift)
        was[fact.key] = (fact.problem, fact.time)
        arrivals.append(Arrival(fact.time, fact))
    return replace(_with_rules(case, resolve_after=0), arrivals=tuple(arrivals))


def _at_once(case: Case, _chance: Random) -> Case:
    """Return the case where each problem deserves a ticket: what counts for one episode may differ beyond a minute."""
    return _with_rules(case, open_after=1, open_within=0)


def _with_rules(case: Case, **changes: int) -> Case:
    setting = case.setting
    rules, *of_node = (replace(one, **changes) for one in (setting.rules, *setting.of_key.values()))
    return replace(case, setting=replace(setting, rules=rules, of_key=dict(zip(setting.of_key, of_node, strict=True))))


PROPERTIES: Mapping[str, Property] = {
    **{
        f"in order, {make.__name__}": (_with(make, mixed), in_order_as_the_oracle_says)
        for make in (simple, causes, groups, grouped_causes, limits)
    },
    **{
        f"in order to the end, {make.__name__}": (_with(make, unended), any_order_ends_the_same)
        for make in (simple, causes, groups, grouped_causes)
    },
    **{
        f"repeated, {make.__name__}": (_with(make, repeated), repetition_changes_nothing)
        for make in (simple, causes, groups, limits)
    },
    "a minute late, simple": (_with(simple, _late(LATENESS)), late_by_a_minute_as_in_order),
    **{
        f"a minute late and lasting, {make.__name__}": (
            _with(_with(make, _lasting), _late(LATENESS)),
            late_by_a_minute_is_the_same,
        )
        for make in (simple, groups)
    },
    **{
        f"late, {make.__name__}": (_with(_with(_with(make, unended), _at_once), _late(400)), any_order_ends_the_same)
        for make in (simple, causes, groups)
    },
}
"""By name: how a case is made, and what is wrong with it, if anything."""


def shortest(case: Case, check: Callable[[Case], list[str]]) -> Case:
    """Return a case that fails with as few arrivals as leaving out one after the other finds."""
    index = 0
    while index < len(case.arrivals):
        shorter = replace(case, arrivals=case.arrivals[:index] + case.arrivals[index + 1 :])
        if shorter.arrivals and check(shorter):
            case = shorter
        else:
            index += 1
    return case
