"""A simulated week, of which the truth is known, against the tickets that it makes; several seeds, the worst counts.

`python -m tests.endurance.week [--days D] [--seeds S …]`; exits with 1 where a bound is missed. A
seed takes two minutes.
"""

import argparse
import sys
import time

from tests.support.week.report import judged, text, worst_figures

_PRECISION, _RECALL, _PER_PROBLEM = 0.99, 0.99, 1.02


def main(arguments: list[str]) -> int:
    """Play and judge each seed, print what became of it, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.week", description=__doc__)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args(arguments)
    found = []
    for seed in options.seeds:
        begun = time.monotonic()
        found.append(judged(seed, options.days))
        print(f"{text(found[-1])}\n  it took {time.monotonic() - begun:.0f} s\n", flush=True)  # noqa: T201
    precision, recall, per_problem, left_open = worst_figures(found)
    print(  # noqa: T201
        f"the worst of {len(found)}: precision {precision:.4f}, recall {recall:.4f}, "
        f"{per_problem:.3f} tickets per problem, {left_open} left open"
    )
    good = precision >= _PRECISION and recall >= _RECALL and per_problem <= _PER_PROBLEM and not left_open
    print("as it should be" if good else "MISSED: see above")  # noqa: T201
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
