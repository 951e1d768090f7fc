"""How every function fails whose system upserts by key: by what is on the way, over there, or wrong with our own."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.events.outcome import Done, Rejected, Retry
from shared.local.standins.faults import Rule
from tests.support.rigs.place import Delivering, Upserts, placed, told
from tests.support.rigs.registry import UPSERTS
from tests.support.tickets import episode


@pytest.fixture(params=sorted(UPSERTS))
def place(request: pytest.FixtureRequest) -> Iterator[Upserts]:
    with placed(UPSERTS[request.param]) as one:
        yield one


@pytest.mark.parametrize("fault", ["commit-then-time-out", "commit-then-reset", "commit-then-status"])
def test_f14_what_may_have_arrived_is_sent_again_and_makes_no_second_record(place: Upserts, fault: Any) -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket. Here: the same key again, one record."""
    place.app.faults.set([Rule(do=fault, operation=place.rig.writes, status=504, count=3)])

    async def main(deliver: Delivering) -> list[Any]:
        outcomes: list[Any] = []
        while not outcomes or isinstance(outcomes[-1], Retry):
            outcomes.append((await deliver(episode())).outcome)
        return outcomes

    outcomes = place.play(main, **place.rig.hurried)
    assert isinstance(outcomes[0], Retry)
    assert outcomes[-1] == Done()
    assert len(told(place)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_f10_server_errors_are_tried_again_and_recovery_needs_no_operator(place: Upserts, status: int) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    place.app.faults.set([Rule(do="status", status=status, operation=place.rig.writes, count=4)])

    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(episode())).outcome for _ in range(2)]

    first, second = place.play(main)
    assert isinstance(first, Retry)
    assert second == Done()
    assert 2 <= place.app.faults.count(operation=place.rig.writes) <= 6, "bounded"


def test_f08_a_rate_limit_is_handed_on_with_its_own_wait_or_waited_where_there_is_time(place: Upserts) -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""

    def asked_to_wait(seconds: int) -> Any:
        place.app.faults.set([Rule(do="status", status=429, headers={"retry-after": str(seconds)})])
        return place.play(lambda deliver: deliver(episode())).outcome

    first = asked_to_wait(30)
    assert isinstance(first, Retry)
    assert first.after == 30
    assert asked_to_wait(1) == Done()


def test_f11_what_is_refused_for_good_is_rejected_without_a_storm(place: Upserts) -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    for status in (400, 422, 403):
        place.app.faults.forget()
        place.app.faults.set([Rule(do="status", status=status, body='{"error": {"message": "no"}}')])
        outcome = place.play(lambda deliver: deliver(episode())).outcome
        assert isinstance(outcome, Rejected)
        assert outcome.stage == place.rig.function
        assert place.app.faults.count(operation=place.rig.writes) == 1


def test_f12_a_200_that_does_not_say_so_is_no_success(place: Upserts) -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure, not Done."""
    faults = [Rule(do="html"), *(Rule(do="body", body=body) for body in place.rig.failures)]
    for fault in faults:
        place.app.faults.set([fault])
        outcome = place.play(lambda deliver: deliver(episode())).outcome
        assert isinstance(outcome, Retry | Rejected), fault
        assert isinstance(outcome, Rejected) is ("records" in fault.body), "what speaks of the whole call may pass"
    assert place.play(lambda deliver: deliver(episode())).outcome == Done()


def test_f13_what_cannot_be_connected_to_comes_again(place: Upserts) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{taken.getsockname()[1]}", "https://no-such-host.invalid"):
            outcome = place.play(lambda deliver: deliver(episode()), **{place.rig.url: url}).outcome
            assert isinstance(outcome, Retry)
            assert outcome.reason.startswith("cannot connect")


def test_f15_f16_silence_and_slow_bytes_end_at_the_total_deadline(place: Upserts) -> None:
    """Both rows, for they end alike.

    F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog. F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it.
    """
    for do in ("hang", "slow-bytes"):
        place.app.faults.set([Rule(do=do, seconds=30 if do == "hang" else 1)])  # type: ignore[arg-type]
        begun = time.monotonic()
        outcome = place.play(lambda deliver: deliver(episode(), 1.5), **place.rig.hurried).outcome
        assert isinstance(outcome, Retry)
        assert time.monotonic() - begun < 3
    assert isinstance(place.play(lambda deliver: deliver(episode())).outcome, Done)
