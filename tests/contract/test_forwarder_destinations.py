"""What every forwarder does, over a real connection against its SIEM's stand-in: one suite for all of them."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Call, Result
from shared.runtime.registry import FUNCTIONS
from tests.support.records import classified
from tests.support.rigs.place import Delivering, Place, RecordRig, placed
from tests.support.rigs.registry import RECORDS
from tests.support.rigs.transport import calls, nowhere, outages, over_http, silences
from tests.support.servers import rotated
from tests.support.shadowed import sent, shown_as, told_in_shadow

Records = Place[RecordRig]


@pytest.fixture(params=sorted(RECORDS))
def place(request: pytest.FixtureRequest) -> Iterator[Records]:
    with placed(RECORDS[request.param]) as one:
        yield one


@pytest.fixture(params=over_http(RECORDS))
def web(request: pytest.FixtureRequest) -> Iterator[Records]:
    """Yield a place whose system answers each request, as only HTTP does."""
    with placed(RECORDS[request.param]) as one:
        yield one


def struck(faults: Callable[[Any], Sequence[Rule]]) -> list[Any]:
    """Return each rig's name with each of its faults, for a parametrised test."""
    return [
        pytest.param(name, fault, id=f"{name}-{fault.do}-{fault.status if fault.do == 'status' else fault.operation}")
        for name, rig in sorted(RECORDS.items())
        for fault in faults(rig)
    ]


def arrived(place: Records) -> list[str]:
    return place.rig.records(place.app)


async def several(deliver: Delivering, *identities: str) -> list[Any]:
    """Deliver observations at once, and return their outcomes."""
    results = await asyncio.gather(*(deliver(classified(one)) for one in identities))
    return [result.outcome for result in results]


def test_one_observation_becomes_one_record_with_its_identity(place: Records) -> None:
    subject = classified(received=datetime.now(UTC), time=datetime.now(UTC))
    assert place.play(lambda deliver: deliver(subject)) == Result(Done(), None)
    assert arrived(place) == ["id-1"]
    destination = FUNCTIONS[place.rig.function].destination
    assert destination is not None
    labels = {"destination": destination.label, "operation": "record", "result": "done"}
    assert place.metrics.value("tidings_deliveries_total", **labels) == 1


def test_what_waits_at_the_same_time_shares_calls_and_each_gets_its_own_answer(place: Records) -> None:
    identities = [f"id-{number}" for number in range(200)]
    outcomes = place.play(lambda deliver: several(deliver, *identities))
    assert outcomes == [Done()] * 200
    assert sorted(arrived(place)) == sorted(identities)
    assert not place.shares or 0 < place.app.faults.count(operation=calls(place.rig)) < 20


def test_what_comes_again_is_not_sent_again(place: Records) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        return [*await several(deliver, "a"), *await several(deliver, "a")]

    assert place.play(main) == [Done(), Duplicate()]
    assert arrived(place) == ["a"]


def test_what_is_none_of_its_business_is_ignored_and_what_is_broken_rejected(place: Records) -> None:
    async def main(deliver: Delivering) -> tuple[Result, Result]:
        call = Call(asyncio.get_running_loop().time() + 5)
        other = CloudEvent(id="1", source="s", type=place.stranger, data={})
        broken = CloudEvent(id="1", source="s", type="dev.tidings.security.v1", data={"observation": 1})
        return await deliver.function.handle(other, call), await deliver.function.handle(broken, call)

    ignored, broken = place.play(main)
    assert isinstance(ignored.outcome, Ignored)
    assert isinstance(broken.outcome, Rejected)
    assert arrived(place) == []


@pytest.mark.parametrize(("name", "fault"), struck(outages))
def test_f10_a_failing_system_is_tried_again_and_drains_by_itself(name: str, fault: Rule) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""

    async def main(deliver: Delivering) -> list[Any]:
        outcomes: list[Any] = []
        while not outcomes or isinstance(outcomes[-1], Retry):
            outcomes += await several(deliver, "a")
        return outcomes

    with placed(RECORDS[name]) as place:
        place.app.faults.set([fault])
        outcomes = place.play(main)
        assert isinstance(outcomes[0], Retry)
        assert outcomes[-1] == Done()
        assert arrived(place) == ["a"]


def test_f08_a_wait_that_the_system_asks_for_is_handed_on_and_nothing_is_sent_meanwhile(web: Records) -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""

    async def main(deliver: Delivering) -> tuple[list[Any], int, list[Any]]:
        web.app.faults.set([Rule(do="status", status=429, headers={"retry-after": "30"})])
        first, asked = await several(deliver, "a"), len(web.app.faults.requests)
        return first, asked, await several(deliver, "a", "b")

    (first,), asked, later = web.play(main)
    assert isinstance(first, Retry)
    assert first.after == 30
    assert all(isinstance(one, Retry) and 25 < one.after <= 30 for one in later), "what is left of it"
    assert len(web.app.faults.requests) == asked
    assert arrived(web) == []


def test_f12_a_200_that_is_not_the_systems_is_a_failure(web: Records) -> None:
    """F12: sink 200 with HTML login page / empty body: treated as failure, not Done."""
    for fault in web.foreign:
        web.app.faults.set([fault])
        (outcome,) = web.play(lambda deliver: several(deliver, "a"))
        assert isinstance(outcome, Retry), fault
    assert web.play(lambda deliver: several(deliver, "a")) == [Done()]
    assert arrived(web) == ["a"]


def test_f13_what_cannot_be_connected_to_is_temporary(place: Records) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN: Temporary; nothing marked DOUBT."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for url in nowhere(place.rig, taken.getsockname()[1]):
            (outcome,) = place.play(lambda deliver: several(deliver, "a"), **{place.rig.url: url})
            assert isinstance(outcome, Retry)
            assert outcome.reason.startswith("cannot connect")


@pytest.mark.parametrize(("name", "fault"), struck(silences))
def test_f15_f16_silence_slow_bytes_and_broken_connections_end_in_time_and_come_again(name: str, fault: Rule) -> None:
    """All of them end alike: the same identity comes again.

    F15: half-open TCP (no FIN, no RST): total deadline fires; pool connection dropped; keep-alive/`SO_KEEPALIVE` for
    syslog. F16: slow-loris response (1 byte/s): total deadline, not per-read, ends it.
    """

    async def main(deliver: Delivering) -> tuple[list[Any], float, list[Any]]:
        begun = time.monotonic()
        first = await several(deliver, "a")
        return first, time.monotonic() - begun, await several(deliver, "a")

    with placed(RECORDS[name]) as place:
        place.app.faults.set([fault])
        first, seconds, second = place.play(main, **place.rig.hurried)
        assert isinstance(first[0], Retry)
        assert seconds < 2
        there_already = fault.do in {"commit-then-reset", "slow-bytes"} and place.rig.refuses_copies
        assert second == [Duplicate() if there_already else Done()]
        assert set(arrived(place)) == {"a"}


def test_f17_a_redirect_is_not_followed_with_the_credentials(web: Records) -> None:
    """F17: redirect 302 to other host: not followed with credentials; Rejected."""
    with placed(web.rig) as other:
        web.app.faults.set([Rule(do="status", status=302, headers={"location": f"{other.url}/"}, count=0)])
        (outcome,) = web.play(lambda deliver: several(deliver, "a"))
        assert isinstance(outcome, Rejected)
        assert other.app.faults.requests == []


def test_f36_a_credential_in_a_file_is_read_again_once_it_changes(web: Records, tmp_path: Path) -> None:
    """F36: credential expired mid-run (401): then 503 + `auth_failures_total`; no lock-out; secret file re-read."""
    file = tmp_path / "secret"
    file.write_text("expired-or-wrong")
    right = web.settings[web.rig.secret]

    async def main(deliver: Delivering) -> tuple[list[Any], list[Any]]:
        refused = [*await several(deliver, "a"), *await several(deliver, "a"), *await several(deliver, "a")]
        assert len(web.app.faults.requests) <= 2, "a refused credential is not hammered"
        file.write_text(right + "\n")
        return refused, await several(deliver, "a")

    refused, done = web.play(main, **{web.rig.secret: "", f"{web.rig.secret}_FILE": str(file)})
    assert {type(outcome) for outcome in refused} == {Retry}
    assert done == [Done()]
    assert web.metrics.total("tidings_auth_failures_total") >= 1


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_f38_a_rotated_ca_file_is_picked_up_without_a_restart(name: str, tmp_path: Path) -> None:
    """F38: TLS cert of sink expires / CA rotated | refuses; clear message; picks up new CA file without restart."""
    bundle, certificate = rotated(tmp_path)
    with placed(RECORDS[name], certificate) as place:

        async def main(deliver: Delivering) -> tuple[list[Any], list[Any]]:
            refused = await several(deliver, "a")
            bundle.write_text(certificate.read_text())
            return refused, await several(deliver, "a")

        refused, done = place.play(main, **{place.rig.ca: str(bundle)})
        assert isinstance(refused[0], Retry)
        assert "certificate" in refused[0].reason
        assert done == [Done()]


def test_f43_what_an_event_says_is_never_a_template(place: Records) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    hostile = "{{7*7}} {% raw %} ${x}"
    assert isinstance(place.play(lambda deliver: deliver(classified(message=hostile))).outcome, Done)
    (shown,) = place.play(previewed(hostile))
    assert hostile in str(shown.body)


def previewed(message: str) -> Any:
    async def main(deliver: Delivering) -> Any:
        return deliver.function.preview(classified(message=message))

    return main


def test_a_message_that_is_very_long_arrives_and_holds_up_no_other(place: Records) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        long = deliver(classified("long", message="no space left on device; " * 40_000))
        results = await asyncio.gather(long, deliver(classified("short")))
        return [result.outcome for result in results]

    first, second = place.play(main)
    assert isinstance(first, Done | Rejected)
    assert second == Done()


def test_stopping_finishes_what_is_in_flight(place: Records) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        begun = asyncio.ensure_future(several(deliver, "a", "b"))
        await asyncio.sleep(0.01)
        await deliver.function.stop()
        return await begun

    assert place.play(main) == [Done(), Done()]
    assert sorted(arrived(place)) == ["a", "b"]


def checked(place: Records, **settings: str) -> list[tuple[bool | None, str]]:
    return place.play(lambda deliver: deliver.function.check(), **settings)


def test_the_check_names_a_wrong_credential(web: Records) -> None:
    assert not all(good is not False for good, _ in checked(web, **{web.rig.secret: "wrong-or-expired"}))


def test_the_check_is_good_stores_nothing_and_names_a_wrong_port(place: Records) -> None:
    assert all(good is not False for good, _ in checked(place))
    assert arrived(place) == []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (bad, text), *_ = checked(place, **{place.rig.url: nowhere(place.rig, taken.getsockname()[1])[0]})
        assert not bad
        assert "connect" in text


def test_f60_in_shadow_each_record_is_shown_and_none_is_sent(place: Records) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or, for one destination, shadow: rendered and reported, not sent.
    """
    one, other = (classified(identity, message="went out of memory") for identity in ("a" * 26, "b" * 26))
    results = told_in_shadow(place, [one, other])
    assert shown_as(results) == ["record", "record"]
    assert "went out of memory" in sent(results[0])
    place.play(lambda deliver: deliver(other))
    assert arrived(place) == ["b" * 26], "let loose, it sends what it only showed before"
