"""Measuring honestly: warm up, take turns, report medians with their spread, and say what was wanted.

The speed of a machine drifts by half within minutes, so that only two things measured in turns can be compared; what is
reported is the ratio of each turn, not of the sums.
"""

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Final, Literal

MOST: Final = "<="
LEAST: Final = ">="


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound for the median of `of`: of the ratios, or of our own figures in the row's unit."""

    sign: Literal["<=", ">="]
    bound: float
    of: Literal["ratio", "ours"] = "ratio"

    def text(self, unit: str) -> str:
        """Return the bound as the table shows it."""
        return f"{self.sign} {self.bound:g} {'x' if self.of == 'ratio' else unit}"

    def verdict(self, measured: float) -> str:
        """Return `met` or `missed`, and by how many percent of the bound; within half a percent it is `just`."""
        met = measured <= self.bound if self.sign == MOST else measured >= self.bound
        percent = abs(measured / self.bound - 1) * 100 if self.bound else 0.0
        by = "just" if percent < 0.5 else f"by {percent:.0f} %"
        return f"{'met' if met else 'MISSED'} {by}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: ours and the baseline in `unit`, turn by turn.

    Without a baseline there is no ratio. `wanted` None: for information.
    """

    name: str
    baseline_name: str
    unit: str
    ours: Sequence[float]
    baseline: Sequence[float] = field(default=())
    wanted: Wanted | None = None

    @property
    def ratios(self) -> list[float]:
        """Return ours ÷ baseline, turn by turn."""
        return [ours / base for ours, base in zip(self.ours, self.baseline, strict=True)] if self.baseline else []

    @property
    def met(self) -> bool | None:
        """Return whether the bound is kept, None where there is none."""
        return None if self.wanted is None else self.verdict.startswith("met")

    @property
    def verdict(self) -> str:
        """Return what became of the bound, empty where there is none."""
        if self.wanted is None:
            return ""
        return self.wanted.verdict(median(self.ratios if self.wanted.of == "ratio" else self.ours))

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells as HEADINGS names them."""
        return (
            self.name,
            self.unit,
            spread(self.ours),
            spread(self.baseline) if self.baseline else "-",
            spread(self.ratios) if self.baseline else "-",
            self.wanted.text(self.unit) if self.wanted is not None else "-",
            self.verdict or "-",
            self.baseline_name or "-",
        )


HEADINGS = ("what", "unit", "Tidings", "baseline", "ratio", "wanted", "verdict", "the baseline is")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: all of it, or (`quick`) just enough to see whether a change helped."""

    quick: bool = False

    def turns(self, full: int) -> int:
        """Return how many turns to take where the whole benchmark takes `full`."""
        return max(3, full // 3) if self.quick else full

    def seconds(self, full: float) -> float:
        """Return how long to take where the whole benchmark takes `full`."""
        return full / 3 if self.quick else full


def in_turns(  # noqa: PLR0913 -- two things, their names, and how often
    name: str,
    baseline_name: str,
    unit: str,
    ours: Callable[[], float],
    baseline: Callable[[], float],
    *,
    rounds: int,
    warm_up: int = 1,
    wanted: Wanted | None = None,
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
    return Row(name, baseline_name, unit, mine, base, wanted)


def microseconds_each(work: Callable[[], int]) -> float:
    """Return the CPU time of `work` in µs for each of the things that it says it did; the collector waits meanwhile.

    CPU time, since what else runs on the machine shall not count.
    """
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        count = work()
        return (time.process_time() - begun) * 1e6 / count
    finally:
        gc.enable()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that is not exceeded by so many percent of all. Raises ValueError for no values."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float]) -> str:
    """Return the median and the middle half, or the range of a few values; of a single one just itself."""
    if len(values) == 1:
        return number(values[0])
    if len(values) >= 5:
        low, _, high = quantiles(values, n=4)
    else:
        low, high = min(values), max(values)
    return f"{number(median(values))} ({number(low)}-{number(high)})"


def number(value: float) -> str:
    """Return a figure with three digits or so."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(rows: Sequence[Row]) -> str:
    """Return the report: medians, in brackets the middle half of the turns."""
    return aligned([HEADINGS, *(row.cells() for row in rows)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as columns."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
