"""One pod of a function: one event loop on one core, and calls of a foreign system that several requests share.

Sharing is as shared/delivery/batching.py has it: what comes alone leaves at once, what comes thick and fast waits a
little for company, and while all calls are out what comes leaves together with the next.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from shared.destinations.budget import Budget
from shared.destinations.caller import TRIES
from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Answer, Destination
from tests.bench.scaling.limits import Bucket
from tests.bench.scaling.record import Delivery

SECONDS = 10.0
"""What a call has, its tries together; half of what is left of it may be waited for its turn by the rate limit."""

_LEAVES: Final = object()


@dataclass(frozen=True, slots=True)
class Sharing:
    """How requests share calls: the most of them in one call, calls at a time, seconds that one waits for company.

    With `enough` of them it waits no longer. `cpu` are seconds of a core for each call. `rate` calls a second is the
    limit that one pod keeps (0: none), `burst` of them at once.
    """

    most: int
    at_once: int
    linger: float = 0.0
    enough: int = 1
    cpu: float = 0.0
    rate: float = 0.0
    burst: float = 1.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a function does with one request: seconds of a core, `storm_cpu` for one of a storm, seconds of waiting.

    `by_calls`: it makes as many requests of the foreign system as the record says, one after the other; else one.
    """

    cpu: float
    wait: float = 0.0
    storm_cpu: float = 0.0
    sharing: Sharing | None = None
    by_calls: bool = False


class Pod:
    """A pod that is ready. `busy` are the requests in it, `used` the seconds of its core."""

    def __init__(
        self, clock: Clock, work: Work, foreign: Destination | None, finished: Callable[["Pod", Delivery, bool], None]
    ) -> None:
        self.busy = 0
        self.used = 0.0
        self._clock = clock
        self._work = work
        self._foreign = foreign
        self._finished = finished
        self._free = 0.0
        self._sharing = work.sharing or Sharing(1, 1)
        self._limit = Bucket(self._sharing.rate, self._sharing.burst)
        self._queue: deque[Delivery] = deque()
        self._calling = 0
        self._begun = -1e9
        self._gathering: object | None = None
        self._budget = Budget(lambda: clock.now)

    def take(self, delivery: Delivery) -> None:
        """Begin a request."""
        work = self._work
        self.busy += 1
        done = self._compute((delivery.record.storm and work.storm_cpu) or work.cpu)
        if work.sharing is None or (work.by_calls and not delivery.left):
            self._clock.at(done + work.wait, self._finished, self, delivery, True)  # noqa: FBT003
        else:
            self._clock.at(done + work.wait, self._share, delivery)

    def _compute(self, seconds: float) -> float:
        """Return when the core will have done that, behind all that waits for it."""
        self._free = max(self._free, self._clock.now) + seconds
        self.used += seconds
        return self._free

    # --- calls that are shared ---

    def _share(self, delivery: Delivery) -> None:
        self._queue.append(delivery)
        if self._gathering is None:
            self._call_for_work()
        elif len(self._queue) >= self._sharing.enough:
            self._leave(self._gathering)

    def _call_for_work(self) -> None:
        if self._calling < self._sharing.at_once:
            self._calling += 1
            self._look()

    def _look(self) -> None:
        if not self._queue or self._gathering is not None:
            self._calling -= 1
            return
        until = self._begun + self._sharing.linger
        if self._clock.now < until and len(self._queue) < self._sharing.enough:
            self._gathering = object()
            self._clock.at(until, self._leave, self._gathering)
        else:
            self._send()

    def _leave(self, gathering: object) -> None:
        """Let a call leave that has waited for company; what is before it on the core still joins it."""
        if gathering is self._gathering and gathering is not _LEAVES:
            self._gathering = _LEAVES
            self._clock.at(max(self._free, self._clock.now), self._send_together)

    def _send_together(self) -> None:
        self._gathering = None
        self._send()

    def _send(self) -> None:
        if not self._queue:  # another call took it along
            self._calling -= 1
            return
        self._begun = self._clock.now
        batch = [self._queue.popleft() for _ in range(min(self._sharing.most, len(self._queue)))]
        if self._queue:
            self._call_for_work()
        self._turn(batch, self._clock.now + SECONDS, 1)

    def _turn(self, batch: list[Delivery], until: float, tries: int) -> None:
        """Wait for a turn by the rate limit and call."""
        left = until - self._clock.now
        turn = self._limit.take(self._clock.now, left / 2)
        if turn.granted:
            self._budget.called(len(batch))
            done = self._compute(self._sharing.cpu)
            self._clock.at(done + turn.wait, self._call, batch, until, tries)
        else:
            self._again(batch, until, tries, turn.wait)

    def _call(self, batch: list[Delivery], until: float, tries: int) -> None:
        assert self._foreign is not None
        self._foreign.call(len(batch), partial(self._answered, batch, until, tries))

    def _answered(self, batch: list[Delivery], until: float, tries: int, answer: Answer) -> None:
        if answer.ok or not answer.after:
            self._sent(batch, answer)
            return
        self._limit.hold(self._clock.now + answer.after)
        self._again(batch, until, tries, answer.after)

    def _again(self, batch: list[Delivery], until: float, tries: int, wait: float) -> None:
        """Try a second time within the same call where there is time and the retry budget has one left."""
        if tries < TRIES and self._clock.now + wait < until and self._budget.take():
            self._clock.after(wait, self._turn, batch, until, tries + 1)
        else:
            self._clock.after(0.0, self._sent, batch, Answer(ok=False))

    def _sent(self, batch: list[Delivery], answer: Answer) -> None:
        for delivery in batch:
            delivery.left -= answer.ok
            if answer.ok and self._work.by_calls and delivery.left:
                self._share(delivery)
            else:
                self._finished(self, delivery, answer.ok)
        self._look()
