"""Part `scale`: scale-out, simulated from what single functions do on this machine (docs/scale.md).

What is simulated is compared with what is measured where both can be had: one forwarder, flat out and at a steady rate.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from tests.bench.measure import MOST, Effort, Row, Wanted, aligned, number, percentile
from tests.bench.scaling import measuring
from tests.bench.scaling.alone import Alone
from tests.bench.scaling.destination import Foreign
from tests.bench.scaling.figures import Figures
from tests.bench.scaling.measuring import RATE, Point
from tests.bench.scaling.plan import siem_sharing
from tests.bench.scaling.pod import Work
from tests.bench.scaling.report import HEADINGS, Summary
from tests.bench.scaling.sizes import all_sizes
from tests.bench.scaling.traffic import played
from tests.bench.scaling.trigger import IN_FLIGHT

_APART = Wanted(MOST, 1.25, "ours")
"""The most by which the model may be off, either way."""
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that was both simulated and measured."""

    name: str
    unit: str
    simulated: float
    measured: float

    @property
    def apart(self) -> float:
        """Return how many times the larger is the smaller."""
        return max(self.simulated, self.measured) / min(self.simulated, self.measured)

    def cells(self) -> tuple[str, ...]:
        """Return the line's cells."""
        ratio = number(self.simulated / self.measured)
        return self.name, self.unit, number(self.simulated), number(self.measured), ratio


@dataclass(frozen=True, slots=True)
class Scaled:
    """All of one run."""

    figures: Figures
    compared: Sequence[Compared]
    sizes: Sequence[Summary]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "figures": self.figures.as_json(),
            "compared": [asdict(one) for one in self.compared],
            "sizes": [one.as_json() for one in self.sizes],
        }


def scale(effort: Effort) -> list[Row]:
    """Print the tables, and return how far the model was from what was measured."""
    run = scaled(effort)
    for title, lines in tables(run):
        print(f"\n{title}\n{aligned(lines)}")  # noqa: T201
    return [Row(f"model of {one.name}: off by", "", "x", [one.apart], wanted=_APART) for one in run.compared]


def scaled(effort: Effort) -> Scaled:
    """Play, measure, compare, simulate: some fifty seconds."""
    traffic = played()
    figures, points = measuring.measured(effort, traffic)
    return Scaled(figures, compared(figures, points), all_sizes(figures, traffic))


def compared(figures: Figures, points: Sequence[Point]) -> list[Compared]:
    """Simulate the forwarder under the load under which it was measured, with as much of a core as it had."""
    found: list[Compared] = []
    for point in points:
        name = f"siem-forwarder, target after {point.latency} ms"
        rate = _forwarder(figures, point, median(point.stretches)).flat_out(IN_FLIGHT, _SECONDS)
        found.append(Compared(f"{name}, {IN_FLIGHT} in flight", "events/s", rate, median(point.rates)))
        waits = _forwarder(figures, point).steady(RATE, _SECONDS)
        for percent in (50, 99):
            simulated, measured = percentile(waits, percent), percentile(point.waits, percent)
            found.append(Compared(f"{name}, {RATE:.0f}/s, p{percent}", "ms", simulated * 1000, measured * 1000))
    return found


def _forwarder(figures: Figures, point: Point, stretch: float = 1.0) -> Alone:
    sharing = siem_sharing(figures)
    cpu = stretch * figures.functions["siem-forwarder"].cpu
    target = Foreign(point.latency / 1000 + median(point.targets))
    return Alone(Work(cpu, sharing=replace(sharing, cpu=stretch * sharing.cpu)), target, median(point.clients))


def tables(run: Scaled) -> list[tuple[str, list[tuple[str, ...]]]]:
    """Return what is printed, and written into docs/scale.md: titles and lines, the first of each its headings."""
    costs: list[tuple[str, ...]] = [("function", "µs of a core", "of a storm", "ms of waiting")]
    costs += [
        (name, f"{one.cpu * 1e6:.0f}", f"{one.storm_cpu * 1e6:.0f}" if one.storm_cpu else "-", f"{one.wait * 1000:.1f}")
        for name, one in sorted(run.figures.functions.items())
    ]
    costs += [("a bulk call", f"{run.figures.bulk_cpu * 1e6:.0f}", "-", "-")]
    return [
        ("measured", costs),
        ("model", [("what", "unit", "simulated", "measured", "ratio"), *(one.cells() for one in run.compared)]),
        ("sizes", list(zip(HEADINGS, *(one.cells() for one in run.sizes), strict=True))),
    ]
