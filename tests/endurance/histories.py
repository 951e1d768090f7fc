"""Generated histories: 10,000 of them played to the correlator, and judged by a plain oracle.

`python -m tests.endurance.histories [--histories N] [--seed S] [NAME]`; prints a line for each property, the shortest
history that breaks it and the seed it came from, and exits with 1 where any does.
"""

import argparse
import sys
import time
from random import Random

from tests.support.histories_of_tickets import PROPERTIES, Case, shortest


def main(arguments: list[str]) -> int:
    """Play the histories, print what became of them, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.histories", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="only the properties whose names have this in them")
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    names = [name for name in PROPERTIES if options.name in name]
    broken = 0
    for name in names:
        begun, number = time.monotonic(), -(-options.histories // len(names))
        bad = [seed for seed in range(options.seed, options.seed + number) if wrong(name, seed)]
        print(f"{name:40} {number:6} histories, {len(bad)} wrong, {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
        for seed in bad[:3]:
            show(name, seed)
        broken += len(bad)
    return 1 if broken else 0


def case_of(name: str, seed: int) -> Case:
    """Return the history of a seed."""
    return PROPERTIES[name][0](Random(seed))  # noqa: S311 -- a simulation


def judged(name: str, case: Case) -> list[str]:
    """Return what is wrong with a history's tickets."""
    try:
        return PROPERTIES[name][1](case)
    except AssertionError as error:
        return [str(error)]


def wrong(name: str, seed: int) -> bool:
    """Return whether the history of a seed breaks a property."""
    return bool(judged(name, case_of(name, seed)))


def show(name: str, seed: int) -> None:
    """Print the shortest history that is as wrong as that of a seed."""
    case = shortest(case_of(name, seed), lambda shorter: judged(name, shorter))
    lines = [f"  --seed {seed}: {case.setting}", *(f"    {one}" for one in case.arrivals), *judged(name, case)]
    print("\n".join(lines), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
