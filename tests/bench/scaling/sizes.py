"""The sizes that docs/scale.md speaks of, and how they are run: as shipped, and with what it says to change."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Final

from tests.bench.scaling.figures import Figures
from tests.bench.scaling.hub import Hub
from tests.bench.scaling.plan import Plan, Systems
from tests.bench.scaling.report import Summary, summary
from tests.bench.scaling.traffic import Traffic

QUARTER: Final = Plan(
    250, storms=3, consumers=2, scales={"servicenow-incident": (1, 1, 50)}, systems=Systems(requests=50_000 // 4)
)
SIZES: Final = (
    ("10", Plan(10)),
    ("100", Plan(100)),
    ("100, a bad day", Plan(100, storms=10)),
    ("1,000", Plan(1000, storms=10)),
    ("250 of 1,000", QUARTER),
)
"""Each by its name. Of a thousand clusters ten lose a node at once; the last is one of four Brokers for them."""
DRAWN: Final = ("10", "100", "1,000")
_CALM: Final = (120.0, 3600.0)  # seconds
_ENOUGH: Final = 36_000.0  # seconds of all clusters together: some hundred tickets


def ran(name: str, plan: Plan, figures: Figures, traffic: Traffic) -> Summary:
    """Run one size; the calm before its storm is the longer the fewer clusters there are."""
    calm = max(_CALM[0], min(_CALM[1], _ENOUGH / plan.clusters))
    return summary(name, plan, Hub(plan, figures, traffic, calm).run())


def all_sizes(figures: Figures, traffic: Traffic) -> list[Summary]:
    """Run each size, two at a time: the largest first, for it takes longest."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        alone = replace(traffic, samples={})
        largest_first = sorted(SIZES, key=lambda size: -size[1].clusters)
        running = {name: processes.submit(ran, name, plan, figures, alone) for name, plan in largest_first}
        return [running[name].result() for name, _ in SIZES]
