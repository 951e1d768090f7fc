"""Feed one target in this process: `python -m tests.fuzz.feed TARGET STATUS [libFuzzer's arguments or a file]`.

STATUS is the file that is told how it goes: executions, seconds and resident MiB, at first, after warm-up, now.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["shared", "functions"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.corpus import Mutator

WARM = 0.3
"""Which part of the time fills the caches, the corpus and the allocator before growth is counted."""
MOST_GROWTH = 64.0  # MiB
_EVERY = 64


class Watched:
    """A target whose memory is watched; raises MemoryError where it grows."""

    def __init__(self, target: Callable[[bytes], None], status: Path, seconds: float) -> None:
        self._target = target
        self._status = status
        self._begun = time.monotonic()
        self._warm_at = self._begun + WARM * seconds
        self._warm = 0.0
        self._executions = 0

    def __call__(self, data: bytes) -> None:
        """Feed one input."""
        self._target(data)
        self._executions += 1
        if self._executions % _EVERY == 0:
            self._look()

    def _look(self) -> None:
        now, resident = time.monotonic(), _resident()
        if not self._warm and now >= self._warm_at:
            self._warm = resident
        told = {"executions": self._executions, "seconds": now - self._begun, "warm": self._warm, "now": resident}
        self._status.write_text(json.dumps(told), encoding="utf-8")
        if self._warm and resident - self._warm > MOST_GROWTH:
            raise MemoryError(f"{resident - self._warm:.0f} MiB more than after warm-up")


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(name: str, status: str, *arguments: str) -> None:
    """Feed until the time is over or something breaks; never returns."""
    seconds = next((float(word.partition("=")[2]) for word in arguments if word.startswith("-max_total_time=")), 0.0)
    watched = Watched(TARGETS[name], Path(status), seconds)
    given = {"custom_mutator": Mutator()} if name == "payloads" else {}
    atheris.Setup([sys.argv[0], *arguments], watched, **given)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
