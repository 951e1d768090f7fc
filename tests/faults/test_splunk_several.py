"""Several indexers behind one setting: what one cannot take another takes, and each confirms what it took itself."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest

from shared.destinations.breaker import FIRST
from shared.destinations.splunk.client import SplunkClient
from shared.destinations.splunk.settings import SplunkSettings
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.local.standins.splunk import Options, Splunk, rule
from shared.settings.environment import SettingsError, read
from shared.telemetry.metrics import Metrics
from tests.support.records import hec, with_splunk
from tests.support.servers import serve

WITH_ACK = {"SPLUNK_ACK": "true", "SPLUNK_TOKEN": "tidings-ack-token"}
AWAY = {"Location": "http://127.0.0.1:1/"}


@pytest.fixture
def apps() -> Iterator[list[Splunk]]:
    made = [splunk.new_app() for _ in range(3)]
    yield made
    for app in made:
        app.close()


@pytest.fixture
def urls(apps: list[Splunk]) -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [stack.enter_context(serve(app)) for app in apps]


def sending(*identities: str) -> Callable[[SplunkClient], Awaitable[list[Outcome]]]:
    """Return what sends each of them in a call of its own, one after the other."""

    async def use(client: SplunkClient) -> list[Outcome]:
        return [(await client.send([hec(identity)]))[0] for identity in identities]

    return use


def numbered(most: int) -> list[str]:
    return [f"e-{number}" for number in range(most)]


def nowhere() -> str:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{reserved.getsockname()[1]}"


def test_calls_are_spread_over_all_of_them(apps: list[Splunk], urls: list[str]) -> None:
    assert with_splunk(",".join(urls), sending(*numbered(30))) == [Done()] * 30
    assert [app.count() for app in apps] == [10, 10, 10]


def test_f13_what_a_dead_one_would_have_got_another_gets_at_once(apps: list[Splunk], urls: list[str]) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN; Temporary; nothing marked DOUBT."""
    metrics = Metrics()
    found = with_splunk(f"{nowhere()},{urls[0]},{urls[1]}", sending(*numbered(20)), metrics=metrics)
    assert found == [Done()] * 20
    assert sorted(apps[0].event_ids() + apps[1].event_ids()) == sorted(numbered(20))
    asked = metrics.value("tidings_retries_total", destination="splunk", reason="unreachable")
    assert asked == 1, "it is left out from its first failure on"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_f10_a_failing_one_is_left_out_and_asked_again_when_it_may_be_well(
    apps: list[Splunk], urls: list[str], status: int
) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    apps[0].faults.add(Rule("status", operation="event", status=status))

    async def use(client: SplunkClient) -> tuple[list[Outcome], list[Outcome]]:
        during = await sending(*numbered(8))(client)
        await asyncio.sleep(FIRST + 0.1)
        return during, await sending("again-0", "again-1")(client)

    during, after = with_splunk(",".join(urls[:2]), use)
    assert during == [Done()] * 8
    assert after == [Done()] * 2
    assert apps[0].count() > 0, "it takes its share again"
    assert sorted(apps[0].event_ids() + apps[1].event_ids()) == sorted([*numbered(8), "again-0", "again-1"])


def test_f08_one_that_wants_peace_gets_it_and_the_others_take_all(apps: list[Splunk], urls: list[str]) -> None:
    """F08: sink 429 + Retry-After 30; other destinations unaffected; breaker not tripped."""
    apps[0].faults.add(Rule("status", operation="event", status=429, headers={"Retry-After": "30"}))
    begun = time.monotonic()
    assert with_splunk(",".join(urls[:2]), sending(*numbered(10))) == [Done()] * 10
    assert time.monotonic() - begun < 2
    assert apps[0].faults.count(operation="event") == 1
    assert apps[1].count() == 10


def test_f36_one_that_refuses_the_token_is_left_in_peace_and_the_others_take_all(
    apps: list[Splunk], urls: list[str]
) -> None:
    """F36: credential expired mid-run; then 503 + `auth_failures_total`; no lock-out; secret file re-read on change."""
    metrics = Metrics()
    apps[0].faults.add(rule(4, count=0))
    assert with_splunk(",".join(urls[:2]), sending(*numbered(10)), metrics=metrics) == [Done()] * 10
    assert apps[0].faults.count(operation="event") == 1
    assert metrics.value("tidings_auth_failures_total", destination="splunk") == 1


def test_f14_what_one_may_have_taken_no_other_is_given_in_the_same_breath(apps: list[Splunk], urls: list[str]) -> None:
    """F14: read timeout after sink committed; here nobody can be asked: it comes again with the same event_id."""
    apps[0].faults.add(Rule("commit-then-reset", operation="event"))
    (found,) = with_splunk(",".join(urls[:2]), sending("a"))
    assert isinstance(found, Retry)
    assert apps[0].event_ids() == ["a"]
    assert apps[1].count() == 0


def test_where_none_takes_anything_the_event_is_held(apps: list[Splunk], urls: list[str]) -> None:
    for app in apps:
        app.options = Options(unhealthy=18)

    async def use(client: SplunkClient) -> list[Outcome]:
        return await client.send([hec("a"), hec("b")])

    assert with_splunk(",".join(urls), use) == [Retry("the collector is busy")] * 2
    assert [app.faults.count(operation="event") for app in apps] == [1, 1, 1]


@pytest.mark.parametrize("turned", [0, 1])
def test_f13_one_that_refuses_for_good_rejects_nothing_while_another_is_down(
    apps: list[Splunk], urls: list[str], turned: int
) -> None:
    """F13: connect timeout / refused / DNS NXDOMAIN; Temporary; nothing marked DOUBT."""
    apps[0].faults.add(Rule("status", operation="event", status=302, count=0, headers=AWAY))
    both = [urls[0], nowhere()]
    found = with_splunk(",".join([both[turned], both[1 - turned]]), sending(*numbered(4)))
    assert [type(one) for one in found] == [Retry] * 4


def test_what_none_will_ever_take_is_rejected(apps: list[Splunk], urls: list[str]) -> None:
    for app in apps:
        app.faults.add(Rule("status", operation="event", status=302, count=0, headers=AWAY))
    assert [type(one) for one in with_splunk(",".join(urls), sending("a"))] == [Rejected]


def test_f19_the_acknowledgement_is_asked_of_the_one_that_took_it(apps: list[Splunk], urls: list[str]) -> None:
    """F19: Splunk ack stays false 5 min; resend with same event_id; counter `unconfirmed`; no unbounded memory."""
    apps[1].options = Options(ack_after=None)
    found = with_splunk(",".join(urls[:2]), sending("a", "b", "c"), seconds=0.4, **WITH_ACK)
    assert found == [Done(), Retry("not acknowledged in time"), Done()]
    assert (apps[0].event_ids(), apps[1].event_ids()) == (["a", "c"], ["b"])
    assert apps[0].faults.count(operation="ack") == 2


def test_doctor_speaks_of_each(apps: list[Splunk], urls: list[str]) -> None:
    apps[1].options = Options(unhealthy=18)
    first, second = (url.removeprefix("http://") for url in urls[:2])
    assert with_splunk(",".join(urls[:2]), lambda client: client.check()) == [
        (True, f"{first}: the collector is healthy"),
        (True, f"{first}: the token is accepted"),
        (None, f"{first}: whether the token may write to the indexes shows with the first event"),
        (True, f"{first}: the clocks agree"),
        (False, f"{second}: the collector is not healthy (code 18)"),
    ]


def test_each_may_be_given_with_its_path_and_each_must_be_an_address() -> None:
    text = "https://a.example:8088/services/collector, https://b.example:8088/services/collector/raw,https://a.example:8088"
    settings = read(SplunkSettings, {"SPLUNK_HEC_URL": text, "SPLUNK_TOKEN": "t"})
    assert settings.urls == ("https://a.example:8088", "https://b.example:8088")
    for wrong in ("https://a.example,", "https://a.example,http://b.example", "https://a.example;https://b.example,x"):
        with pytest.raises(SettingsError, match="SPLUNK_HEC_URL"):
            read(SplunkSettings, {"SPLUNK_HEC_URL": wrong, "SPLUNK_TOKEN": "t"})
