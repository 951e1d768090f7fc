"""How every ticket system's function fails: by what is on the way, over there, or wrong with the credentials."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared.events.outcome import Done, Duplicate, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from tests.support.rigs.place import Delivering, Tickets, placed, settle, standings
from tests.support.rigs.registry import TICKETS
from tests.support.tickets import episode


@pytest.fixture(params=sorted(TICKETS))
def place(request: pytest.FixtureRequest) -> Iterator[Tickets]:
    with placed(TICKETS[request.param]) as one:
        yield one


@pytest.mark.parametrize("fault", ["commit-then-time-out", "commit-then-reset", "commit-then-status"])
def test_f14_a_create_of_which_nothing_was_heard_is_found_and_not_made_again(place: Tickets, fault: Any) -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket."""
    place.app.faults.set([Rule(do=fault, operation=place.rig.writes, status=504)])
    outcomes = place.play(lambda deliver: settle(deliver, place), **place.rig.hurried)
    assert outcomes[-1] in {Done, Duplicate}
    assert len(standings(place)) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_f10_server_errors_are_tried_again_and_recovery_needs_no_operator(place: Tickets, status: int) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    place.app.faults.set([Rule(do="status", status=status, operation=place.rig.writes, count=3)])
    outcomes = place.play(lambda deliver: settle(deliver, place))
    assert outcomes[0] is Retry
    assert outcomes[-1] in {Done, Duplicate}
    assert len(standings(place)) == 1


def test_f08_a_rate_limit_is_handed_on_with_its_own_wait_and_nothing_is_asked_meanwhile(place: Tickets) -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""

    async def main(deliver: Delivering) -> tuple[Result, int, Result]:
        place.app.faults.set([Rule(do="status", status=429, headers={"retry-after": "30"})])
        first, asked = await deliver(episode()), len(place.app.faults.requests)
        return first, asked, await deliver(episode())

    first, asked, second = place.play(main)
    assert isinstance(first.outcome, Retry)
    assert first.outcome.after == 30
    assert isinstance(second.outcome, Retry)
    assert second.outcome.after is not None
    assert 25 < second.outcome.after <= 30, "what is left of it"
    assert len(place.app.faults.requests) == asked


def test_f08_a_short_wait_is_waited_for_inside_the_deadline(place: Tickets) -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""

    async def main(deliver: Delivering) -> tuple[list[Any], float]:
        place.app.faults.set([Rule(do="status", status=429, headers={"retry-after": "1"})])
        begun = time.monotonic()
        outcomes = [(await deliver(episode())).outcome]
        if isinstance(outcomes[0], Retry):  # then the next one waits
            outcomes.append((await deliver(episode())).outcome)
        return outcomes, time.monotonic() - begun

    outcomes, lasted = place.play(main)
    assert outcomes[-1] == Done()
    assert lasted > 0.9


@pytest.mark.parametrize("status", [400, 403, 422])
def test_f11_what_is_refused_for_good_is_rejected_by_its_stage_without_a_storm(place: Tickets, status: int) -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    refused = Rule(do="status", status=status, body=place.rig.refusal, operation=place.rig.writes, count=0)
    place.app.faults.set([refused])
    outcome = place.play(lambda deliver: deliver(episode())).outcome
    assert isinstance(outcome, Rejected)
    assert outcome.stage == place.rig.function
    assert place.app.faults.count(operation=place.rig.writes) == 1
    assert standings(place) == []


def test_f12_a_page_or_nothing_with_status_200_is_not_success(place: Tickets) -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure, not Done."""
    for fault in (
        Rule(do="html", operation=place.rig.reads),
        Rule(do="html", operation=place.rig.writes),
        Rule(do="body", body="", operation=place.rig.writes),
        Rule(do="body", body="[]", operation=place.rig.writes),
        Rule(do="body", body='{"result": 7}', operation=place.rig.writes),
    ):
        place.app.faults.set([fault])
        answer = place.play(lambda deliver: deliver(episode()))
        assert isinstance(answer.outcome, Retry), fault
    place.clock.now += 60
    assert place.play(lambda deliver: settle(deliver, place))[-1] in {Done, Duplicate}
    assert len(standings(place)) == 1


def test_f13_what_cannot_be_connected_to_leaves_no_doubt(place: Tickets) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    name = place.rig.function

    async def main(deliver: Delivering) -> tuple[Result, bytes]:
        answer = await deliver(episode())
        entry = await place.store.get(f"claim.{name}.{episode().id}")
        assert entry is not None
        return answer, entry.value

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{taken.getsockname()[1]}", "https://no-such-host.invalid"):
            answer, record = place.play(main, **{place.rig.url: url})
            assert isinstance(answer.outcome, Retry)
            assert answer.outcome.reason.startswith("cannot connect")
            assert b'"phase":"free"' in record


def test_f15_f16_silence_and_slow_bytes_end_at_the_total_deadline(place: Tickets) -> None:
    """Both rows, for they end alike.

    F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog. F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it.
    """
    for do in ("hang", "slow-bytes"):
        place.app.faults.set([Rule(do=do, operation=place.rig.reads, seconds=30 if do == "hang" else 1)])  # type: ignore[arg-type]
        begun = time.monotonic()
        answer = place.play(lambda deliver: deliver(episode(), 1.5))
        assert isinstance(answer.outcome, Retry)
        assert time.monotonic() - begun < 3
    assert isinstance(place.play(lambda deliver: deliver(episode())).outcome, Done)
