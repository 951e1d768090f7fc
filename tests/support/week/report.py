"""One simulated time, played and judged; the worst of several seeds, and how that is shown."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.week.judge import Judgement, figures, judge, worst
from tests.support.week.play import Player
from tests.support.week.truth import HOUR
from tests.support.week.week import week


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one seed: how many events there were, how many of them were classified, and the judgement."""

    seed: int
    events: int
    classified: int
    judgement: Judgement


def judged(seed: int, days: float) -> Judged:
    """Play and judge. Raises NotHandledError where a function refused what the cluster sent."""
    made = week(seed, days)
    player = Player(made.start)
    tickets = asyncio.run(player.play(made.sent))
    found = judge(made.truth, tickets, made.end + HOUR)
    return Judged(seed, player.handled, player.classified, found)


def worst_figures(all_of_them: Sequence[Judged]) -> tuple[float, float, float, int]:
    """Return the worst precision, recall, tickets per problem, and number left open."""
    found = [one.judgement for one in all_of_them]
    return (
        min(one.precision for one in found),
        min(one.recall for one in found),
        max(one.per_problem for one in found),
        max(one.left_open for one in found),
    )


def text(one: Judged, most: int = 20) -> str:
    """Return the figures of a seed and its worst mistakes, for people."""
    lines = [f"seed {one.seed}: {one.events:,} events, {one.classified:,} of them classified"]
    rows = figures(one.judgement)
    width = max(len(name) for name, _ in rows)
    lines += [f"  {name:<{width}}  {value}" for name, value in rows]
    mistakes = worst(one.judgement, most)
    if mistakes:
        lines.append("  the worst mistakes, those of a kind together:")
    lines += [f"  {count:>4} x {kind}: {about}\n         {reason}" for kind, count, about, reason in mistakes]
    return "\n".join(lines)
