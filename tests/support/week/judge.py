"""The judge: what was told against what is true. Pure.

Each ticket is exactly one of these: `right` (the first about a wanted problem, on its object and in its words),
`extra` (one more for the same problem, or for a consequence of it), `false` (for noise, for planned work, for nothing).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.week.truth import Problem, Truth

_SLACK = 70.0
"""Seconds by which what arrives may be late and a tick may come after: nothing is early or late by less."""
_AFTER_END = 1800.0
"""Seconds after the end of a problem within which a new ticket may still be about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One ticket as a destination knows it. Times are seconds since 1970.

    Attributes:
        id: Its correlation id.
        things: Paths of what it is about: its object, the owner of that.
        text: Condition, summary and reason, in lower case.
        severity: The highest reached.
        spans: When it was open: from, and to (None while it is), in order.
        cause: Id of the ticket that it says it is a consequence of; empty for none.
        suspects: Paths of the changes that it names as suspects.
        count: How often it happened.
    """

    id: str
    things: tuple[str, ...]
    text: str
    severity: str
    spans: tuple[tuple[float, float | None], ...]
    cause: str = ""
    suspects: tuple[str, ...] = ()
    count: int = 1

    @property
    def opened(self) -> float:
        return self.spans[0][0]

    @property
    def closed(self) -> float | None:
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that was not told as it should have been."""

    kind: str
    about: str
    reason: str
    weight: float = 1.0


@dataclass(slots=True)
class Judgement:
    """All figures. Shares are of 1; where there is nothing to judge they are 1."""

    wanted: int = 0
    told: int = 0
    tickets: int = 0
    right: int = 0
    extra: int = 0
    false: int = 0
    left_open: int = 0
    closed_late: int = 0
    closed_early: int = 0
    late: int = 0
    wrong_cause: int = 0
    severity_as_wanted: int = 0
    suspects_wanted: int = 0
    suspects_named: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Return the share of tickets that are about a wanted problem."""
        return 1.0 if not self.tickets else (self.tickets - self.false) / self.tickets

    @property
    def recall(self) -> float:
        """Return the share of wanted problems that have their ticket."""
        return 1.0 if not self.wanted else self.right / self.wanted

    @property
    def per_problem(self) -> float:
        """Return tickets per problem that has any: one is ideal."""
        return 1.0 if not self.told else (self.right + self.extra) / self.told

    def note(self, kind: str, about: str, reason: str, weight: float = 1.0) -> None:
        """Keep a mistake."""
        self.mistakes.append(Mistake(kind, about, reason, weight))


def judge(truth: Truth, tickets: Iterable[Told], end: float) -> Judgement:
    """Judge what was told until `end`."""
    found = Judgement(wanted=len(truth.wanted))
    by_thing: dict[str, list[Problem]] = defaultdict(list)
    for problem in truth.problems:
        for thing in problem.things:
            by_thing[thing].append(problem)
    of_root: dict[int, list[tuple[Told, Problem]]] = defaultdict(list)
    roots: dict[str, int] = {}
    for ticket in sorted(tickets, key=lambda each: each.opened):
        found.tickets += 1
        matched = _matched(ticket, by_thing)
        root = None if matched is None else truth.root(matched)
        if matched is None or root is None or root.wanted != "ticket":
            _false(found, ticket, matched, by_thing)
            _open_at_end(found, ticket, matched, end)
            continue
        roots[ticket.id] = root.number
        of_root[root.number].append((ticket, matched))
        _open_at_end(found, ticket, matched, end)
    for problem in truth.wanted:
        _problem(found, problem, of_root.get(problem.number, []))
    _causes(found, truth, of_root, roots)
    return found


def _matched(ticket: Told, by_thing: dict[str, list[Problem]]) -> Problem | None:
    """Return the problem that a ticket is about: one of its things, open when it was opened."""
    candidates = [
        problem
        for thing in ticket.things
        for problem in by_thing.get(thing, ())
        if problem.began - _SLACK <= ticket.opened
        and (problem.ended is None or ticket.opened <= problem.ended + min(problem.grace, _AFTER_END))
    ]
    return max(candidates, key=lambda problem: (_fits(ticket, problem), problem.began), default=None)


def _fits(ticket: Told, problem: Problem) -> int:
    """Return how well the words of a ticket fit a problem at whose time and place it was opened."""
    says = _says(ticket, problem)
    if problem.wanted == "ticket":
        return 4 if says else 1
    if problem.wanted == "consequence":
        return 3 if problem.said and says else 2 if not problem.said else 0
    return 0


def _says(ticket: Told, problem: Problem) -> bool:
    return any(word in ticket.text for word in problem.said)


def _false(found: Judgement, ticket: Told, matched: Problem | None, by_thing: dict[str, list[Problem]]) -> None:
    found.false += 1
    if matched is not None:
        reasons = {"noise": "passes by itself", "planned": "is planned work"}
        found.note("false", ticket.text, f"{reasons.get(matched.wanted, 'its cause is planned')}: {matched.story}")
        return
    there = [problem for thing in ticket.things for problem in by_thing.get(thing, ())]
    over = [problem for problem in there if problem.ended is not None and problem.ended < ticket.opened]
    why = f"after the end of: {max(over, key=lambda each: each.began).story}" if over else "nothing was wrong there"
    found.note("false", ticket.text, f"{why} ({ticket.things[0]})")


def _open_at_end(found: Judgement, ticket: Told, problem: Problem | None, end: float) -> None:
    """Count a ticket that is open although what it is about has ended, or never was."""
    if ticket.closed is not None:
        return
    if problem is not None and (problem.ended is None or problem.ended + problem.grace + _SLACK > end):
        return
    found.left_open += 1
    found.note("left open", ticket.text, "nothing closed it" if problem is None else f"after: {problem.story}", 3.0)


def _problem(found: Judgement, problem: Problem, tickets: Sequence[tuple[Told, Problem]]) -> None:
    """Judge the tickets of one wanted problem."""
    direct = [ticket for ticket, matched in tickets if matched is problem and _says(ticket, problem)]
    found.told += bool(tickets)
    right = direct[0] if direct else None
    for ticket, matched in tickets:
        if ticket is not right:
            found.extra += 1
            which = "a consequence" if matched is not problem else "one more" if direct else "in other words"
            found.note("extra", ticket.text, f"{which} of: {problem.story}")
    if right is None:
        texts = "; ".join(sorted({ticket.text for ticket, _ in tickets})[:2])
        found.note("missed", problem.story, f"told only as: {texts}" if tickets else "no ticket at all", 2.0)
        return
    found.right += 1
    found.severity_as_wanted += right.severity == problem.severity
    if problem.change:
        found.suspects_wanted += 1
        found.suspects_named += any(suspect and suspect in problem.change for suspect in right.suspects)
    if right.opened > problem.began + problem.tell_within + _SLACK:
        found.late += 1
        found.note("late", problem.story, f"{(right.opened - problem.began) / 60:.0f} min after it began", 0.5)
    _closing(found, problem, right)


def _closing(found: Judgement, problem: Problem, right: Told) -> None:
    if problem.ended is None or right.closed is None:
        return
    if right.closed > problem.ended + problem.grace + _SLACK:
        found.closed_late += 1
        found.note("closed late", problem.story, f"{(right.closed - problem.ended) / 60:.0f} min after it ended", 0.5)
    if right.closed < problem.ended - _SLACK:
        found.closed_early += 1
        found.note("closed early", problem.story, f"{(problem.ended - right.closed) / 60:.0f} min before it ended")


def _causes(
    found: Judgement, truth: Truth, of_root: dict[int, list[tuple[Told, Problem]]], roots: dict[str, int]
) -> None:
    """Count tickets that name a cause which is not theirs."""
    for number, tickets in of_root.items():
        for ticket, _ in tickets:
            if ticket.cause and roots.get(ticket.cause) != number:
                found.wrong_cause += 1
                found.note("wrong cause", ticket.text, f"belongs to: {truth.problems[number].story}", 2.0)


def figures(found: Judgement) -> list[tuple[str, str]]:
    """Return the figures for people, with what each is."""
    share = found.severity_as_wanted / found.right if found.right else 1.0
    return [
        ("problems that want a ticket", str(found.wanted)),
        ("tickets", f"{found.tickets}: {found.right} right, {found.extra} extra, {found.false} false"),
        ("precision", f"{found.precision:.4f}"),
        ("recall", f"{found.recall:.4f}"),
        ("tickets per problem", f"{found.per_problem:.3f}"),
        ("left open", str(found.left_open)),
        ("closed late, closed early, told late", f"{found.closed_late}, {found.closed_early}, {found.late}"),
        ("wrong cause", str(found.wrong_cause)),
        ("severity as wanted", f"{share:.2f}"),
        ("changes named as suspects", f"{found.suspects_named} of {found.suspects_wanted}"),
    ]


def worst(found: Judgement, most: int = 25) -> list[tuple[str, int, str, str]]:
    """Return mistakes of a kind together, gravest first: kind, how many, an example, its reason."""
    groups: dict[tuple[str, str], list[Mistake]] = defaultdict(list)
    for mistake in found.mistakes:
        groups[mistake.kind, _general(f"{mistake.about} {mistake.reason}")].append(mistake)
    ranked = sorted(groups.values(), key=lambda each: -sum(mistake.weight for mistake in each))
    return [(each[0].kind, len(each), each[0].about, each[0].reason) for each in ranked[:most]]


def kinds(found: Judgement) -> Counter[str]:
    """Return how many mistakes there are of each kind."""
    return Counter(mistake.kind for mistake in found.mistakes)


def _general(text: str) -> str:
    """Return a text without what differs from one object to the next: paths and their parts, numbers, made names."""
    words = text.replace(":", " ").replace("(", " ").replace(")", " ").split()
    names = {part for word in words if "/" in word for part in word.split("/")}
    return " ".join(word for word in words if word not in names and not any(sign in word for sign in "/-0123456789"))
