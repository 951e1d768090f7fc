"""An alert of Falco is one observation, whichever way it comes, and about what it says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context
from shared.sources.registry import decode_payload
from tests.support.specimens import decoded, observations

CONTEXT = Context("prod", datetime(2026, 8, 21, tzinfo=UTC))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Some are longer than the 512 characters at which falcosidekick cuts.
_texts = st.builds(
    str.__mul__, st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=9), st.sampled_from([1, 90])
)
_fields = st.fixed_dictionaries(
    {"k8s.ns.name": st.none() | st.just("shop"), "k8s.pod.name": st.none() | st.sampled_from(["web-0", "web-1"])},
    optional={
        "container.id": st.sampled_from(["host", "3ad7b26ded6d"]),
        "proc.cmdline": _texts,
        "proc.pid": st.integers(1, 2**22),
        "fd.name": _texts,
        "user.name": _texts,
    },
)


@st.composite
def alerts(draw: st.DrawFn) -> dict[str, Any]:
    """Return what Falco itself posts."""
    nanoseconds = draw(st.integers(1_700_000_000 * 10**9, 1_780_000_000 * 10**9))
    return {
        "hostname": draw(st.sampled_from(["worker-1", "worker-2"])),
        "output": draw(_texts),
        "output_fields": {**draw(_fields), "evt.time": nanoseconds},
        "priority": draw(st.sampled_from(["Notice", "Critical", "Informational"])),
        "rule": draw(st.sampled_from(["Terminal shell in container", "Write below etc"])),
        "source": "syscall",
        "tags": ["shell"],
        "time": _time(nanoseconds, 9),
    }


def _time(nanoseconds: int, digits: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest:09}"[:digits].rstrip("0") if digits < 9 else f"{rest:09}"
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def _by_sidekick(alert: dict[str, Any], *, uuid: str) -> dict[str, Any]:
    """Return what falcosidekick makes of an alert: types/types.go, with custom fields and a payload over 4 KiB."""
    fields = {key: value[:512] if isinstance(value, str) else value for key, value in alert["output_fields"].items()}
    nanoseconds = alert["output_fields"]["evt.time"]
    seconds, rest = divmod(nanoseconds, 10**9)
    shortest = f"{rest:09}".rstrip("0")
    time = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + (f".{shortest}" if shortest else "")
    return {
        "uuid": uuid,
        "output": alert["output"][:512],
        "priority": alert["priority"],
        "rule": alert["rule"],
        "time": f"{time}Z",
        "output_fields": {**fields, "team": "shop"},
        "source": "syscall",
        "tags": ["added", *alert["tags"]],
        "hostname": alert["hostname"],
    }


def _only(payload: Any) -> Observation:
    found = decode_payload(payload, CONTEXT)
    assert isinstance(found, list)
    (seen,) = found
    return seen


@settings(deadline=None)
@given(alerts(), st.uuids(), st.uuids())
def test_an_alert_that_comes_two_ways_or_twice_is_one_observation(alert: dict[str, Any], one: Any, other: Any) -> None:
    ways = [alert, _by_sidekick(alert, uuid=str(one)), _by_sidekick(alert, uuid=str(other))]
    turned = json.loads(json.dumps(ways[1]), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    seen = [_only(payload) for payload in (*ways, turned)]
    assert len({item.identity for item in seen}) == 1
    assert len({(item.object.path, item.reason, item.type, item.time) for item in seen}) == 1


@settings(deadline=None)
@given(alerts(), st.sampled_from(["rule", "hostname", "time", "pod"]))
def test_another_rule_host_time_or_pod_is_another_observation(alert: dict[str, Any], what: str) -> None:
    fields = alert["output_fields"]
    if what == "pod":
        other = {**alert, "output_fields": {**fields, "k8s.pod.name": "another-0"}}
    elif what == "time":
        later = fields["evt.time"] + 10**6
        other = {**alert, "output_fields": {**fields, "evt.time": later}, "time": _time(later, 9)}
    else:
        other = {**alert, what: "another"}
    assert _only(other).identity != _only(alert).identity


def test_a_cloudevent_that_goes_straight_to_the_broker_is_the_alert_that_falco_posts() -> None:
    data = {
        "uuid": "u",
        "output": "09:41:07.200000000: Notice A shell was spawned",
        "priority": "Notice",
        "rule": "Terminal shell in container",
        "time": "2026-08-20T09:41:07.2Z",
        "output_fields": {"k8s.ns.name": "shop", "k8s.pod.name": "db-0", "evt.time": 1787218867200000000},
        "hostname": "worker-3",
    }
    event = {"specversion": "1.0", "id": "1", "type": "falco.rule.output.v1", "source": "https://falco.org"}
    plain = {**data, "time": "2026-08-20T09:41:07.200000000Z"}
    del plain["uuid"]
    assert observations({**event, "data": data})[0].identity == observations(plain)[0].identity


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"k8smeta.pod.name": "web-0", "k8smeta.ns.name": "shop"}, "Pod/shop/web-0"),
        ({"k8s.pod.name": "<NA>", "container.id": "3ad7b26ded6d"}, "Node/worker-1"),
        (
            {"ka.target.resource": "pods/exec", "ka.target.name": "web-0", "ka.target.namespace": "shop"},
            "Pod/shop/web-0",
        ),
        ({"ka.target.resource": "namespaces", "ka.target.name": "a", "ka.target.namespace": "a"}, "Namespace/a"),
        ({"ka.target.resource": "pods", "ka.resp.name": "web-x", "ka.target.namespace": "shop"}, "Pod/shop/web-x"),
        ({"ka.target.resource": "widgets", "ka.target.name": "w", "ka.target.namespace": "shop"}, "Widget/shop/w"),
        ({"ka.verb": "list", "ka.target.resource": "pods", "ka.target.name": None}, "Cluster/by-default"),
    ],
)
def test_an_alert_is_about_what_its_fields_name(fields: dict[str, Any], path: str) -> None:
    alert = {"rule": "R", "priority": "Notice", "hostname": "worker-1", "time": "2026-08-20T09:41:07Z"}
    assert observations({**alert, "output_fields": fields})[0].object.path == path


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"output": "09:41:07.113482913: Notice a shell"}, "Notice a shell"),
        ({"message": "a shell"}, "Notice a shell"),
        ({}, "Notice Terminal shell in container"),
        ({"priority": "notice", "output": "09:41:07.113482913: Notice a shell"}, "Notice a shell"),
    ],
)
def test_the_message_begins_with_the_priority_whatever_falco_leaves_out(told: dict[str, Any], message: str) -> None:
    alert = {"rule": "Terminal shell in container", "priority": "Notice", "time": "2026-08-20T09:41:07Z", **told}
    assert observations(alert)[0].message == message


@pytest.mark.parametrize("nanoseconds", [True, -1, 0, 2**63, "1787218867113482913", None, 1.5])
def test_a_time_that_is_none_is_the_time_of_receipt(nanoseconds: Any) -> None:
    alert = {"rule": "R", "priority": "Notice", "output_fields": {"evt.time": nanoseconds}}
    assert _only(alert).time == CONTEXT.received


def test_an_alert_without_a_rule_is_refused() -> None:
    assert isinstance(decoded({"rule": 3, "priority": "Notice", "output_fields": {}}), Rejected)
