"""`make scale`: one plan of your own, simulated from the figures of docs/scale.json.

With `--write docs/scale.md` everything is measured and simulated anew, and written into that page, its picture and
docs/scale.json.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from tests.bench.__main__ import machine
from tests.bench.measure import Effort
from tests.bench.scale import scaled
from tests.bench.scaling.destination import Foreign
from tests.bench.scaling.figures import Figures
from tests.bench.scaling.page import RECORDED, rewrite
from tests.bench.scaling.plan import FUNCTIONS, SHIPPED, Plan, Systems
from tests.bench.scaling.report import HEADINGS
from tests.bench.scaling.sizes import ran
from tests.bench.scaling.traffic import played


def main(arguments: list[str]) -> int:
    """Simulate and print, or measure and write; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.write:
        on = machine()
        rewrite(options.write, scaled(Effort()), on)
        return 0
    plan = planned(arguments)
    figures = Figures.of(json.loads(options.figures.read_text(encoding="utf-8"))["figures"])
    print("playing five hours of one cluster and the loss of a node ...", file=sys.stderr)  # noqa: T201
    line = ran(f"{plan.clusters:,}", plan, figures, played())
    width = max(map(len, HEADINGS))
    for heading, cell in zip(HEADINGS, line.cells(), strict=True):
        print(f"{heading.ljust(width)}  {cell}")  # noqa: T201
    print("\nof its bound each took in the storm's minute")  # noqa: T201
    for name, share in sorted(line.bounds.items(), key=lambda item: -item[1]):
        print(f"{name.ljust(width)}  {share:.0%}")  # noqa: T201
    return 0


def planned(arguments: list[str]) -> Plan:
    """Return the plan that was asked for. Raises SystemExit, having said what is wrong with it."""
    parser = _parser()
    try:
        return _plan(parser.parse_args(arguments))
    except ValueError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scaling", description=__doc__)
    add = parser.add_argument
    add("--clusters", type=int, default=100, help="how many clusters one Broker takes")
    add("--storms", type=int, help="how many of them lose a node at once; one of a hundred where it is not said")
    add("--partitions", type=int, default=10, help="of the Broker's topic")
    add("--consumers", type=int, default=1, help="of each Trigger: replicas of the dispatcher")
    add("--pods", action="append", default=[], metavar="FUNCTION=LEAST:MOST:CONCURRENCY", help="scale of a Service")
    add("--ordered", action="append", default=[], metavar="FUNCTION", help="its Trigger keeps the order of partitions")
    add("--requests", type=int, default=25_000, help="calls an hour that ServiceNow lets us make; 0: any number")
    add("--splunk-ms", type=float, default=20.0, help="time of a call of Splunk")
    add("--servicenow-ms", type=float, default=150.0, help="time of each request in a call of ServiceNow")
    add("--figures", type=Path, default=RECORDED, help="what was measured")
    add("--write", type=Path, metavar="PAGE", help="measure, simulate all sizes, and write them into this page")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    """Return the plan that was asked for. Raises ValueError."""
    scales = dict(SHIPPED)
    for text in options.pods:
        name, _, numbers = text.partition("=")
        parts = numbers.split(":")
        if len(parts) != 3 or not all(part.isdecimal() for part in parts):
            raise ValueError(f"{text}: say FUNCTION=LEAST:MOST:CONCURRENCY")
        least, most, concurrency = map(int, parts)
        if least > most or most < 1 or concurrency < 1:
            raise ValueError(f"{text}: no such scale")
        scales[name] = (least, most, concurrency)
    strange = {*scales, *options.ordered} - set(FUNCTIONS)
    if strange:
        raise ValueError(f"there is no function {min(strange)!r}; there are: {', '.join(FUNCTIONS)}")
    if min(options.clusters, options.partitions, options.consumers) < 1:
        raise ValueError("clusters, partitions and consumers are at least one")
    systems = Systems()
    return Plan(
        options.clusters,
        max(1, options.clusters // 100) if options.storms is None else min(options.storms, options.clusters),
        options.partitions,
        options.consumers,
        scales,
        frozenset(options.ordered),
        Systems(
            Foreign(options.splunk_ms / 1000),
            replace(systems.tickets, each=options.servicenow_ms / 1000),
            options.requests,
        ),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
