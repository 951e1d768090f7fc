"""Simulated time: a heap of what is due. Nothing here waits, and the same calls give the same order.

A library of processes (SimPy) was tried on paper: each wait there is a generator that is resumed, several for each
event, where this needs one entry of a heap. A thousand clusters are two million events, and a run shall take seconds.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class Clock:
    """The time in seconds, and what is to be done when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._order = count()

    def at(self, when: float, do: Callable[..., object], *arguments: Any) -> None:
        """Have something done at a time; of what is due at the same time first what was asked for first."""
        heapq.heappush(self._due, (when, next(self._order), do, arguments))

    def after(self, seconds: float, do: Callable[..., object], *arguments: Any) -> None:
        """Have something done so many seconds from now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._order), do, arguments))

    def run(self, until: float) -> None:
        """Do all that is due before a time, and let it be that time."""
        due = self._due
        while due and due[0][0] < until:
            self.now, _, do, arguments = heapq.heappop(due)
            do(*arguments)
        self.now = until
