"""Where the time of one event goes: the CPU time of each step, measured by itself on the same events.

The steps in process are called one by one; what HTTP and the disk cost is the difference that they make to a server,
by the CPU time of its process. So the sum is that of one event on its way through `tidings up`.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from statistics import median

from shared.events import attributes
from shared.events.cloudevent import CloudEvent, type_of_verdict
from shared.events.codec import decode, encode_structured
from shared.events.model import Classified
from shared.local.broker.broker import Broker
from shared.local.broker.topology import Topology
from shared.rules.classify import classify
from shared.rules.shipped import load_shipped
from shared.telemetry.metrics import Metrics
from tests.bench.events import Post, posts, raw, stream
from tests.bench.in_process import observation
from tests.bench.load import flat_out
from tests.bench.measure import microseconds_each
from tests.bench.processes import BARE, free_port, running
from tests.bench.steps_functions import correlator, siem_forwarder
from tests.bench.upped import embedded, wait_for

_SAMPLE = 2000
_TURNS = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an event's way, in µs of CPU time."""

    name: str
    microseconds: float


def of_the_classifier() -> list[Step]:
    """Return the steps of one event through the classifier, in order."""
    sample, rules, now = posts(_SAMPLE), load_shipped(), datetime.now(UTC)
    seen = [observation(post, now) for post in sample]
    verdicts = [classify(each, rules) for each in seen]

    def decoded() -> int:
        for post in sample:
            decode(*post)
        return len(sample)

    def observed() -> int:
        for post in sample:
            observation(post, now)
        return len(sample)

    def judged() -> int:
        for each in seen:
            classify(each, rules)
        return len(sample)

    def replied() -> int:
        for each, verdict in zip(seen, verdicts, strict=True):
            data = Classified(observation=each, verdict=verdict).model_dump(mode="json")
            kind, extensions = type_of_verdict(verdict.category), attributes.of(each, verdict)
            encode_structured(CloudEvent(each.identity, "bench", kind, extensions=extensions, data=data))
        return len(sample)

    envelope = _median(decoded)
    return [
        Step("HTTP (uvicorn, httptools, uvloop)", _http(sample)),
        Step("headers, limits, JSON", envelope),
        Step("observation and redaction", max(0.0, _median(observed) - envelope)),
        Step("verdict", _median(judged)),
        Step("reply", _median(replied)),
    ]


def of_the_system(classifier: Sequence[Step]) -> list[Step]:
    """Return the steps of one event through `tidings up`: the way in, the classifier, the disk, and all that follows.

    The correlator, the SIEM forwarder and Splunk's stand-in are measured alone. What is left of the whole is the
    broker's own work between them, the tickets, and the stand-in of ServiceNow.
    """
    inside = [step for step in classifier if not step.name.startswith("HTTP")]
    forwarding, splunk = siem_forwarder(_SAMPLE)
    known = [
        classifier[0],
        *inside,
        Step("broker: two commits", 2 * _commit()),
        Step("correlator and its store", correlator(_SAMPLE)),
        Step("SIEM forwarder", forwarding),
        Step("stand-in of Splunk", splunk),
    ]
    rest = _whole() - sum(step.microseconds for step in known)
    return [*known, Step("between them, tickets, stand-in of ServiceNow", max(0.0, rest))]


def _median(work: Callable[[], int]) -> float:
    work()
    return median(microseconds_each(work) for _ in range(_TURNS))


def _http(sample: Sequence[Post]) -> float:
    port = free_port()
    requests = [raw(*post) for post in sample]
    with running((*BARE, "--port", str(port)), port) as server:
        flat_out(port, cycle(requests), connections=8, seconds=0.5)
        before = server.cpu()
        load = flat_out(port, cycle(requests), connections=8, seconds=3.0)
        return (server.cpu() - before) * 1e6 / load.statuses.total()


def _commit() -> float:
    """Return what it costs to make one event durable where eight wait together."""
    events = [event for event in (decode(*post) for post in posts(_SAMPLE)) if isinstance(event, CloudEvent)]

    async def publish(broker: Broker) -> None:
        waiting = iter(events)

        async def one() -> None:
            for event in waiting:
                await broker.accept((event,))

        await asyncio.gather(*(one() for _ in range(8)))

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        broker = Broker(Topology(), {}, Path(folder) / "broker.db", Metrics())
        runner.run(broker.start())
        try:

            def work() -> int:
                runner.run(publish(broker))
                return len(events)

            return _median(work)
        finally:
            runner.run(broker.stop())


def _whole() -> float:
    """Return the CPU time of `tidings up` for one event, from its post until Splunk and the tickets have it."""
    count = 3000
    requests = stream("whole")
    with embedded() as system, system.splunk() as stored:
        before, used = stored.count(), system.process.cpu()
        flat_out(system.port, (next(requests) for _ in range(count)), connections=8).only(202)
        wait_for(stored, before + count, 90)
        system.settled(20)
        return (system.process.cpu() - used) * 1e6 / count
