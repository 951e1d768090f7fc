"""Fault matrix, rows F10, F12, F13, F15, F16, F17, F19, F36 and F58 for Splunk, over real connections."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.siem_forwarder.handler import new
from shared.delivery.bulk import MOST_CALLS
from shared.destinations.jitter import _AGAIN
from shared.destinations.splunk.client import SplunkClient
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.local.standins.splunk import Options, Splunk, rule
from shared.runtime.function import Call
from shared.telemetry.metrics import Metrics
from tests.support.records import classified, classified_event, hec, with_splunk
from tests.support.servers import Standin, serve, standin

WITH_ACK = {"SPLUNK_ACK": "true", "SPLUNK_TOKEN": "tidings-ack-token"}


@pytest.fixture
def app() -> Iterator[Splunk]:
    made = splunk.new_app()
    yield made
    made.close()


@pytest.fixture
def url(app: Splunk) -> Iterator[str]:
    with serve(app) as base:
        yield base


async def send(client: SplunkClient, *ids: str) -> list[Outcome]:
    return await client.send([hec(event_id) for event_id in ids])


@pytest.mark.parametrize("status", [500, 502, 503])
def test_f10_a_failing_sink_is_tried_again_boundedly_and_drains_by_itself(app: Splunk, url: str, status: int) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    app.faults.add(Rule("status", operation="event", status=status, count=2))

    async def use(client: SplunkClient) -> tuple[list[Outcome], list[Outcome]]:
        return await send(client, "a", "b"), await send(client, "a", "b")

    during, after = with_splunk(url, use)
    assert all(isinstance(outcome, Retry) for outcome in during)
    assert app.faults.count(operation="event") == 3, "two tries while it failed, one after"
    assert after == [Done(), Done()]
    assert app.event_ids() == ["a", "b"]


def test_f10_those_that_failed_together_do_not_come_again_together(app: Splunk, url: str) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    names = [f"e-{number}" for number in range(5)]  # twice as many failures open the breaker
    app.faults.add(Rule("status", operation="event", count=0))

    async def use(client: SplunkClient) -> list[list[Outcome]]:
        return await asyncio.gather(*(send(client, name) for name in names))

    with_splunk(url, use)
    tries = [[asked.time for asked in app.faults.requests if f'"{name}"' in asked.body] for name in names]
    pauses = [second - first for first, second in tries]
    assert all(_AGAIN[0] <= pause < _AGAIN[1] + 1 for pause in pauses)
    assert max(pauses) - min(pauses) > 0.01, "the pause is drawn at random"


def test_f10_one_failure_alone_is_not_seen_outside(app: Splunk, url: str) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    app.faults.add(rule(9))
    assert with_splunk(url, lambda client: send(client, "a")) == [Done()]


def test_no_more_events_go_out_than_the_limit_lets(app: Splunk, url: str) -> None:
    """A licence counts what is indexed: who must not send more than was agreed on hands it back to the broker."""

    async def use(client: SplunkClient) -> tuple[list[Outcome], float, list[Outcome]]:
        await send(client, *(f"first-{number}" for number in range(100)))
        begun = time.monotonic()
        waited = await send(client, "soon")  # what was taken above the burst of 50 is earned again in a second
        lasted = time.monotonic() - begun
        await send(client, *(f"second-{number}" for number in range(400)))
        return waited, lasted, await send(client, "late")

    waited, lasted, (late,) = with_splunk(url, use, SPLUNK_EVENTS_PER_SECOND="50")
    assert waited == [Done()]
    assert lasted > 0.5
    assert isinstance(late, Retry)
    assert late.after is not None
    assert 5 < late.after <= 9, "400 events and one at 50 a second"
    assert len(app.event_ids()) == 501


@pytest.mark.parametrize(
    "fault",
    [
        Rule("html", operation="event"),
        Rule("body", operation="event"),
        Rule("body", operation="event", body="{}"),
        Rule("body", operation="event", body='[{"text":"Success","code":0}]'),
        Rule("body", operation="event", body='{"text":"Success"}'),
        Rule("body", operation="event", body='{"code":[]}'),
        Rule("body", operation="event", body='{"code":false}'),
    ],
)
def test_f12_a_200_that_is_not_the_collectors_is_a_failure(app: Splunk, url: str, fault: Rule) -> None:
    """F12: sink 200 with HTML login page / empty body; treated as failure (content-type + shape check), not Done."""
    app.faults.add(fault)

    async def use(client: SplunkClient) -> tuple[list[Outcome], list[Outcome]]:
        return await send(client, "a"), await send(client, "a")

    first, second = with_splunk(url, use)
    assert isinstance(first[0], Retry)
    assert second == [Done()]
    assert app.event_ids() == ["a"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "https://collector.invalid:8088"])
def test_f13_what_cannot_be_connected_to_is_temporary(address: str) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN; Temporary; nothing marked DOUBT."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        metrics = Metrics()
        (outcome,) = with_splunk(address.format(port=port), lambda client: send(client, "a"), metrics=metrics)
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("cannot connect")
    assert metrics.value("tidings_retries_total", destination="splunk", reason="unreachable") == 1
    assert metrics.value("tidings_retries_total", destination="splunk", reason="no answer") == 0


def test_f15_a_half_open_connection_ends_at_the_total_deadline_and_is_dropped(app: Splunk, url: str) -> None:
    """The last clause waits for the first destination that speaks syslog.

    F15: half-open TCP (no FIN, no RST); total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog.
    """

    async def use(client: SplunkClient) -> tuple[list[list[Outcome]], float, list[Outcome]]:
        await send(client, "warm")
        begun = time.monotonic()
        during = await asyncio.gather(*(send(client, "a") for _ in range(4)))  # as many as the pool has connections
        lasted = time.monotonic() - begun
        return during, lasted, await send(client, "a")

    app.faults.set([Rule("hang", operation="event", nth=2, count=4, seconds=10)])
    during, lasted, after = with_splunk(url, use, seconds=0.5)
    assert all(isinstance(outcome, Retry) for (outcome,) in during)
    assert 0.4 <= lasted < 2
    assert after == [Done()], "none of them is in the pool any more"


def test_f16_slow_bytes_are_ended_by_the_total_deadline(app: Splunk, url: str) -> None:
    """F16: slow-loris response (1 byte/s); total deadline, not per-read, ends it."""
    app.faults.add(Rule("slow-bytes", operation="event", seconds=0.1))
    begun = time.monotonic()
    (outcome,) = with_splunk(url, lambda client: send(client, "a"), seconds=0.5)
    assert isinstance(outcome, Retry)
    assert 0.4 <= time.monotonic() - begun < 2, "the whole answer would have taken 3 s"


def test_f17_a_redirect_is_not_followed(app: Splunk, url: str) -> None:
    """F17: redirect 302 to other host; not followed with credentials; Rejected + alert."""
    other = splunk.new_app()
    with serve(other) as elsewhere:
        app.faults.add(Rule("status", status=302, headers={"Location": f"{elsewhere}/services/collector/event"}))
        (outcome,) = with_splunk(url, lambda client: send(client, "a"))
    assert isinstance(outcome, Rejected)
    assert other.faults.requests == []
    other.close()


def test_f19_unconfirmed_events_come_again_with_the_same_id_and_are_counted(app: Splunk, url: str) -> None:
    """F19: Splunk ack stays false 5 min; resend with same event_id; counter `unconfirmed`; no unbounded memory."""
    metrics = Metrics()
    app.options = Options(ack_after=None)

    async def use(client: SplunkClient) -> tuple[list[Outcome], list[Outcome]]:
        during = await send(client, "a", "b")
        app.options = Options(ack_after=0.1)
        return during, await send(client, "a", "b")

    during, after = with_splunk(url, use, metrics=metrics, seconds=0.5, **WITH_ACK)
    assert during == [Retry("not acknowledged in time")] * 2
    assert metrics.value("tidings_retries_total", destination="splunk", reason="unconfirmed") == 1
    assert after == [Done(), Done()]
    assert app.event_ids() == ["a", "b", "a", "b"]


def test_f36_a_refused_token_holds_everything_back_and_is_not_hammered(app: Splunk, url: str, tmp_path: Path) -> None:
    """F36: credential expired mid-run; then 503 + `auth_failures_total`; no lock-out; secret file re-read on change."""
    metrics = Metrics()
    secret = tmp_path / "token"
    secret.write_text("expired")

    async def use(client: SplunkClient) -> list[list[Outcome]]:
        refused = [await send(client, "a"), await send(client, "b"), await send(client, "c")]
        secret.write_text("tidings-hec-token\n")
        return [*refused, await send(client, "a", "b", "c")]

    *refused, after = with_splunk(url, use, metrics=metrics, SPLUNK_TOKEN="", SPLUNK_TOKEN_FILE=str(secret))
    assert refused == [[Retry("the token is refused", refused=True)]] * 3
    assert metrics.value("tidings_auth_failures_total", destination="splunk") == 1
    assert app.faults.count(operation="event") == 2, "one try with the refused token, one with the new"
    assert after == [Done()] * 3


@pytest.mark.parametrize(
    "poison",
    [
        b"{nonsense",
        b'{"time":1}',
        b'{"event":""}',
        b'{"event":"x","fields":{"a":{"b":1}}}',
    ],
)
def test_f58_a_poison_event_is_rejected_alone(app: Splunk, url: str, poison: bytes) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    events = [hec("a"), hec("b"), poison, hec("c"), poison, hec("d")]
    outcomes = with_splunk(url, lambda client: client.send(events))
    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False, False, True, False, True, False]
    assert [outcome for outcome in outcomes if not isinstance(outcome, Rejected)] == [Done()] * 4
    assert app.event_ids() == ["a", "b", "c", "d"], "nothing lost, nothing twice"


def test_f58_requests_that_shared_a_call_with_a_poison_event_are_answered_each_for_itself(
    app: Splunk, url: str, tmp_path: Path
) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("operations:\n  record:\n    time: '{{ observation.message }}'\n")
    messages = ["1", "2", "3", "no time at all", "5"]

    async def use() -> list[Outcome]:
        function = new({**environ, "SPLUNK_MAPPING": str(mapping), "SPLUNK_CONNECTIONS": "1"}, Metrics())
        await function.start()
        deadline = asyncio.get_running_loop().time() + 5
        events = [classified_event(classified(f"id-{text}", message=text)) for text in messages]
        results = await asyncio.gather(*(function.handle(event, Call(deadline)) for event in events))
        await function.stop()
        return [result.outcome for result in results]

    environ = {"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": "tidings-hec-token"}
    outcomes = asyncio.run(use())
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Done, Rejected, Done]
    assert app.event_ids() == ["id-1", "id-2", "id-3", "id-5"]
    assert app.faults.count(operation="event") == 2, "all together, then what came after the bad one"


def test_f58_with_acknowledgement_what_was_never_confirmed_goes_again(app: Splunk, url: str) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    events = [hec("a"), b'{"event":""}', hec("b")]
    outcomes = with_splunk(url, lambda client: client.send(events), **WITH_ACK)
    assert [type(outcome) for outcome in outcomes] == [Done, Rejected, Done]
    assert sorted(app.event_ids()) == ["a", "a", "b"]


def test_f58_without_a_number_the_poison_is_found_by_halving(app: Splunk, url: str) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    answer = '{"text":"Invalid data format","code":6}'
    app.faults.add(Rule("status", status=400, body=answer, operation="event"))
    events = [hec("a"), hec("b"), b'{"event":""}', hec("c")]
    outcomes = with_splunk(url, lambda client: client.send(events))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Rejected, Done]
    assert app.event_ids() == ["a", "b", "c"]


def test_f58_very_many_bad_events_cannot_keep_one_call_busy_without_end(app: Splunk, url: str) -> None:
    """F58: one poison event in a bulk call shared by several requests; it alone is rejected."""
    events = [b'{"event":""}'] * 200
    outcomes = with_splunk(url, lambda client: client.send(events))
    assert {type(outcome) for outcome in outcomes} == {Rejected, Retry}
    assert app.faults.count(operation="event") == MOST_CALLS


def test_an_ambiguous_end_is_answered_retry_and_the_copy_keeps_its_id(app: Splunk, url: str) -> None:
    app.faults.set([Rule("commit-then-time-out"), Rule("commit-then-reset", nth=2)])

    async def use(client: SplunkClient) -> list[Outcome]:
        return [*await send(client, "a"), *await send(client, "a"), *await send(client, "a")]

    outcomes = with_splunk(url, use, seconds=0.5)
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry, Done]
    assert app.event_ids() == ["a", "a", "a"]


def test_a_call_that_is_cancelled_leaves_the_client_usable(app: Splunk, url: str) -> None:
    app.faults.add(Rule("delay", seconds=5))

    async def use(client: SplunkClient) -> list[Outcome]:
        task = asyncio.create_task(send(client, "a"))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await send(client, "b")

    assert with_splunk(url, use) == [Done()]


def test_every_event_arrives_although_the_collector_is_killed_and_started_again(tmp_path: Path) -> None:
    """F10, F13: everything is held by the sender while the collector is down, and drains without an operator."""
    database = tmp_path / "splunk.db"
    ids = [f"e-{number}" for number in range(60)]

    async def deliver(client: SplunkClient, first: Standin) -> None:
        async def until_done(event_id: str) -> None:
            while await send(client, event_id) != [Done()]:  # noqa: ASYNC110 -- as a broker does
                await asyncio.sleep(0.05)

        begun = [asyncio.create_task(until_done(event_id)) for event_id in ids[:40]]
        await asyncio.sleep(0.05)
        first.kill()
        begun += [asyncio.create_task(until_done(event_id)) for event_id in ids[40:]]
        await asyncio.sleep(0.3)
        with standin("splunk", database, port=first.port):
            await asyncio.wait_for(asyncio.gather(*begun), 20)

    with standin("splunk", database) as first:
        with_splunk(first.url, lambda client: deliver(client, first))
    stored = splunk.new_app(str(database))
    assert set(stored.event_ids()) == set(ids)
    stored.close()
