"""A Knative Service: its pods, who waits for one, and the autoscaler that starts and ends them.

The autoscaler is Knative's own (KPA) with the settings that it is shipped with, as config-autoscaler documents them:
each two seconds it looks at the requests in flight, on the average of a minute and of six seconds, and wants so many
pods that each has 70 % of its containerConcurrency. Twice as many as the pods can bear within six seconds is a panic:
then it counts by those, and takes no pod away. Of scaling down only half at a time is done.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil

from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Destination
from tests.bench.scaling.pod import Pod, Work
from tests.bench.scaling.record import Delivery

TARGET = 0.7
_TICK = 2.0
_STABLE, _PANIC = 30, 3  # ticks
_TWICE = 2.0
_DOWN = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """What the Service says: fewest and most pods, requests in one pod, and the seconds until a pod is ready."""

    least: int
    most: int
    concurrency: int
    start: float


class Service:
    """The Service while it runs."""

    def __init__(self, clock: Clock, name: str, work: Work, scale: Scale, foreign: Destination | None = None) -> None:
        self.name = name
        self.scale = scale
        self.foreign = foreign
        self.starts = 0
        self._clock = clock
        self._work = work
        self._pods: list[Pod] = []
        self._gone = 0.0  # seconds of a core, of pods that are no more
        self._starting = 0
        self._queue: deque[Delivery] = deque()
        self._flying = 0
        self._area, self._since = 0.0, 0.0
        self._averages: deque[float] = deque(maxlen=_STABLE)
        self._panics = 0
        for _ in range(scale.least):
            self._pods.append(self._new())
        clock.after(_TICK, self._tick)

    @property
    def pods(self) -> int:
        """Return how many pods are ready."""
        return len(self._pods)

    @property
    def used(self) -> float:
        """Return the seconds of cores that all its pods have used."""
        return self._gone + sum(pod.used for pod in self._pods)

    def request(self, delivery: Delivery) -> None:
        """Take a request: to the pod that has the fewest, or to wait for one."""
        self._count(1)
        pod = min(self._pods, key=lambda each: each.busy) if self._pods else None
        if pod is not None and pod.busy < self.scale.concurrency:
            pod.take(delivery)
            return
        self._queue.append(delivery)
        if not self._pods and not self._starting:
            self._start(1)  # from zero the activator does not wait for a tick

    def _new(self) -> Pod:
        return Pod(self._clock, self._work, self.foreign, self._finished)

    def _count(self, more: int) -> None:
        now = self._clock.now
        self._area += self._flying * (now - self._since)
        self._since = now
        self._flying += more

    def _finished(self, pod: Pod, delivery: Delivery, ok: bool) -> None:  # noqa: FBT001 -- an answer
        pod.busy -= 1
        self._count(-1)
        if self._queue and pod.busy < self.scale.concurrency and pod in self._pods:
            pod.take(self._queue.popleft())
        delivery.answered(delivery, ok)

    # --- the autoscaler ---

    def _tick(self) -> None:
        self._count(0)
        self._averages.append(self._area / _TICK)
        self._area = 0.0
        self._adjust()
        self._clock.after(_TICK, self._tick)

    def _adjust(self) -> None:
        ready = max(1, len(self._pods))
        recent = list(self._averages)[-_PANIC:]
        stable = self._wanted(sum(self._averages) / len(self._averages))
        panic = self._wanted(sum(recent) / len(recent))
        self._panics = _STABLE if panic >= _TWICE * ready else self._panics - 1
        wanted = max(panic, len(self._pods)) if self._panics > 0 else max(stable, len(self._pods) // _DOWN)
        if stable == 0 and len(self._averages) < _STABLE:
            wanted = max(wanted, min(1, len(self._pods)))  # a whole minute without a request, before the last one goes
        wanted = min(max(wanted, self.scale.least), self.scale.most)
        there = len(self._pods) + self._starting
        if wanted > there:
            self._start(wanted - there)
        for _ in range(len(self._pods) - wanted):
            self._end()

    def _wanted(self, flying: float) -> int:
        return ceil(flying / (TARGET * self.scale.concurrency) - 1e-9)

    def _start(self, pods: int) -> None:
        for _ in range(pods):
            self._starting += 1
            self.starts += 1
            self._clock.after(self.scale.start, self._ready)

    def _ready(self) -> None:
        self._starting -= 1
        pod = self._new()
        self._pods.append(pod)
        while self._queue and pod.busy < self.scale.concurrency:
            pod.take(self._queue.popleft())

    def _end(self) -> None:
        """Take the pod with the fewest requests out; what it has in hand it finishes."""
        pod = min(self._pods, key=lambda each: each.busy)
        self._pods.remove(pod)
        self._gone += pod.used
