"""Faults of a ServiceNow instance, over real HTTP against the stand-in."""

import asyncio
import socket
import time

import pytest

from shared.destinations.breaker import FAILURES
from shared.events.outcome import Done, Duplicate, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from tests.support.incidents import Delivering, instance, settling
from tests.support.tickets import episode, resolved


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"retry-after": "30"}, 30, 30),
        ({"x-ratelimit-reset": "{now+90}"}, 60, 91),
        ({"retry-after": "30", "x-ratelimit-reset": "{now+90}"}, 30, 30),
    ],
)
def test_f08_f09_a_rate_limit_is_handed_on_with_its_own_wait(
    headers: dict[str, str], least: float, most: float
) -> None:
    """F08, F09: 429 with Retry-After, or with X-RateLimit-Reset as epoch: 503 + Retry-After."""
    real = {name: text.replace("{now+90}", str(int(time.time()) + 90)) for name, text in headers.items()}
    with instance() as sn:

        async def main(deliver: Delivering) -> list[Result]:
            sn.app.faults.set([Rule(do="status", status=429, headers=real)])
            return [await deliver(episode()), await deliver(episode())]

        first, second = sn.play(main)
        for outcome in (first.outcome, second.outcome):
            assert isinstance(outcome, Retry)
            assert outcome.after is not None
            assert least - 5 < outcome.after <= most
        assert len(sn.app.faults.requests) == 1, "the second was not told by the instance"
        assert isinstance(sn.play(lambda deliver: deliver(episode())).outcome, Done), "another replica asks for itself"


def test_f08_a_rate_limit_without_a_wait_trips_no_breaker() -> None:
    """F08: sink 429 + Retry-After 30: other destinations unaffected; breaker not tripped."""
    with instance() as sn:

        async def main(deliver: Delivering) -> list[Result]:
            sn.app.faults.set([Rule(do="status", status=429, count=2 * FAILURES)])
            return [await deliver(episode()) for _ in range(2 * FAILURES + 1)]

        *refused, last = sn.play(main)
        assert [one.outcome for one in refused] == [Retry("asked to come later")] * 2 * FAILURES
        assert isinstance(last.outcome, Done)


def test_no_more_requests_go_out_than_the_hourly_limit_lets() -> None:
    """A rate rule of an instance counts requests an hour: above it everybody of that user is refused."""
    with instance() as sn:

        async def main(deliver: Delivering) -> list[Result]:
            back = episode(3, transition="reopened", reopened=1)
            return [await deliver(one) for one in (episode(), resolved(2), back)]

        *_, last = sn.play(main, SERVICENOW_REQUESTS_PER_HOUR="240")
        assert isinstance(last.outcome, Retry)
        assert last.outcome.after is not None
        assert 1 < last.outcome.after <= 15
        assert len(sn.app.faults.requests) == 4, "a minute's worth of them at once"


def test_f10_server_errors_are_retried_and_recovery_needs_no_operator() -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    for status in (500, 502, 503, 504):
        with instance() as sn:
            sn.app.faults.set([Rule(do="status", status=status, operation="create", count=3)])
            outcomes = sn.play(settling(sn))
            assert outcomes[0] is Retry
            assert outcomes[-1] in {Done, Duplicate}
            assert len(sn.incidents()) == 1


@pytest.mark.parametrize("operation", ["find", "create"])
@pytest.mark.parametrize("header", ["retry-after", "x-ratelimit-reset"])
def test_f08_f09_a_wait_that_ends_inside_the_deadline_is_waited(operation: str, header: str) -> None:
    """Both rows.

    F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After. F09: sink 429 with
    ServiceNow `X-RateLimit-Reset`: parsed as epoch; same as F08.
    """
    with instance() as sn:
        wait = "1" if header == "retry-after" else str(int(time.time()) + 1)
        sn.app.faults.set([Rule(do="status", status=429, headers={header: wait}, operation=operation)])
        assert isinstance(sn.play(lambda deliver: deliver(episode())).outcome, Done)
        assert len(sn.incidents()) == 1
        sn.app.faults.set([Rule(do="status", status=429, headers={"retry-after": "30"}, operation="find")])
        begun = time.monotonic()
        other = episode(id=f"{'1' * 26}-a", problem_key="1" * 26)
        outcome = sn.play(lambda deliver: deliver(other)).outcome
        assert outcome == Retry("asked to come later", 30.0)
        assert time.monotonic() - begun < 5


def test_f11_a_field_that_is_refused_goes_to_the_dead_letters_with_its_stage() -> None:
    """F11: sink 400/422 for one field: Rejected; no retry storm."""
    with instance(mandatory=("caller_id",)) as sn:
        answer = sn.play(lambda deliver: deliver(episode()))
        reason = "a data policy wants fields that are empty: Caller id (403)"
        assert answer.outcome == Rejected("servicenow_incident", reason)
        assert answer.reply is None
        assert sn.app.faults.count(operation="create") == 1


def test_f12_a_page_with_status_200_is_not_success() -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure, not Done."""
    for rule in (
        Rule(do="html", operation="find"),
        Rule(do="html", operation="create"),
        Rule(do="body", body="", operation="create"),
        Rule(do="body", body='{"result": []}', operation="create"),
    ):
        with instance() as sn:
            sn.app.faults.set([rule])
            outcomes = sn.play(settling(sn))
            assert outcomes[0] is Retry
            assert outcomes[-1] in {Done, Duplicate}
            assert len(sn.incidents()) == 1
    with instance(hibernating=True) as sn:
        assert isinstance(sn.play(lambda deliver: deliver(episode())).outcome, Retry)


def test_f13_a_system_that_cannot_be_reached_leaves_no_doubt() -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with instance() as sn:

            async def main(deliver: Delivering) -> tuple[Result, bytes]:
                answer = await deliver(episode())
                entry = await sn.store.get(f"claim.servicenow_incident.{episode().id}")
                assert entry is not None
                return answer, entry.value

            for url in (dead, "https://no-such-host.invalid"):
                answer, record = sn.play(main, SERVICENOW_INSTANCE=url)
                assert isinstance(answer.outcome, Retry)
                assert answer.outcome.reason.startswith("cannot connect")
                assert b'"phase":"free"' in record


def test_f15_f16_silence_and_slow_bytes_end_at_the_total_deadline() -> None:
    """Both rows, for they end alike.

    F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog. F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it.
    """
    for rule in (Rule(do="hang", operation="find", seconds=30), Rule(do="slow-bytes", operation="find", seconds=1)):
        with instance() as sn:
            sn.app.faults.set([rule])
            begun = time.monotonic()
            answer = sn.play(lambda deliver: deliver(episode(), 1.5))
            assert isinstance(answer.outcome, Retry)
            assert time.monotonic() - begun < 2.5
            assert isinstance(sn.play(lambda deliver: deliver(episode())).outcome, Done)


def test_f17_a_redirect_is_not_followed_with_the_credentials() -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected."""
    with instance() as other, instance() as sn:
        sn.app.faults.set([Rule(do="status", status=302, headers={"location": f"{other.url}/api/now/table/incident"})])
        assert isinstance(sn.play(lambda deliver: deliver(episode())).outcome, Rejected)
        assert other.app.faults.requests == []


def test_f36_refused_credentials_are_refreshed_once_then_left_alone_for_a_while() -> None:
    """F36: credential expired mid-run (401): one forced refresh, then 503 + auth_failures_total; no lock-out."""
    oauth = {
        "SERVICENOW_USERNAME": "",
        "SERVICENOW_PASSWORD": "",
        "SERVICENOW_CLIENT_ID": "tidings-client",
        "SERVICENOW_CLIENT_SECRET": "tidings-secret",
    }
    with instance() as sn:

        async def main(deliver: Delivering) -> tuple[Result, Result]:
            first = await deliver(episode())
            sn.app.revoke_tokens()
            return first, await deliver(resolved())

        first, second = sn.play(main, **oauth)
        assert isinstance(first.outcome, Done)
        assert isinstance(second.outcome, Done)
        assert sn.app.faults.count(operation="token") == 2
        assert sn.metrics.value("tidings_auth_failures_total", destination="servicenow_incident") == 1
    with instance() as sn:

        async def wrong(deliver: Delivering) -> list[Result]:
            return [await deliver(episode()) for _ in range(5)]

        answers = sn.play(wrong, SERVICENOW_PASSWORD="wrong")  # noqa: S106 - of no system
        assert {answer.outcome for answer in answers} == {Retry("the credentials are refused", 60.0)}
        assert len(sn.app.faults.requests) == 1
        assert sn.metrics.value("tidings_auth_failures_total", destination="servicenow_incident") == 5


def test_f36_a_token_that_expires_under_many_requests_is_renewed_once_for_all() -> None:
    """F36: credential expired mid-run (401): one forced refresh; those that met it together all go on with it."""
    oauth = {
        "SERVICENOW_USERNAME": "",
        "SERVICENOW_PASSWORD": "",
        "SERVICENOW_CLIENT_ID": "tidings-client",
        "SERVICENOW_CLIENT_SECRET": "tidings-secret",
    }
    keys = [f"{number:026d}" for number in range(10)]
    others = [episode(id=f"{key}-1abc", problem_key=key) for key in keys]
    with instance() as sn:

        async def main(deliver: Delivering) -> list[Result]:
            await deliver(episode())
            sn.app.revoke_tokens()
            return await asyncio.gather(*(deliver(one) for one in others))

        assert [one.outcome for one in sn.play(main, **oauth)] == [Done()] * 10
        assert sn.app.faults.count(operation="token") == 2


def test_f43_what_an_event_says_is_never_a_template() -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    hostile = "{{7*7}} {% raw %} ${x} {{ episode.__class__ }}"
    with instance() as sn:
        assert isinstance(sn.play(lambda deliver: deliver(episode(summary=hostile, message=hostile))).outcome, Done)
        row = sn.incidents()[0]
        assert row["short_description"] == f"[prod-1] {hostile}"
        assert hostile in row["description"]


def test_f47_a_key_that_is_no_key_never_reaches_a_query() -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash."""
    with instance() as sn:
        answer = sn.play(lambda deliver: deliver(episode(id="x^NQactive=true", problem_key="x")))
        assert isinstance(answer.outcome, Rejected)
        assert sn.app.faults.requests == []
