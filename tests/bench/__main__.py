"""`make bench`: measure, and print medians as ratios to a baseline of the same run.

`python -m tests.bench [PART …]` measures some parts only.
"""

import os
import platform
import sys
import time

from tests.bench.measure import Row, table
from tests.bench.parts import PARTS


def main(names: list[str]) -> int:
    """Run the parts and print the table; return the exit code."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"there is no part {unknown[0]!r}; there are: {', '.join(PARTS)}", file=sys.stderr)  # noqa: T201
        return 2
    begun = time.monotonic()
    rows: list[Row] = []
    for name in names or PARTS:
        part_begun = time.monotonic()
        print(f"measuring {name} ...", end=" ", flush=True, file=sys.stderr)  # noqa: T201
        rows += PARTS[name]()
        print(f"{time.monotonic() - part_begun:.0f} s", file=sys.stderr)  # noqa: T201
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"\n{table(rows)}\n")  # noqa: T201
    print(f"Medians, in brackets the middle half of the turns; {machine}; {time.monotonic() - begun:.0f} s in all.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
