"""A foreign system that is away for a minute while 5,000 events come, and what the other one notices of it.

    python -m tests.endurance.outage [--down splunk|servicenow] [--seconds S] [--events N] [--problems N] [HOW …]

HOW is `refuse` (503), `freeze` (SIGSTOP) or `kill` (SIGKILL); all three, one after the other, where none is named. Each
run takes turns with one in which nothing happens. Everything must arrive afterwards without anybody's help, incidents
once, and of what went to the other system the 95th percentile must be at most 1.5 times that of the quiet run, in the
median. Takes some four minutes for each HOW.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import get_args

from tests.bench.measure import percentile
from tests.support.harness.outage import How, Outage, Report, play
from tests.support.harness.processes import SERVICENOW, SPLUNK

_RATIO = 1.5


def main(arguments: Sequence[str] = ()) -> int:
    """Run them in turns, print what came of it, and return 0 where all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.outage", description=__doc__)
    parser.add_argument("ways", nargs="*", metavar="HOW", type=_way)
    parser.add_argument("--down", choices=(SPLUNK, SERVICENOW), default=SPLUNK)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--problems", type=int, default=150)
    options = parser.parse_args(arguments)
    problems: list[str] = []
    ratios: list[float] = []
    ways: Sequence[How] = options.ways or get_args(How)
    for number, how in enumerate(ways):
        outage = Outage(options.down, how, options.seconds, options.events, options.problems, seed=number + 1)
        both: dict[How | None, Report] = {}
        for what in (None, how) if number % 2 == 0 else (how, None):
            both[what] = _played(replace(outage, how=what))
            problems += [f"{what or 'quiet'}: {one}" for one in both[what].wrong]
        ratios.append(_p95(both[how]) / _p95(both[None]))
    middle = median(ratios)
    print(f"p95 of what went to the other system: {middle:.2f} of the quiet run's, {', '.join(map(_short, ratios))}")  # noqa: T201
    problems += [f"the other system's p95 is {middle:.2f} times that of the quiet run"] if middle > _RATIO else []
    for problem in problems:
        print(f"MISSED: {problem}")  # noqa: T201
    return 1 if problems else 0


def _way(text: str) -> How:
    """Return a way to be away. Raises ArgumentTypeError."""
    for how in get_args(How):
        if text == how:
            found: How = how
            return found
    raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(get_args(How))}")


def _played(outage: Outage) -> Report:
    with tempfile.TemporaryDirectory(prefix="tidings-outage-") as folder:
        report = play(outage, Path(folder) / "run")
    what = f"{outage.down} {outage.how}" if outage.how else "quiet"
    print(  # noqa: T201
        f"{what}: {report.waiting} waited after {outage.seconds:.0f} s, drained in {report.drained:.1f} s;"
        f" {report.repeats} records came twice, {report.cancelled} incidents were cancelled;"
        f" to {outage.other}: p95 {_p95(report) * 1000:.0f} ms of {len(report.waited)}",
        flush=True,
    )
    return report


def _p95(report: Report) -> float:
    return percentile(report.waited, 95)


def _short(value: float) -> str:
    return f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
