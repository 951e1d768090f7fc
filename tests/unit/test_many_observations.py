"""How many observations one payload may hold: beyond that it is refused before the first of them is made."""

import tracemalloc
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from functions.intake.items import Reader
from functions.intake.paths import PATHS
from shared.events.cloudevent import UNREAD
from shared.events.json_items import Item
from shared.sources.context import MAX_OBSERVATIONS, TOO_MANY, Context
from shared.sources.registry import decode, decode_payload

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
CONTEXT = Context("c", NOW)
EVENT = {"kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "web"}}
WATCHED = {"type": "ADDED", "object": EVENT}


def alerts(number: int) -> dict[str, Any]:
    return {"groupKey": "a", "alerts": [{} for _ in range(number)]}


def report(number: int, first: int = 0) -> dict[str, Any]:
    results = [{"policy": "p", "rule": f"r{place}", "result": "fail"} for place in range(first, first + number)]
    head = {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport"}
    return {**head, "metadata": {"name": "r", "namespace": "shop"}, "results": results}


def resources(number: int) -> dict[str, Any]:
    named = [{"kind": "Pod", "name": f"web-{place}"} for place in range(number)]
    return {**report(0), "results": [{"policy": "p", "result": "fail", "resources": named}]}


def records(number: int) -> dict[str, Any]:
    items = [{"auditID": f"a{place}", "stage": "ResponseComplete"} for place in range(number)]
    return {"apiVersion": "audit.k8s.io/v1", "kind": "EventList", "items": items}


def exported(number: int, body: Any = WATCHED) -> dict[str, Any]:
    record = {"body": {"stringValue": orjson.dumps(body).decode()}}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record] * number}]}]}


MADE_BY = [
    (alerts, "shared.sources.alertmanager.observed"),
    (report, "shared.sources.kyverno.observed"),
    (resources, "shared.sources.kyverno.observed"),
    (records, "shared.sources.audit.observation"),
    (exported, "shared.sources.relayed.relayed"),
]


@pytest.mark.parametrize(("payload", "maker"), MADE_BY)
def test_a_payload_with_too_many_is_refused_before_one_is_made(
    payload: Any, maker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(decode_payload(payload(MAX_OBSERVATIONS), CONTEXT), list)

    def made(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(maker, made)
    assert decode_payload(payload(MAX_OBSERVATIONS + 1), CONTEXT) == TOO_MANY


def test_what_is_relayed_counts_together() -> None:
    half = MAX_OBSERVATIONS // 2
    assert isinstance(decode_payload(exported(2, {"type": "ADDED", "object": report(half)}), CONTEXT), list)
    assert decode_payload(exported(3, {"type": "ADDED", "object": report(half)}), CONTEXT) == TOO_MANY


def test_f28_a_mebibyte_of_empty_alerts_makes_one_dead_letter_and_memory_stays_flat() -> None:
    """F28: 2 MiB body on `/`; depth 10 000; 5 000 headers; gzip bomb | 413/431/400 in < 50 ms, memory flat."""
    body = orjson.dumps(alerts(340_000))
    tracemalloc.start()
    read = Reader(PATHS["/alertmanager"], CONTEXT, None, lambda _source, _type: True).read(Item(body, {}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
    assert (read.why, [event.type for event in read.events]) == ("many", [UNREAD])
    refused = decode(read.events[0], cluster="c", now=NOW)
    assert getattr(refused, "reason", None) == "the payload holds too many observations", "though nothing is kept"
