"""`make bench`: measure, print medians as ratios to a baseline of the same run, and say what was wanted.

`python -m tests.bench [--quick] [PART …]` measures some parts only; `--write PAGE` puts the figures into a page.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from timeit import repeat

from tests.bench.measure import Effort, Row, table
from tests.bench.parts import NAMES, part


def main(arguments: list[str]) -> int:
    """Run the parts and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(NAMES)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="fewer turns: enough to see whether a change helped")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put figures and picture into this page, too")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in NAMES]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}; there are: {', '.join(NAMES)}")
    on = machine()
    begun = time.monotonic()
    rows: list[Row] = []
    for name in options.parts or NAMES:
        part_begun = time.monotonic()
        print(f"measuring {name} ...", end=" ", flush=True, file=sys.stderr)  # noqa: T201
        rows += part(name)(Effort(options.quick))
        print(f"{time.monotonic() - part_begun:.0f} s", file=sys.stderr)  # noqa: T201
    missed = sum(row.met is False for row in rows)
    wanted = sum(row.met is not None for row in rows)
    print(f"\n{table(rows)}\n")  # noqa: T201
    print(f"Medians, in brackets the middle half of the turns; {on}.")  # noqa: T201
    print(f"{wanted - missed} of {wanted} bounds met; {time.monotonic() - begun:.0f} s in all.")  # noqa: T201
    if options.write:
        from tests.bench.page import rewrite  # matters only here

        rewrite(options.write, rows, on)
    return 0


def machine() -> str:
    """Return what this runs on, how fast it is, with whom what is measured shares the cores, and how busy they are."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    cores = f"{os.cpu_count()} cores, which the load shares"
    busy = f"load average {os.getloadavg()[0]:.1f} before it began"
    speed = f"a million additions took {1000 * min(repeat(_add, number=1)):.0f} ms"
    return f"{python}, {platform.system()} {platform.machine()}, {cores}; {busy}, {speed}"


def _add() -> None:
    total = 0
    for number in range(1_000_000):
        total += number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
