"""F59: Tidings never answers to itself: what went through a function, or came of its own pods, ends there."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from functions.classifier.handler import new
from shared.events.cloudevent import OBSERVED, CloudEvent
from shared.events.echo import VIA, is_echo, onward
from shared.events.model import Observation, observed_data
from shared.events.outcome import Done, Ignored
from shared.rules.loader import load
from shared.runtime.edge import Edge
from shared.runtime.function import Call, Readiness, Result
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from shared.telemetry.metrics import Metrics
from tests.support.correlator import Rig, play, problem

TIME = datetime(2026, 1, 1, tzinfo=UTC)
PACK = """\
pack: demo
description: Rules of these tests
rules:
  - {name: any, match: {reason: Unhealthy}, severity: high, category: infrastructure, subcategory: pod, why: It fails.}
"""


def event(**extensions: str) -> CloudEvent:
    return CloudEvent("1", "api", "dev.knative.apiserver.resource.add", time=TIME, extensions=extensions)


def echoes(metrics: Metrics, function: str) -> float:
    return metrics.value("tidings_dropped_total", function=function, reason="echo", intentional="true")


class Parrot:
    """Answers every event with itself: as a Trigger that feeds a function its own replies would make it."""

    def __init__(self, name: str = "parrot") -> None:
        self.name = name
        self.heard = 0

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def readiness(self) -> Readiness:
        return Readiness()

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - the protocol's
        self.heard += 1
        return Result(Done(), event)


def test_f59_a_function_fed_with_its_own_replies_hears_each_event_once() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""

    async def run() -> tuple[int, float, int]:
        metrics, parrot = Metrics(), Parrot()
        edge = Edge(parrot, metrics)
        waiting: CloudEvent | None = event()
        rounds = 0
        while waiting is not None and rounds < 100:
            rounds += 1
            result = await edge.dispatch(waiting)
            waiting = result.reply
        assert isinstance(result.outcome, Ignored), "done with, and no dead letter"
        return parrot.heard, echoes(metrics, "parrot"), rounds

    assert asyncio.run(run()) == (1, 1.0, 2)


def test_f59_two_functions_that_feed_each_other_hear_each_event_once() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""

    async def run() -> None:
        metrics, ring = Metrics(), (Parrot("one"), Parrot("two"))
        edges = [Edge(parrot, metrics) for parrot in ring]
        waiting: CloudEvent | None = event()
        rounds = 0
        while waiting is not None and rounds < 100:
            waiting = (await edges[rounds % 2].dispatch(waiting)).reply
            rounds += 1
        assert [parrot.heard for parrot in ring] == [1, 1]
        assert (rounds, echoes(metrics, "one"), echoes(metrics, "two")) == (3, 1.0, 0.0)

    asyncio.run(run())


def test_f59_what_the_correlator_posts_by_itself_does_not_come_back_to_it_either() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""

    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        await rig.tick(100)
        (posted,) = rig.sink.events
        assert isinstance((await Edge(rig.function, rig.metrics).dispatch(posted)).outcome, Ignored)
        assert echoes(rig.metrics, "correlator") == 1.0

    play(work)


def test_f59_the_counter_is_carried_on_from_function_to_function() -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    passed = onward({VIA: onward({}, "classifier")}, "correlator")
    assert is_echo({VIA: passed}, "classifier")
    assert is_echo({VIA: passed}, "correlator")
    assert not is_echo({VIA: passed}, "servicenow_incident")
    assert not is_echo({}, "classifier")
    assert is_echo({VIA: "x.y." * 10_000}, "classifier"), "bounded, whatever comes"


@pytest.mark.parametrize(
    ("own", "namespace", "cluster", "ends"),
    [
        ("tidings", "tidings", "prod", True),
        ("tidings", "shop", "prod", False),
        ("tidings", "tidings", "another", False),
        ("", "tidings", "prod", False),
    ],
)
def test_f59_what_our_own_pods_cause_ends_at_the_classifier(
    own: str, namespace: str, cluster: str, *, ends: bool, tmp_path: Path
) -> None:
    """F59: Tidings' own pods cause events: no echo: a loop ends after one round, counted."""
    (tmp_path / "demo.yaml").write_text(PACK, encoding="utf-8")
    metrics = Metrics()
    function = new({"CLUSTER": "prod", "OWN_NAMESPACE": own}, metrics)
    function._rules.value = load([tmp_path / "demo.yaml"], own=False).ruleset
    pod = {"kind": "Pod", "namespace": namespace, "name": "servicenow-incident-1"}
    data: dict[str, Any] = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": namespace, "uid": "u"},
        "involvedObject": pod, "reason": "Unhealthy", "message": "Readiness probe failed", "type": "Warning",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    sent = CloudEvent(
        "1", "api", "dev.knative.apiserver.resource.add", time=TIME, extensions={"cluster": cluster}, data=data
    )
    result = asyncio.run(function.handle(sent, Call(deadline=0.0)))
    assert (result.reply is None) is ends
    assert isinstance(result.outcome, Ignored if ends else Done)
    assert echoes(metrics, "classifier") == float(ends)


def test_f59_who_enters_our_own_pods_is_no_echo(tmp_path: Path) -> None:
    """F59: Tidings' own pods cause events: no echo. What somebody asked the API server for is none of theirs."""
    (tmp_path / "demo.yaml").write_text(PACK, encoding="utf-8")
    function = new({"CLUSTER": "prod", "OWN_NAMESPACE": "tidings"}, Metrics())
    function._rules.value = load([tmp_path / "demo.yaml"], own=False).ruleset
    record = {
        "auditID": "a", "stage": "ResponseComplete", "verb": "create", "user": {"username": "eve"},
        "objectRef": {"resource": "pods", "namespace": "tidings", "name": "correlator-1", "subresource": "exec"},
        "responseStatus": {"code": 101}, "stageTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    (seen,) = cast("list[Observation]", decode_payload(record, Context("prod", TIME)))
    sent = CloudEvent("1", "tidings/intake", OBSERVED, time=TIME, data=observed_data(seen))
    result = asyncio.run(function.handle(sent, Call(deadline=0.0)))
    assert isinstance(result.outcome, Done)
    assert result.reply is not None
