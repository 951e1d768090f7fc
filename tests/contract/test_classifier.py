"""The classifier as a function: what comes in as producers send it, and the one reply."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from functions.classifier.handler import Classifier, new
from shared.events.cloudevent import OBSERVED, TICK, CloudEvent
from shared.events.model import Classified
from shared.events.outcome import Done, Ignored, Rejected
from shared.rules.ruleset import RuleSet
from shared.runtime.function import Call, Result
from shared.telemetry.metrics import Metrics
from tests.support.packs import ruleset_of

CALL = Call(deadline=0.0)
TIME = datetime(2026, 1, 1, tzinfo=UTC)
EXTENSIONS = {
    "cluster", "category", "subcategory", "severity", "phase", "reason", "kind", "namespace", "name", "problemkey",
    "partitionkey",
}  # fmt: skip
PACK = """\
pack: demo
description: Rules of these tests
rules:
  - name: node-not-ready
    match: {reason: NodeNotReady, kind: Node}
    severity: critical
    category: infrastructure
    subcategory: node
    why: Its pods will be evicted.
"""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def function(tmp_path: Path, metrics: Metrics) -> Classifier:
    made = new({"CLUSTER": "prod"}, metrics)
    made._rules.value = ruleset_of(tmp_path, PACK)
    return made


def send(
    function: Classifier, data: Any, type_: str = "dev.knative.apiserver.resource.add", **extensions: str
) -> Result:
    event = CloudEvent(id="1", source="api", type=type_, time=TIME, extensions=extensions, data=data)
    return asyncio.run(function.handle(event, CALL))


TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


def kubernetes_event(reason: str, count: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "worker-3.1", "namespace": "default", "uid": "event-uid"},
        "involvedObject": {"kind": "Node", "name": "worker-3"},
        "reason": reason,
        "message": "Node worker-3 status is now: NodeNotReady",
        "type": "Normal",
        "count": count,
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


def test_an_event_becomes_one_classified_reply(function: Classifier) -> None:
    result = send(function, kubernetes_event("NodeNotReady"), traceparent=TRACEPARENT, other="x")
    reply = result.reply
    assert result.outcome == Done()
    assert reply is not None
    assert (reply.type, reply.source, reply.subject) == (
        "dev.tidings.infrastructure.v1", "tidings/classifier", "Node/worker-3",
    )  # fmt: skip
    assert reply.time == TIME
    assert reply.extensions.keys() == EXTENSIONS | {"traceparent"}
    assert all(reply.extensions.values())
    assert reply.extensions["traceparent"].split("-")[1] == TRACEPARENT.split("-")[1], "the trace goes on"
    assert (reply.extensions["cluster"], reply.extensions["namespace"]) == ("prod", "-")
    classified = Classified.model_validate(json.loads(json.dumps(reply.data)))
    assert classified.verdict.rule == "node-not-ready"
    assert classified.verdict.problem_key == reply.extensions["problemkey"]


def test_the_same_observation_has_the_same_id_and_another_count_another(function: Classifier) -> None:
    replies = [send(function, kubernetes_event("NodeNotReady", count)).reply for count in (1, 1, 2)]
    first, again, more = (reply.id for reply in replies if reply is not None)
    assert first == again != more


def test_an_observation_of_intake_is_classified_alike(function: Classifier) -> None:
    reply = send(function, kubernetes_event("NodeNotReady")).reply
    assert reply is not None
    again = send(function, reply.data["observation"], type_=OBSERVED).reply
    assert again is not None
    assert (again.id, again.data["verdict"]) == (reply.id, reply.data["verdict"])


def test_an_unknown_reason_is_counted_and_says_so(function: Classifier, metrics: Metrics) -> None:
    reply = send(function, kubernetes_event("NobodyKnows")).reply
    assert reply is not None
    assert not reply.data["verdict"]["known"]
    assert metrics.value("tidings_unknown_reasons_total", category="infrastructure") == 1


def test_the_expiry_of_an_event_object_ends_nothing(function: Classifier, metrics: Metrics) -> None:
    result = send(function, kubernetes_event("NodeNotReady"), type_="dev.knative.apiserver.resource.delete")
    assert isinstance(result.outcome, Ignored)
    assert result.reply is None
    assert metrics.total("tidings_dropped_total", reason="event_expired", intentional="true") == 1


def test_what_tells_of_nothing_is_dropped_by_intention(function: Classifier, metrics: Metrics) -> None:
    result = send(function, {"type": "DELETED", "object": kubernetes_event("NodeNotReady")})
    assert isinstance(result.outcome, Ignored)
    assert metrics.total("tidings_dropped_total", reason="nothing_to_tell", intentional="true") == 1


def test_the_deletion_of_an_object_ends_all_its_problems(function: Classifier) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker-3", "uid": "u", "resourceVersion": "7"}}
    reply = send(function, node, type_="dev.knative.apiserver.resource.delete").reply
    assert reply is not None
    assert (reply.data["verdict"]["ends"], reply.data["verdict"]["phase"]) == (["*"], "recovery")


def test_what_is_not_meant_for_it_is_ignored(function: Classifier, metrics: Metrics) -> None:
    assert isinstance(send(function, None, type_=TICK).outcome, Ignored)
    assert metrics.total("tidings_dropped_total", reason="not_ours", intentional="true") == 1


def test_what_holds_no_observation_ends_here_and_is_counted(function: Classifier, metrics: Metrics) -> None:
    report = {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": {"name": "r"}, "results": []}
    assert isinstance(send(function, report).outcome, Ignored)
    assert metrics.total("tidings_dropped_total", reason="nothing_to_tell", intentional="true") == 1


@pytest.mark.parametrize("data", [None, 3, "text", [], {}, {"kind": "Event", "involvedObject": {}}, {"a": [1] * 50}])
def test_what_it_cannot_read_is_rejected_and_nothing_else(function: Classifier, data: Any) -> None:
    for type_ in ("dev.knative.apiserver.resource.update", OBSERVED):
        result = send(function, data, type_=type_)
        assert isinstance(result.outcome, Rejected)
        assert result.reply is None


def test_everything_that_was_recorded_of_a_real_source_gets_a_verdict(function: Classifier, shared_data: Path) -> None:
    lines = (shared_data / "data" / "recorded" / "apiserversource-resource.jsonl").read_text(encoding="utf-8")
    outcomes = []
    for line in lines.splitlines():
        request = json.loads(line)
        result = send(function, request["body"], type_=request["headers"]["Ce-Type"])
        outcomes.append(type(result.outcome))
        assert (result.reply is not None) is (result.outcome == Done())
    assert outcomes
    assert set(outcomes) <= {Done, Ignored}


def test_without_rules_it_is_not_ready(metrics: Metrics) -> None:
    made = new({}, metrics)
    assert not made.readiness().ready
    made._rules.value = RuleSet([])
    assert made.readiness().ready
