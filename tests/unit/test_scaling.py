"""The simulator of docs/scale.md: what queueing theory knows comes out, nothing is lost, and limits hold."""

import random
from itertools import accumulate, pairwise
from math import factorial, sqrt
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.scaling.alone import Alone
from tests.bench.scaling.clock import Clock
from tests.bench.scaling.destination import Destination, Foreign
from tests.bench.scaling.pod import Sharing, Work
from tests.bench.scaling.record import Delivery, Record
from tests.bench.scaling.service import Scale, Service
from tests.bench.scaling.trigger import IN_FLIGHT, Spec, Trigger

EACH = 0.01
"""Seconds of a core for one request."""


def poisson(rate: float, number: int, seed: int = 1) -> list[float]:
    draw = random.Random(seed)  # noqa: S311 -- a simulation
    return list(accumulate(draw.expovariate(rate) for _ in range(number)))


class Queue:
    """Requests that come by chance to so many pods, each of which works on one at a time."""

    def __init__(self, pods: int, load: float, number: int = 60_000) -> None:
        self.times: list[float] = []
        clock = Clock()
        self.service = Service(clock, "one", Work(EACH), Scale(pods, pods, 1, 0.0))
        arrivals = poisson(load * pods / EACH, number)
        for at in arrivals:
            clock.at(at, self._request, clock, at)
        clock.run(arrivals[-1] + 60)
        self.seconds = arrivals[-1]

    def _request(self, clock: Clock, at: float) -> None:
        self.service.request(Delivery(Record(at, 0), lambda one, _ok: self.times.append(clock.now - one.record.sent)))

    @property
    def waited(self) -> float:
        """Return the mean wait before a pod has time."""
        return fmean(self.times) - EACH


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8, 0.9])
def test_one_pod_is_as_busy_and_lets_wait_as_long_as_an_m_d_1_queue(load: float) -> None:
    queue = Queue(1, load)
    assert queue.service.used / queue.seconds == pytest.approx(load, rel=0.02)
    assert queue.waited == pytest.approx(EACH * load / (2 * (1 - load)), rel=0.08)


@pytest.mark.parametrize(("pods", "load"), [(2, 0.8), (3, 0.8), (5, 0.9)])
def test_several_pods_let_wait_as_long_as_an_m_d_c_queue(pods: int, load: float) -> None:
    """By Erlang's formula for M/M/c and Cosmetatos' correction for a service of constant length."""
    offered = pods * load
    full = offered**pods / factorial(pods) / (1 - load)
    erlang = full / (sum(offered**n / factorial(n) for n in range(pods)) + full)
    correction = 1 + (1 - load) * (pods - 1) * (sqrt(4 + 5 * pods) - 2) / (16 * load * pods)
    expected = correction * erlang * EACH / (pods * (1 - load)) / 2
    assert Queue(pods, load).waited == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("in_flight", [1, 8, 50])
@pytest.mark.parametrize("seconds", [0.0, 0.005, 0.05])
def test_littles_law_holds_of_what_is_in_flight(in_flight: int, seconds: float) -> None:
    one = Alone(Work(1e-4, sharing=Sharing(500, 4, 0.04, 24, 2e-3)), Foreign(seconds))
    rate = one.flat_out(in_flight, 20.0)
    assert rate * fmean(one.waits) == pytest.approx(in_flight, rel=0.02)


def test_a_function_without_waiting_does_as_many_as_its_core_can() -> None:
    assert Alone(Work(EACH), Foreign(0.0)).flat_out(IN_FLIGHT, 10.0) == pytest.approx(1 / EACH, rel=0.01)
    assert Alone(Work(EACH, wait=0.99), Foreign(0.0)).flat_out(IN_FLIGHT, 20.0) == pytest.approx(IN_FLIGHT, rel=0.02)


def test_what_comes_alone_leaves_at_once_and_what_comes_together_shares_a_call() -> None:
    clock = Clock()
    system = Destination(clock, Foreign(0.01))
    service = Service(clock, "one", Work(0.0, sharing=Sharing(500, 4, 0.04, 24)), Scale(1, 1, 500, 0.0), system)
    done: list[float] = []

    def send(many: int) -> None:
        for _ in range(many):
            service.request(Delivery(Record(clock.now, 0), lambda _one, _ok: done.append(clock.now)))

    clock.at(1.0, send, 1)
    clock.at(1.001, send, 20)
    clock.run(2.0)
    assert done == pytest.approx([1.01, *[1.05] * 20])
    assert (system.calls, system.items) == (2, 21)


# --- Triggers ---


class Line:
    """A Trigger with one Service and a system behind it; `done` is what was taken, in that order."""

    def __init__(self, spec: Spec, foreign: Foreign, *, partitions: int = 3, consumers: int = 1) -> None:
        self.clock = Clock()
        self.done: list[Record] = []
        work = Work(0.001, sharing=Sharing(10, 4))
        service = Service(self.clock, "one", work, Scale(1, 3, 50, 1.0), Destination(self.clock, foreign))
        self.trigger = Trigger(self.clock, service, spec, self.done.append, partitions=partitions, consumers=consumers)
        self.most_flying = 0

    def offer(self, arrivals: list[float], partitions: int = 3) -> list[Record]:
        draw = random.Random(2)  # noqa: S311 -- a simulation
        records = [Record(at, draw.randrange(partitions)) for at in arrivals]
        for record in records:
            self.clock.at(record.sent, self._offer, record)
        return records

    def finish(self) -> None:
        """Run until nothing waits, and long enough for what would come twice; at most for a day."""
        for until in range(100, 86_400, 100):
            self.clock.run(float(until))
            if not self.trigger.lag:
                break
        self.clock.run(self.clock.now + 1000)

    def _offer(self, record: Record) -> None:
        self.trigger.offer(record)
        self.most_flying = max(self.most_flying, self.trigger.flying)


@settings(max_examples=25, deadline=None)
@given(
    consumers=st.integers(1, 4),
    ordered=st.booleans(),
    down=st.floats(0, 20),
    rate=st.sampled_from([0.0, 30.0]),
    retry=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_all_that_arrives_is_delivered_is_a_dead_letter_or_waits(  # noqa: PLR0913 -- what may happen
    *,
    consumers: int,
    ordered: bool,
    down: float,
    rate: float,
    retry: int,
    seed: int,
) -> None:
    line = Line(
        Spec(retry, delay=0.5, ordered=ordered),
        Foreign(0.01, rate=rate, between=(1.0, 1.0 + down)),
        consumers=consumers,
    )
    records = line.offer(poisson(60.0, 300, seed))
    for until in (1.0, 3.0, 6.0):
        line.clock.run(until)
        trigger = line.trigger
        assert trigger.offered == sum(record.sent < until for record in records)
        assert trigger.offered == trigger.taken + trigger.dead + trigger.lag
        assert len(line.done) == trigger.taken
        assert 0 <= trigger.flying <= trigger.lag
    line.finish()
    assert line.trigger.lag == 0
    assert len(line.done) + line.trigger.dead == len(records)
    assert len({id(record) for record in line.done}) == len(line.done)
    if down == 0.0 and not rate:
        assert line.trigger.dead == 0


@pytest.mark.parametrize("ordered", [True, False])
def test_only_an_ordered_trigger_keeps_the_order_of_a_partition_whatever_fails(ordered: bool) -> None:  # noqa: FBT001
    line = Line(Spec(100, delay=0.7, ordered=ordered), Foreign(0.01, rate=20.0, burst=10.0, between=(1.0, 2.0)))
    records = line.offer(poisson(60.0, 300))
    line.finish()
    assert line.trigger.taken == len(records)
    kept = all(
        sooner.sent <= later.sent
        for partition in range(3)
        for sooner, later in pairwise(record for record in line.done if record.partition == partition)
    )
    assert kept == ordered


def test_a_consumer_asks_for_more_while_fewer_than_fifty_are_in_flight() -> None:
    line = Line(Spec(), Foreign(5.0))
    line.offer([0.0] * 500)
    line.clock.run(0.5)
    assert line.trigger.flying == IN_FLIGHT
    wide = Line(Spec(), Foreign(5.0), consumers=3)
    wide.offer([0.0] * 500)
    wide.clock.run(0.5)
    assert wide.trigger.flying == 3 * IN_FLIGHT
    assert wide.trigger.room == 3 * IN_FLIGHT


def test_what_waits_for_another_try_keeps_its_place() -> None:
    line = Line(Spec(100, delay=10.0), Foreign(0.01, between=(0.0, 60.0)))
    line.offer([0.0] * 500)
    line.clock.run(50.0)
    assert (line.trigger.flying, line.trigger.taken) == (IN_FLIGHT, 0)
    line.clock.run(200.0)
    assert line.trigger.taken == 500


@pytest.mark.parametrize(
    ("spec", "tries"),
    [(Spec(3, "linear", 10.0), [0.0, 10.0, 30.0, 60.0]), (Spec(3, "exponential", 1.0), [0.0, 2.0, 6.0, 14.0])],
)
def test_tries_are_as_far_apart_as_the_dispatcher_makes_them(spec: Spec, tries: list[float]) -> None:
    clock = Clock()
    asked: list[float] = []

    class Refusing(Service):
        def request(self, delivery: Delivery) -> None:
            asked.append(clock.now)
            delivery.answered(delivery, False)  # noqa: FBT003 -- an answer

    trigger = Trigger(clock, Refusing(clock, "one", Work(0.0), Scale(1, 1, 1, 0.0)), spec, lambda _: None, partitions=1)
    clock.at(0.0, trigger.offer, Record(0.0, 0))
    clock.run(1000.0)
    assert asked == tries
    assert (trigger.taken, trigger.dead, trigger.lag) == (0, 1, 0)


# --- the autoscaler ---


def test_the_first_request_after_a_quiet_time_waits_for_a_pod() -> None:
    clock = Clock()
    service = Service(clock, "one", Work(0.01), Scale(0, 3, 50, 2.5))
    done: list[float] = []
    clock.at(10.0, service.request, Delivery(Record(10.0, 0), lambda _one, _ok: done.append(clock.now)))
    clock.run(20.0)
    assert done == [pytest.approx(12.51)]
    assert (service.pods, service.starts) == (1, 1)
    clock.run(60.0)
    assert service.pods == 1, "the minute is not over"
    clock.run(90.0)
    assert service.pods == 0


@pytest.mark.parametrize(("flying", "pods"), [(10, 1), (50, 2), (100, 3), (400, 5)])
def test_there_are_as_many_pods_as_requests_in_flight_want_and_never_more_than_the_most(flying: int, pods: int) -> None:
    clock = Clock()
    service = Service(clock, "one", Work(0.0, wait=1.0), Scale(1, 5, 50, 2.0))

    def again(delivery: Delivery, _ok: bool) -> None:  # noqa: FBT001 -- an answer
        service.request(delivery)

    for _ in range(flying):
        service.request(Delivery(Record(0.0, 0), again))
    clock.run(300.0)
    assert service.pods == pods


def test_the_same_calls_give_the_same_order() -> None:
    def once() -> list[float]:
        line = Line(Spec(100, delay=0.3), Foreign(0.01, rate=40.0), consumers=2)
        line.offer(poisson(80.0, 400))
        line.clock.run(100.0)
        return [record.sent for record in line.done]

    assert once() == once()
