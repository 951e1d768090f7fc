"""What the benchmarks send to the correlator: observations as the classifier's replies are, made beforehand.

It is the day of tests.bench.events over and over: two thirds of it go well, mostly with other objects each time and now
and then the end of a problem; one third are the problems that last and say so again.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from functions.correlator.handler import new
from shared.episodes import keeper
from shared.events import attributes
from shared.events.cloudevent import TICK, CloudEvent, type_of_verdict
from shared.events.codec import encode_binary
from shared.events.model import Classified
from shared.events.outcome import Done
from shared.rules.classify import classify
from shared.rules.ruleset import RuleSet
from shared.rules.shipped import load_shipped
from shared.runtime.function import Call
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics
from tests.bench.events import Post, raw, stream
from tests.bench.in_process import observation

TICK_SECONDS = 10.0
_AT_ONCE = 256
_LIFE = timedelta(hours=1)
_CALL_SECONDS = 60.0


def observed(mark: str, number: int) -> list[bytes]:
    """Return so many requests that the correlator gets, each a new observation; with another `mark` they are others."""
    rules = load_shipped()
    return [
        request_of(classified(post, rules, datetime.now(UTC))) for post in map(_parsed, islice(stream(mark), number))
    ]


def heard_again(mark: str, places: Iterable[int]) -> list[bytes]:
    """Return a request for each place: the old problem of that place says so again."""
    rules, now = load_shipped(), datetime.now(UTC)
    return [
        request_of(classified(_old(place, f"{mark}-{number}", now), rules, now)) for number, place in enumerate(places)
    ]


def ticking(requests: Iterable[bytes]) -> Iterator[bytes]:
    """Yield requests, and a tick at once and then each ten seconds between them, as PingSource sends it."""
    due = time.monotonic()
    for request in requests:
        if time.monotonic() >= due:
            due += TICK_SECONDS
            yield request_of(ticked(datetime.now(UTC)))
        yield request


def ticked(now: datetime) -> CloudEvent:
    """Return a tick."""
    return CloudEvent(f"tick-{now.timestamp()}", "bench", TICK, time=now)


def classified(post: Post, rules: RuleSet, now: datetime) -> CloudEvent:
    """Return what the classifier replies to a request. Raises TypeError where it holds no observation."""
    seen = observation(post, now)
    verdict = classify(seen, rules)
    return CloudEvent(
        f"{seen.identity}.v1",
        "tidings/classifier",
        type_of_verdict(verdict.category),
        subject=attributes.clean(seen.object.path),
        time=seen.time,
        extensions=attributes.of(seen, verdict),
        data=Classified(observation=seen, verdict=verdict).model_dump(mode="json"),
    )


async def fill(url: str, episodes: int) -> None:
    """Have the correlator itself open so many episodes in an empty store, and do what that makes due.

    They began before first contact: such are known and get no ticket, so that no limit of tickets and no summary of
    100,000 of them is measured in their place.
    """
    store = open_store(url, {})
    correlator = new({"FIRST_CONTACT": "baseline"}, Metrics(), store=store)
    rules, now = load_shipped(), datetime.now(UTC)
    places = iter(range(episodes))

    async def ask(event: CloudEvent) -> None:
        result = await correlator.handle(event, Call(asyncio.get_running_loop().time() + _CALL_SECONDS))
        if result.outcome != Done():
            raise RuntimeError(f"the store could not be filled: {result.outcome}")

    async def open_some() -> None:
        for place in places:
            await ask(classified(_old(place, "first", now), rules, now))

    await correlator.start()
    try:
        await asyncio.gather(*(open_some() for _ in range(_AT_ONCE)))
        later = datetime.now(UTC) + timedelta(seconds=TICK_SECONDS)
        while await keeper.due_until(store, later.timestamp(), 1):
            await ask(ticked(later))
    finally:
        await correlator.stop()
        await store.close()


def _old(place: int, mark: str, now: datetime) -> Post:
    """Return the Event of a pod that has crashed for an hour; a thousand share a namespace, a hundred a node."""
    name, namespace = f"old-{place}-6d4cf56db6-x2b7q", f"team-{place // 1000}"
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{mark}", "namespace": namespace, "uid": f"{mark}-{place}"},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": namespace,
            "name": name,
            "fieldPath": "spec.containers{app}",
        },
        "type": "Warning",
        "reason": "BackOff",
        "message": f"Back-off restarting failed container app in pod {name}_{namespace}",
        "source": {"component": "kubelet", "host": f"node-{place // 100}"},
        "firstTimestamp": _text(now - _LIFE),
        "lastTimestamp": _text(now),
        "count": 200,
    }
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": f"{mark}-{place}",
        "ce-source": "https://10.40.0.1:6443",
        "ce-type": "dev.knative.apiserver.resource.update",
        "ce-cluster": "prod-eu1",
        "ce-time": _text(now),
    }
    return headers, json.dumps(body).encode()


def request_of(event: CloudEvent) -> bytes:
    """Return an event as it goes over the wire, as the Kafka dispatcher sends it."""
    headers, body = encode_binary(event)
    return raw(dict(headers), body)


def _parsed(request: bytes) -> Post:
    """Return headers and body of a request as it goes over the wire."""
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    del headers["content-length"]
    return headers, body


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
