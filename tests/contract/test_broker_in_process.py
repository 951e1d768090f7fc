"""A function of the same process gets what it would get over HTTP, and its answer means the same."""

import asyncio
import math
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Outcome, Rejected, Retry
from shared.local.broker.answer import Answer, judge
from shared.local.broker.broker import Broker, BrokerSettings
from shared.local.broker.caller import Caller, EdgeCaller
from shared.local.broker.topology import Topology
from shared.runtime.edge import Edge
from shared.runtime.function import Call, Readiness, Result
from shared.telemetry.metrics import Metrics
from tests.support.brokers import LETTERS, AsgiCaller, FastClock, event, trigger

_REPLY = CloudEvent("r", "here", "answer", time=datetime(2026, 1, 2, tzinfo=UTC), extensions={"a": "é"}, data={"b": 1})


@dataclass
class Fixed:
    """A function that always answers the same, and remembers what it was given."""

    result: Result
    name: str = "fixed"
    got: list[CloudEvent] = field(default_factory=list)

    async def start(self) -> None:
        """Open nothing."""

    async def stop(self) -> None:
        """Close nothing."""

    def readiness(self) -> Readiness:
        return Readiness()

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - it does not wait
        self.got.append(event)
        return self.result


async def ended(caller: Caller, given: CloudEvent) -> object:
    return judge(await caller.call(given, "tidings"))


@pytest.mark.parametrize(
    "outcome", [Done(), Duplicate(), Ignored("x"), InProgress(), Retry("x", 7), Rejected("rules", "no such thing")]
)
@pytest.mark.parametrize(
    "reply",
    [
        None,
        _REPLY,
        CloudEvent("r", "here", "answer", subject="a\nb"),
        CloudEvent("r", "here", "answer", extensions={"Bad-Name": "x"}),
        CloudEvent("r", "here", "answer", data="x" * 1_100_000),
        CloudEvent("r", "here", "answer", data=[[]] * 3),
    ],
)
def test_every_outcome_and_reply_means_the_same_as_over_http(outcome: Outcome, reply: CloudEvent | None) -> None:
    async def play() -> None:
        function = Fixed(Result(outcome, reply))
        edge = Edge(function, Metrics())
        given = event(1, empty="", spoken="ü %41")
        direct, by_http = EdgeCaller(edge), AsgiCaller(edge)
        assert await ended(direct, given) == await ended(by_http, given)
        first, second = function.got
        assert first == second, "the function sees the same event"

    asyncio.run(play())


def test_an_event_in_process_carries_what_the_dispatcher_adds_and_two_functions_may_hold_it(tmp_path: Path) -> None:
    async def play() -> None:
        one, two = Fixed(Result(Done())), Fixed(Result(Done()))
        callers = {"one": EdgeCaller(Edge(one, Metrics())), "two": EdgeCaller(Edge(two, Metrics()))}
        topology = Topology(triggers=(trigger("one"), trigger("two")))
        running = Broker(topology, callers, tmp_path / "b.db", Metrics(), BrokerSettings(clock=FastClock()))
        await running.start()
        given = event(1, mine="x")
        before = deepcopy(given)
        assert await running.publish(given)
        assert await running.idle(5)
        await running.stop()
        assert given == before
        for function in (one, two):
            (got,) = function.got
            assert got.data == {"number": "1"}
            assert got.extensions["knativekafkaoffset"] == "1"
            assert 0 <= int(got.extensions["knativekafkapartition"]) < 10
            assert got.extensions["mine"] == "x"

    asyncio.run(play())


class Mistaken:
    """A caller with a bug in it: it raises, which callers must not."""

    seconds = math.inf

    def __init__(self) -> None:
        self.calls = 0

    async def call(self, event: CloudEvent, namespace: str) -> Answer:
        self.calls += 1
        raise UnicodeEncodeError("ascii", event.id + namespace, 0, 1, "a mistake of ours")


def test_a_caller_that_raises_ends_neither_the_broker_nor_the_event(tmp_path: Path) -> None:
    async def play() -> None:
        caller = Mistaken()
        settings = BrokerSettings(clock=FastClock())
        running = Broker(
            Topology(triggers=(trigger("one"),)), {"one": caller}, tmp_path / "broker.db", Metrics(), settings
        )
        await running.start()
        try:
            assert await running.publish(event(1))
            assert await running.idle(5)
            assert caller.calls == 1 + LETTERS.retry
            (letter,) = await running.letters.list()
            assert letter.event.id == "1"
        finally:
            await running.stop(grace=2.0)

    asyncio.run(play())
