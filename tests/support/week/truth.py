"""What really happened in a simulated week: the problems with their begin, end, cause, and whether a ticket is wanted.

Written by the simulation while it runs, from the outside of Tidings: nothing here knows rules, keys or policy.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from shared.events.vocabulary import Severity

Wanted = Literal["ticket", "noise", "planned", "consequence"]
"""Why there is to be a ticket, or why none: it passes by itself, is done on purpose, has another problem as cause."""

MINUTE = 60.0
HOUR = 3600.0


@dataclass(slots=True, kw_only=True)
class Problem:
    """One thing that went wrong. Times are seconds since 1970.

    Attributes:
        number: Its place in the truth.
        story: What went wrong, in people's words.
        things: Paths (`kind/namespace/name`) on which a ticket about it may stand; grows as pods get new names.
        said: Words (lower case) of which a ticket about it holds one in its condition or its summary.
        severity: How grave it is to people.
        wanted: `ticket`, or why none is wanted.
        cause: Number of the problem that this is a consequence of.
        change: The change that it came from, as `Deployment/shop/web 2.15`; empty where it came by itself.
        began: When there was something to see.
        ended: When it was over; None while it lasts.
        tell_within: Seconds after its begin after which a ticket is late.
        grace: Seconds after its end for which a ticket may stay open (where nothing says the end: much).
    """

    number: int
    story: str
    things: set[str]
    said: tuple[str, ...]
    severity: Severity
    wanted: Wanted
    cause: int | None
    change: str
    began: float
    ended: float | None = None
    tell_within: float = 30 * MINUTE
    grace: float = 20 * MINUTE


@dataclass(slots=True)
class Truth:
    """All problems of a run, in the order of their begin."""

    problems: list[Problem] = field(default_factory=list)

    def begin(  # noqa: PLR0913 -- what is to be said of a problem
        self,
        at: float,
        story: str,
        things: Iterable[str],
        said: tuple[str, ...],
        *,
        severity: Severity = "medium",
        wanted: Wanted = "ticket",
        cause: Problem | None = None,
        change: str = "",
        tell_within: float = 30 * MINUTE,
        grace: float = 20 * MINUTE,
    ) -> Problem:
        """Note that a problem begins; with a `cause` it is a consequence."""
        problem = Problem(
            number=len(self.problems),
            story=story,
            things=set(things),
            said=said,
            severity=severity,
            wanted="consequence" if cause is not None else wanted,
            cause=None if cause is None else cause.number,
            change=change,
            began=at,
            tell_within=tell_within,
            grace=grace,
        )
        self.problems.append(problem)
        return problem

    def root(self, problem: Problem) -> Problem:
        """Return what is at the bottom of a problem: itself, or the cause of its cause."""
        while problem.cause is not None:
            problem = self.problems[problem.cause]
        return problem

    @property
    def wanted(self) -> list[Problem]:
        """Return the problems that there is to be one ticket for."""
        return [problem for problem in self.problems if problem.wanted == "ticket"]
