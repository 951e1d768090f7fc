"""What part `destinations` of the benchmark sends, to what, and what its sender and its baseline do about a refusal."""

import asyncio
import sys
from collections.abc import Iterator
from itertools import islice

import pytest

from shared.events.codec import NotAnEvent, decode
from shared.events.episode import Episode
from shared.events.model import Classified
from tests.bench.exporter import Exporter
from tests.bench.load import flat_out
from tests.bench.outgoing import SUBJECTS, Foreign, Telling, episodes, observations, telling
from tests.bench.processes import free_port, running
from tests.bench.redelivery import delivered
from tests.bench.target import Counts, Target


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    port = free_port()
    with running((sys.executable, "-m", "tests.bench.target", "--port", str(port)), port):
        yield Foreign(f"http://127.0.0.1:{port}")


def data(request: bytes) -> object:
    """Return the data of a request's event."""
    head, _, body = request.partition(b"\r\n\r\n")
    event = decode(dict(line.split(": ", 1) for line in head.decode().splitlines()[1:]), body)
    assert not isinstance(event, NotAnEvent)
    return event.data


@pytest.fixture
def forwarder() -> Iterator[Telling]:
    with telling(SUBJECTS[0]) as ours:
        yield ours


def test_each_request_is_an_observation_of_its_own() -> None:
    found = [
        Classified.model_validate(one)
        for one in map(data, (*islice(observations(), 600), *islice(observations(), 600)))
    ]
    assert len({one.observation.identity for one in found}) == 1200


def test_each_request_is_an_episode_of_a_problem_of_its_own() -> None:
    found = [Episode.model_validate(one) for one in map(data, islice(episodes(), 100))]
    assert len({one.problem_key for one in found}) == len({one.id for one in found}) == 100


@pytest.mark.parametrize(
    ("path", "body", "counts"),
    [
        ("/services/collector/event", b'{"event":{"event_id":"a"}}\n{"event":{"event_id":"a"}}', Counts(2, 1)),
        ("/logs/_bulk?refresh=false", b'{"create":{"_id":"a"}}\n{}\n{"create":{"_id":"b"}}\n{}\n', Counts(2, 2)),
        ("/hook", b'{\n "many": "lines"\n}', Counts(1, 1)),
    ],
)
def test_the_target_counts_the_events_of_a_call(path: str, body: bytes, counts: Counts) -> None:
    async def call(target: Target) -> tuple[int, bytes]:
        return target.answer("POST", path, b"POST / HTTP/1.1\r\nIdempotency-Key: k-1\r\n\r\n", body)

    target = Target()
    status, answer = asyncio.run(call(target))
    assert status == 200
    assert Counts.of(target.told("counts")) == counts
    assert answer.count(b"_id") == (counts.events if "_bulk" in path else 0)


def test_the_target_is_as_slow_and_as_dead_as_it_is_told(foreign: Foreign) -> None:
    with Exporter(foreign.url) as exporter:
        foreign.answers_after(40)
        waits: list[float] = []
        exporter.paced(50, 0.1, lambda _taken, seconds: waits.append(seconds))
        assert min(waits) > 0.04
        foreign.is_down_for(60)
        assert not exporter.send()
        foreign.is_down_for(0)
        assert exporter.send()
    assert foreign.counts() == Counts(events=6, distinct=6)


def test_what_is_refused_is_sent_again_until_it_is_taken(forwarder: Telling) -> None:
    forwarder.foreign.is_down_for(1.5)
    seconds = delivered(forwarder.port, observations(), rate=200, count=100)
    assert forwarder.foreign.counts().distinct == 100
    assert seconds > 1.0, "some of it came again"


def test_every_event_that_was_answered_204_is_in_the_target(forwarder: Telling) -> None:
    load = flat_out(forwarder.port, islice(observations(), 2000), connections=64).only(204)
    assert load.statuses.total() == 2000
    assert forwarder.foreign.counts() == Counts(events=2000, distinct=2000)
