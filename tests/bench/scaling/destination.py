"""A foreign system: it takes its time, answers so many calls at once, and says 429 or 503 where it wants no more."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tests.bench.scaling.clock import Clock
from tests.bench.scaling.limits import Bucket


class Answer(NamedTuple):
    """Whether a call was taken; where it was not, the seconds after which they want to be asked again."""

    ok: bool
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Foreign:
    """What is known of a system.

    A call takes `seconds`, and `each` more for every item in it; `slots` are worked on at a time and others wait
    (0: any number). `rate` items a second are taken (0: any), `burst` at once; others are told 429. It is down
    `between` two times and then says 503.
    """

    seconds: float
    each: float = 0.0
    slots: int = 0
    rate: float = 0.0
    burst: float = 1.0
    between: tuple[float, float] = (0.0, 0.0)


class Destination:
    """The system while it runs. `calls`, `items` and `refused` are counted; `busy` are the seconds worked on calls."""

    def __init__(self, clock: Clock, foreign: Foreign) -> None:
        self.foreign = foreign
        self.calls = self.items = self.refused = 0
        self.busy = 0.0
        self._clock = clock
        self._rule = Bucket(foreign.rate, foreign.burst)
        self._working = 0
        self._waiting: deque[tuple[int, Callable[[Answer], None]]] = deque()

    def call(self, items: int, answered: Callable[[Answer], None]) -> None:
        """Take a call with so many items; say later what became of it."""
        if self.foreign.slots and self._working == self.foreign.slots:
            self._waiting.append((items, answered))
            return
        self._working += 1
        seconds, answer = self._judged(items)
        self.busy += seconds
        self._clock.after(seconds, self._done, answered, answer)

    def _judged(self, items: int) -> tuple[float, Answer]:
        now, foreign = self._clock.now, self.foreign
        if foreign.between[0] <= now < foreign.between[1]:
            self.refused += 1
            return foreign.seconds, Answer(ok=False)
        if not self._rule.take(now, 0.0, items).granted:
            self.refused += 1
            return foreign.seconds, Answer(ok=False, after=items / foreign.rate)
        self.calls += 1
        self.items += items
        return foreign.seconds + items * foreign.each, Answer(ok=True)

    def _done(self, answered: Callable[[Answer], None], answer: Answer) -> None:
        self._working -= 1
        if self._waiting:
            self.call(*self._waiting.popleft())
        answered(answer)
