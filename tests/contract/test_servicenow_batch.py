"""Requests to ServiceNow that wait at the same time share calls, and each ticket is made as if it came alone."""

import asyncio
import base64
import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.answer import Answer
from shared.destinations.servicenow.batch import NotAllowed, Serviced, judge_batch
from shared.events.episode import Episode
from shared.events.identity import episode_id
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.local.standins import servicenow
from shared.local.standins.faults import Rule
from tests.support.incidents import Delivering, Instance, instance
from tests.support.servers import serve
from tests.support.tickets import START, episode, resolved

_BURST = 200


def problem(number: int, **changes: Any) -> Episode:
    key = f"{number:026d}"
    return episode(id=episode_id(key, START), problem_key=key, **changes)


def burst(sn: Instance, many: int, seconds: float = 30.0, **settings: str) -> list[Outcome]:
    """Deliver so many opened problems at the same time; return what became of each."""

    async def main(deliver: Delivering) -> list[Outcome]:
        results = await asyncio.gather(*(deliver(problem(number), seconds) for number in range(many)))
        return [result.outcome for result in results]

    found: list[Outcome] = sn.play(main, **settings)
    return found


class Counted:
    """An ASGI app that counts what comes over the wire: the stand-in's log holds what is in a batch as well."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.requests = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests += scope["type"] == "http"
        await self._app(scope, receive, send)


def once_each(sn: Instance, many: int) -> bool:
    keys = [row["correlation_id"] for row in sn.incidents()]
    return sorted(keys) == sorted(problem(number).id for number in range(many))


def test_a_burst_of_200_is_made_with_an_eighth_of_the_requests() -> None:
    counts = []
    for batch in ("10", "1"):
        with contextlib.closing(servicenow.new_app()) as app, serve(counted := Counted(app)) as url:
            sn = Instance(url, app)
            assert burst(sn, _BURST, SERVICENOW_BATCH=batch) == [Done()] * _BURST
            assert once_each(sn, _BURST)
            counts.append(counted.requests)
    shared, single = counts
    assert single >= 3 * _BURST
    assert shared <= single / 8, counts


def test_each_is_asked_for_then_created_then_looked_at_again() -> None:
    with instance() as sn:
        burst(sn, 40)
        order: dict[str, list[str]] = {}
        for entry in sn.app.faults.requests:
            for number in range(40):
                key = problem(number).problem_key
                if entry.operation != "batch" and (key in entry.path or key in entry.body):
                    order.setdefault(key, []).append(entry.operation)
        assert set(map(tuple, order.values())) == {("find", "create", "find")}


def test_one_alone_goes_alone() -> None:
    with instance() as sn:
        assert burst(sn, 1) == [Done()]
        assert sn.app.faults.count(operation="batch") == 0


def test_a_refusal_is_that_of_its_own_ticket() -> None:
    detail = '{"error":{"message":"Operation Failed","detail":"no"},"status":"failure"}'
    with instance() as sn:
        sn.app.faults.add(Rule("status", operation="create", nth=20, status=403, body=detail))
        found = burst(sn, 40)
        assert [type(outcome) for outcome in found].count(Rejected) == 1
        assert found.count(Done()) == len(sn.incidents()) == 39


@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {"x-ratelimit-reset": "{now+1}"}, {}])
def test_f08_f09_one_of_a_batch_that_is_to_come_later_comes_later(headers: dict[str, str]) -> None:
    """F08, F09: 429 with Retry-After, or X-RateLimit-Reset parsed as epoch: wait only if inside request deadline."""
    real = {name: text.replace("{now+1}", str(int(time.time()) + 1)) for name, text in headers.items()}
    with instance() as sn:
        sn.app.faults.add(Rule("status", operation="create", nth=20, status=429, headers=real))
        found = burst(sn, 40)
        late = [outcome for outcome in found if outcome != Done()]
        assert len(late) <= (0 if headers else 1), "without a time the broker says when"
        assert once_each(sn, 40) or not headers


def test_f08_a_wait_that_one_of_a_batch_was_told_counts_for_all_that_come_after() -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""
    with instance() as sn:
        sn.app.faults.add(Rule("status", operation="find", nth=20, status=429, headers={"retry-after": "30"}))
        found = burst(sn, 60, seconds=5.0)
        late = [outcome for outcome in found if isinstance(outcome, Retry)]
        assert late
        assert all(outcome.after is not None and outcome.after > 20 for outcome in late)
        asked = len(sn.app.faults.requests)
        assert asked < 60, "what had not gone out did not go"


def test_f10_one_of_a_batch_that_fails_for_a_moment_is_sent_again_alone_or_in_other_company() -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry."""
    with instance() as sn:
        sn.app.faults.add(Rule("status", operation="create", nth=10, status=503, count=2))
        assert burst(sn, 40) == [Done()] * 40
        assert once_each(sn, 40)


@pytest.mark.parametrize("fault", ["commit-then-reset", "commit-then-close", "commit-then-time-out"])
def test_f14_of_a_batch_whose_answer_was_lost_each_is_asked_for(fault: Any) -> None:
    """F14: read timeout after sink committed: DOUBT, find, one ticket."""
    with instance() as sn:
        sn.app.faults.add(Rule(fault, operation="batch", nth=5, count=2))
        found = burst(sn, 60, SERVICENOW_TIMEOUT="1")
        assert found.count(Done()) >= 40
        sn.clock.now += 60

        async def again(deliver: Delivering) -> list[Outcome]:
            return [(await deliver(problem(number))).outcome for number in range(60)]

        assert not any(isinstance(outcome, Retry | Rejected) for outcome in sn.play(again))
        assert once_each(sn, 60)


def test_what_the_instance_left_out_is_sent_again_and_nothing_twice() -> None:
    with instance(batch_most=4) as sn:
        assert burst(sn, 40, seconds=60.0).count(Done()) >= 30
        keys = [row["correlation_id"] for row in sn.incidents()]
        assert len(keys) == len(set(keys))


def test_f12_a_batch_that_is_answered_by_a_page_is_in_doubt() -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure (content-type + shape check), not Done."""
    with instance() as sn:
        sn.app.faults.add(Rule("html", operation="batch"))
        found = burst(sn, 40)
        assert found.count(Done()) == len(sn.incidents()) >= 30


def test_without_the_role_requests_go_one_by_one_and_the_doctor_says_so() -> None:
    with instance(batch_role="rest_batch") as sn:
        assert burst(sn, 40) == [Done()] * 40
        assert 1 <= sn.app.faults.count(operation="batch") <= 4, "as many as were under way, then none"
        assert once_each(sn, 40)
        said = sn.play(lambda deliver: deliver.function.check())
        assert any("the Batch API cannot be used (answers 403)" in text for _, text in said)
    with instance() as sn:
        said = sn.play(lambda deliver: deliver.function.check())
        assert (True, "up to 10 requests that wait at the same time share a call") in said
        assert sn.incidents() == []


def test_updates_and_ends_share_calls_as_well() -> None:
    with instance() as sn:
        burst(sn, 30)

        async def over(deliver: Delivering) -> list[Outcome]:
            ends = [resolved(id=problem(n).id, problem_key=problem(n).problem_key) for n in range(30)]
            return [result.outcome for result in await asyncio.gather(*(deliver(one, 30.0) for one in ends))]

        assert sn.play(over) == [Done()] * 30
        assert {row["state"] for row in sn.incidents()} == {"6"}


def answered(status: int, body: object) -> Answer:
    return Answer.of(status, {}, json.dumps(body).encode())


def test_each_answer_is_read_with_its_own_status_headers_and_body() -> None:
    inner = base64.b64encode(b'{"result": []}').decode()
    one = {"id": "1", "status_code": 429, "body": inner, "headers": [{"name": "Retry-After", "value": "7"}]}
    found = judge_batch(answered(200, {"serviced_requests": [one], "unserviced_requests": ["0"]}), 0.0)
    assert found == Serviced({1: Answer.of(429, {"retry-after": "7"}, b'{"result": []}')}, frozenset({0}))


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_what_refuses_the_whole_batch_did_nothing_of_it(status: int) -> None:
    assert judge_batch(answered(status, {}), 0.0) == NotAllowed(status)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.one_of(
        _JSON,
        st.fixed_dictionaries(
            {
                "serviced_requests": st.lists(
                    _JSON | st.fixed_dictionaries({"id": _JSON, "status_code": _JSON, "body": _JSON, "headers": _JSON}),
                    max_size=3,
                ),
                "unserviced_requests": _JSON,
            }
        ),
    )
)
def test_whatever_a_batch_answers_is_a_value(body: object) -> None:
    found = judge_batch(answered(200, body), 0.0)
    assert not isinstance(found, NotAllowed)
