"""Ten minutes of full load: the memory of a function that tells a foreign system must stay level.

    python -m tests.endurance.load [--minutes M] [FUNCTION …]

Each function runs as `tidings serve` does, with 256 requests in flight from beginning to end, beside a target that
takes everything (tests/bench/target.py). Prints its memory ten times and exits with 1 where the last third of the time
needed more than a tenth more than the first third, or where the target has not what was answered with 204.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.load import flat_out
from tests.bench.outgoing import SUBJECTS, Subject, telling
from tests.bench.processes import Running

_IN_FLIGHT = 256
_WARM_UP = 0.1  # of the time: what is filled once is full then
_GROWTH = 1.1
_LINES = 10


@dataclass(slots=True)
class _Memory:
    """What a process needs, in MiB, looked at every second."""

    process: Running
    seconds: float
    begun: float = field(default_factory=time.monotonic)
    values: list[float] = field(default_factory=list)
    printed: int = 0

    def look(self) -> None:
        passed = time.monotonic() - self.begun
        self.values.append(self.process.rss())
        if passed * _LINES >= self.seconds * (1 + self.printed):
            self.printed += 1
            print(f"{passed:7.0f} s  {self.values[-1]:7.1f} MiB", flush=True)  # noqa: T201

    def growth(self) -> float:
        """Return what the last third needed by what the first third did."""
        third = max(1, len(self.values) // 3)
        return median(self.values[-third:]) / median(self.values[:third])


def judge(growth: float, answered: int, arrived: int) -> list[str]:
    """Return what is not as it should be."""
    found = [f"the memory grew to {growth:.2f} of what it was"] if growth > _GROWTH else []
    return found + ([f"{answered} were answered, {arrived} arrived"] if answered != arrived else [])


def loaded(subject: Subject, seconds: float) -> list[str]:
    """Load one function for so long, print what it needs, and return what is not as it should be."""
    with telling(subject) as ours:
        warm = flat_out(ours.port, subject.told(), connections=_IN_FLIGHT, seconds=seconds * _WARM_UP).only(200, 204)
        memory = _Memory(ours.process, seconds)
        load = flat_out(
            ours.port, subject.told(), connections=_IN_FLIGHT, seconds=seconds, looks=[(1.0, memory.look)]
        ).only(200, 204)
        arrived = ours.foreign.counts().events
    growth = memory.growth()
    print(  # noqa: T201
        f"{subject.name}: {load.statuses.total()} events, {load.rate:.0f} a second; memory {min(memory.values):.1f} to"
        f" {max(memory.values):.1f} MiB, last third by first third {growth:.3f}"
    )
    return judge(growth, warm.statuses.total() + load.statuses.total(), arrived)


def main(arguments: Sequence[str] = ()) -> int:
    """Load the functions one after the other; return 0 where all stayed level."""
    names = [subject.function for subject in SUBJECTS]
    parser = argparse.ArgumentParser(prog="python -m tests.endurance.load", description=__doc__)
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help=f"of {', '.join(names)}; all where none is")
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.functions if name not in names]
    if unknown:
        parser.error(f"there is no function {unknown[0]!r} here; there are: {', '.join(names)}")
    problems: list[str] = []
    for subject in SUBJECTS:
        if not options.functions or subject.function in options.functions:
            print(f"{subject.name}, {_IN_FLIGHT} requests in flight for {options.minutes:g} minutes")  # noqa: T201
            problems += [f"{subject.name}: {problem}" for problem in loaded(subject, options.minutes * 60)]
    for problem in problems:
        print(f"MISSED: {problem}")  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
