"""Measuring honestly: warm up, take turns, and report medians with their spread.

The speed of a machine drifts by half within minutes, so that only two things measured in turns can be compared; what is
reported is the ratio of each turn, not of the sums.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: ours and the baseline in `unit`, and ours ÷ baseline of each turn."""

    name: str
    baseline_name: str
    unit: str
    ours: list[float]
    baseline: list[float]

    @property
    def ratios(self) -> list[float]:
        """Return ours ÷ baseline, turn by turn."""
        return [ours / base for ours, base in zip(self.ours, self.baseline, strict=True)]


def in_turns(  # noqa: PLR0913 -- two things, their names, and how often
    name: str,
    baseline_name: str,
    unit: str,
    ours: Callable[[], float],
    baseline: Callable[[], float],
    *,
    rounds: int,
    warm_up: int = 1,
) -> Row:
    """Measure both in turns, each one first every other time; each callable returns one measurement in `unit`."""
    for _ in range(warm_up):
        ours()
        baseline()
    mine: list[float] = []
    base: list[float] = []
    for number in range(rounds):
        order = [(ours, mine), (baseline, base)]
        for measure, values in order if number % 2 == 0 else reversed(order):
            values.append(measure())
    return Row(name, baseline_name, unit, mine, base)


def microseconds_each(work: Callable[[], int]) -> float:
    """Return the time of `work` in µs for each of the things that it says it did; the collector waits meanwhile."""
    gc.collect()
    gc.disable()
    try:
        begun = time.perf_counter()
        count = work()
        return (time.perf_counter() - begun) * 1e6 / count
    finally:
        gc.enable()


def spread(values: list[float]) -> str:
    """Return the median and the middle half, or the range of a few values."""
    if len(values) >= 5:
        low, _, high = quantiles(values, n=4)
    else:
        low, high = min(values), max(values)
    return f"{_number(median(values))} ({_number(low)}-{_number(high)})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows: list[Row]) -> str:
    """Return the report: medians, in brackets the middle half of the turns."""
    lines = [("what", "unit", "Tidings", "baseline", "ratio", "baseline is")]
    lines += [
        (row.name, row.unit, spread(row.ours), spread(row.baseline), spread(row.ratios), row.baseline_name)
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
