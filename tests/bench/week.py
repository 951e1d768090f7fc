"""Part `week`: simulated life of a cluster, of which the truth is known, against the tickets that it makes.

The whole week and three seeds: `make endurance ARGS=week`.
"""

from tests.bench.measure import LEAST, MOST, Effort, Row, Wanted
from tests.support.week.report import judged, text, worst_figures

_SEED = 1
_DAYS, _FEWER_DAYS = 2.0, 1.0


def week(effort: Effort) -> list[Row]:
    """Print the judgement with the worst mistakes, and return its four figures."""
    one = judged(_SEED, _FEWER_DAYS if effort.quick else _DAYS)
    print(text(one))  # noqa: T201
    precision, recall, per_problem, left_open = worst_figures([one])
    name = f"{one.events:,} simulated events"
    return [
        Row(f"precision of tickets, {name}", "", "", [precision], (), Wanted(LEAST, 0.99, "ours")),
        Row(f"recall of tickets, {name}", "", "", [recall], (), Wanted(LEAST, 0.99, "ours")),
        Row(f"tickets per problem, {name}", "", "", [per_problem], (), Wanted(MOST, 1.02, "ours")),
        Row(f"tickets left open, {name}", "", "", [float(left_open)], (), Wanted(MOST, 0, "ours")),
    ]
