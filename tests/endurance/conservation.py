"""100,000 events with the settings as they are shipped, and one SIGKILL every five seconds: `make endurance`.

What a test cannot wait for: leases of 27 seconds, back-offs of 10, 20, 30 … seconds.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.harness.killer import Plan
from tests.support.harness.processes import SHIPPED
from tests.support.harness.run import Options, conserve


def main(arguments: Sequence[str] = ()) -> int:
    """Run it and print the report; return 0 where everything was conserved."""
    parser = argparse.ArgumentParser(prog="conservation", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=250.0, help="events posted in a second")
    parser.add_argument("--every", type=float, default=5.0, help="seconds from one kill to the next")
    options = parser.parse_args(arguments)
    run = Options(
        events=options.events,
        problems=options.events // 50,
        plan=Plan(options.seed, pause=(options.every, options.every)),
        pace=SHIPPED,
        rate=options.rate,
        within=options.events / options.rate * 6 + 600,
        fresh_within=60,
        look=5.0,
    )
    with tempfile.TemporaryDirectory(prefix="tidings-conservation-") as folder:
        report = conserve(run, Path(folder))
    for line in report.lines():
        print(line)  # noqa: T201 - its output
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
