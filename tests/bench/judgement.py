"""Part `judgement`: how events that no rule was written for are judged: one component after the other is left out."""

import sys

from shared.rules.shipped import load_shipped
from tests.bench.measure import LEAST, Effort, Row, Wanted
from tests.support.leave_out import FIELDS, Score, scores
from tests.support.servers import ROOT

_MEAN = 98
_TICKET = 97


def judgement(_: Effort) -> list[Row]:
    """Print the share of the verdicts that stay as they are, component by component; bounds are for all rows."""
    shared_data = ROOT.parent / "shared"
    if not (shared_data / "reference" / "reasons.csv").exists():
        print("could not run: no reason catalogue at ../shared ...", end=" ", file=sys.stderr)  # noqa: T201
        return []
    of_each = scores(shared_data, load_shipped())
    whole = sum(of_each.values(), Score())
    print(table({**of_each, "all": whole}))  # noqa: T201
    return [
        Row(
            "judged alike without own rules: mean of five fields",
            "",
            "%",
            [whole.mean],
            (),
            Wanted(LEAST, _MEAN, "ours"),
        ),
        Row(
            "judged alike without own rules: ticket",
            "",
            "%",
            [whole.share("ticket")],
            (),
            Wanted(LEAST, _TICKET, "ours"),
        ),
    ]


def table(of_each: dict[str, Score]) -> str:
    """Return a line for each component: its rows, each field's share and their mean in percent."""
    width = max(map(len, of_each))
    lines = [f"{'component':<{width}}  rows  {'  '.join(f'{name:>11}' for name in FIELDS)}  {'mean':>5}"]
    for component, score in of_each.items():
        shares = "  ".join(f"{score.share(name):>11.1f}" for name in FIELDS)
        lines.append(f"{component:<{width}}  {score.rows:>4}  {shares}  {score.mean:>5.1f}")
    return "\n".join(lines)
