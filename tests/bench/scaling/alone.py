"""One function by itself under load, in simulated time: what is compared with the real one under the same load."""

from dataclasses import dataclass, field

from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Destination, Foreign
from tests.bench.scaling.pod import Pod, Work
from tests.bench.scaling.record import Delivery, Record

_WARM = 0.5


@dataclass(slots=True)
class Alone:
    """One pod with its foreign system; `waits` are seconds from when a request was due until its answer.

    The load takes `client` seconds of a core of its own for each request.
    """

    work: Work
    foreign: Foreign
    client: float = 0.0
    waits: list[float] = field(default_factory=list)

    def flat_out(self, in_flight: int, seconds: float) -> float:
        """Keep so many in flight and return the answers a second."""
        clock, pod = self._started()
        self.waits.clear()
        free = 0.0

        def send() -> None:
            nonlocal free
            free = max(free, clock.now) + self.client
            clock.at(free, lambda: pod.take(Delivery(Record(clock.now, 0), answered)))

        def answered(delivery: Delivery, _ok: bool) -> None:  # noqa: FBT001 -- as a Service calls it
            if clock.now >= _WARM:
                self.waits.append(clock.now - delivery.record.sent)
            send()

        for _ in range(in_flight):
            send()
        clock.run(_WARM + seconds)
        return len(self.waits) / seconds

    def steady(self, rate: float, seconds: float) -> list[float]:
        """Send so many a second and return the waits."""
        clock, pod = self._started()
        self.waits.clear()

        def answered(delivery: Delivery, _ok: bool) -> None:  # noqa: FBT001 -- as a Service calls it
            self.waits.append(clock.now - delivery.record.sent)

        for number in range(int(rate * seconds)):
            clock.at(number / rate, lambda at: pod.take(Delivery(Record(at, 0), answered)), number / rate)
        clock.run(2 * seconds)
        return self.waits

    def _started(self) -> tuple[Clock, Pod]:
        clock = Clock()
        pod = Pod(clock, self.work, Destination(clock, self.foreign), _finished)
        return clock, pod


def _finished(_pod: Pod, delivery: Delivery, ok: bool) -> None:  # noqa: FBT001 -- as a Pod calls it
    delivery.answered(delivery, ok)
