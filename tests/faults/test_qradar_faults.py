"""A receiver of syslog that closes, breaks, freezes, reads slowly or does not want our certificate."""

import asyncio
import logging
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from shared.events.outcome import Done, Retry
from shared.local.standins.faults import Rule
from tests.support.certificates import new_authority
from tests.support.qradar import Played, play, played, receiving
from tests.support.records import classified
from tests.support.rigs.place import Delivering
from tests.support.rigs.qradar import own_certificate

BREAKS = ["close", "reset", "commit-then-close", "commit-then-reset"]
LONG = "no space left on device; " * 120


async def outcomes(deliver: Delivering, *identities: str, **changes: object) -> list[Any]:
    results = await asyncio.gather(*(deliver(classified(one, **changes)) for one in identities))
    return [result.outcome for result in results]


@pytest.mark.parametrize("fault", BREAKS)
def test_f20_what_was_sent_when_the_receiver_closed_is_sent_once_more(fault: Any) -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; dup possible, never silent.

    The receiver drops what it read last, or keeps it and then closes: from outside that looks alike.
    """
    with receiving() as app:
        app.faults.set([Rule(do=fault, operation="message", nth=2)])

        async def main(deliver: Delivering) -> list[Any]:
            found = await outcomes(deliver, "a")
            found += await outcomes(deliver, "b")
            await asyncio.sleep(0.3)  # nothing else comes: what is in doubt is sent again all the same
            return found

        assert play(app, main) == [Done(), Done()]
        assert app.quiet()
        assert set(app.identities()) == {"a", "b"}, "none is lost"
        assert len(app.identities()) <= 4, "and none comes for ever"


@pytest.mark.parametrize("fault", BREAKS)
def test_f20_a_connection_that_breaks_among_many_lines_loses_none(fault: Any) -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; dup possible."""
    with receiving() as app:
        app.faults.set([Rule(do=fault, operation="message", nth=150), Rule(do=fault, operation="message", nth=400)])
        names = [f"id-{number}" for number in range(300)]

        async def main(deliver: Delivering) -> list[Any]:
            found = await outcomes(deliver, *names)
            again = [name for name, outcome in zip(names, found, strict=True) if isinstance(outcome, Retry)]
            found = await outcomes(deliver, *again) if again else []
            await asyncio.sleep(0.3)
            return found

        assert all(outcome == Done() for outcome in play(app, main))
        assert app.quiet()
        assert set(app.identities()) == set(names)


def test_f20_a_second_copy_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; dup possible."""
    with receiving() as app:
        app.faults.set([Rule(do="commit-then-close", operation="message", nth=1)])
        with caplog.at_level(logging.WARNING):
            one = played(app)

            async def main(deliver: Delivering) -> list[Any]:
                found = await outcomes(deliver, "a")
                await asyncio.sleep(0.3)
                return found

            assert one.run(main) == [Done()]
        assert app.quiet()
        assert app.identities() == ["a", "a"]
        assert one.metrics.value("tidings_retries_total", destination="qradar", reason="sent again") >= 1
        assert "sent again" in caplog.text


def test_f20_a_receiver_that_closes_after_each_line_gets_none_for_ever() -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; dup possible."""
    with receiving() as app:
        app.faults.set([Rule(do="commit-then-close", operation="message", count=0)])

        async def main(deliver: Delivering) -> None:
            await outcomes(deliver, "a")
            await asyncio.sleep(1.0)

        play(app, main)
        assert app.quiet()
        assert 2 <= app.count() <= 4


def test_f20_what_is_in_doubt_when_the_function_stops_is_sent_once_more_before_it_ends() -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; never silent."""
    with receiving() as app:
        app.faults.set([Rule(do="close", operation="message"), Rule(do="reset", operation="connect", nth=2)])

        async def main(deliver: Delivering) -> list[Any]:
            found = await outcomes(deliver, "a")
            await asyncio.sleep(0.2)  # the second connection fails, and nothing else comes
            assert app.count() == 0
            return found

        (outcome,) = play(app, main)
        assert app.quiet()
        # Where the end was seen at once the broker was told to come again; else it is ours to send, at the latest now.
        assert app.identities() == ([] if isinstance(outcome, Retry) else ["a"])


def test_what_was_sent_long_before_the_receiver_closed_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.destinations.qradar.client._UNSURE", 0.05)
    with receiving() as app:
        app.faults.set([Rule(do="commit-then-close", operation="message", nth=2)])

        async def main(deliver: Delivering) -> None:
            await outcomes(deliver, "a")
            await asyncio.sleep(0.1)
            await outcomes(deliver, "b")
            await asyncio.sleep(0.2)

        play(app, main)
        assert app.quiet()
        assert app.identities().count("a") == 1
        assert app.identities().count("b") == 2


def test_f15_a_receiver_that_stops_reading_ends_in_time_and_gets_all_later() -> None:
    """F15: half-open TCP (no FIN, no RST): total deadline fires; connection dropped; `SO_KEEPALIVE` for syslog.

    What is more than the kernels on the way hold is never buffered by us: the batch is answered Retry.
    """
    with receiving(receive_buffer=4096) as app:
        app.faults.set([Rule(do="hang", operation="message", seconds=30)])
        names = [f"id-{number}" for number in range(150)]

        async def main(deliver: Delivering) -> tuple[list[Any], float, list[Any]]:
            begun = time.monotonic()
            first = await outcomes(deliver, *names, message=LONG)
            seconds = time.monotonic() - begun
            again = [name for name, outcome in zip(names, first, strict=True) if isinstance(outcome, Retry)]
            return first, seconds, await outcomes(deliver, *again, message=LONG)

        first, seconds, second = play(app, main, QRADAR_TIMEOUT="0.7")
        assert any(isinstance(outcome, Retry) for outcome in first)
        assert seconds < 3
        assert set(second) == {Done()}
        assert app.quiet()
        assert set(names) == set(app.identities())


def test_f15_a_peer_that_confirms_nothing_is_noticed_at_the_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """F15: half-open TCP (no FIN, no RST): total deadline fires; connection dropped; `SO_KEEPALIVE` for syslog.

    A cable that is pulled needs a second machine; what the kernel says then (bytes without confirmation) is set here.
    """
    with receiving() as app:

        async def main(deliver: Delivering) -> tuple[list[Any], list[Any]]:
            await outcomes(deliver, "a")
            with monkeypatch.context() as patched:
                patched.setattr("shared.destinations.qradar.pipe.Pipe._unconfirmed", lambda _pipe: 1)
                first = await outcomes(deliver, "b")
            return first, await outcomes(deliver, "b")

        first, second = play(app, main, QRADAR_TIMEOUT="0.3")
        assert first == [Retry("the receiver does not take what is sent")]
        assert second == [Done()]


def test_f15_the_kernel_watches_a_silent_connection() -> None:
    """F15: half-open TCP (no FIN, no RST): total deadline fires; connection dropped; `SO_KEEPALIVE` for syslog."""
    with receiving() as app:

        async def main(deliver: Delivering) -> list[int]:
            await outcomes(deliver, "a")
            connection = deliver.function._connection._pipe._transport.get_extra_info("socket")
            return [
                connection.getsockopt(level, option)
                for level, option in (
                    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                )
            ]

        assert play(app, main) == [1, 20_000, 15]


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_a_receiver_that_refuses_our_certificate_is_noticed_before_a_line_is_sent(tmp_path: Path, newest: str) -> None:
    """With TLS 1.3 the handshake ends well on our side, and the refusal comes after it."""
    version = ssl.TLSVersion.TLSv1_2 if newest == "1.2" else ssl.TLSVersion.TLSv1_3
    wanted, other = new_authority(tmp_path, "wanted"), new_authority(tmp_path, "other")
    good, bad = wanted.issued("good"), other.issued("bad")
    shown = tmp_path / "shown.pem"
    with receiving(client_ca=wanted.file, newest=version) as app:
        (without,) = play(app, lambda deliver: outcomes(deliver, "a"), QRADAR_TLS_MIN=newest)
        assert without == Retry("cannot connect (it refuses our certificate)")
        shown.write_bytes(bad.read_bytes())

        async def main(deliver: Delivering) -> list[Any]:
            refused = await outcomes(deliver, "a")
            shown.write_bytes(good.read_bytes())  # rotated: no restart
            return [*refused, *await outcomes(deliver, "a")]

        refused, done = play(app, main, QRADAR_CERT_FILE=str(shown), QRADAR_TLS_MIN=newest)
        assert refused == Retry("cannot connect (it refuses our certificate)")
        assert done == Done()
        assert app.quiet()
        assert app.identities() == ["a"]


def test_f38_a_certificate_that_expires_or_is_for_another_name_is_named(tmp_path: Path) -> None:
    """F38: TLS cert of sink expires / CA rotated | refuses; clear message; picks up new CA file without restart."""
    authority = new_authority(tmp_path)
    words = {}
    for name, certificate in {
        "expired": authority.issued("expired", days=-1),
        "other": authority.issued("other", host="siem.example"),
        "stranger": own_certificate(),
    }.items():
        with receiving(certificate=certificate) as app:
            (outcome,) = play(app, lambda deliver: outcomes(deliver, "a"), QRADAR_CA_FILE=str(authority.file))
            assert isinstance(outcome, Retry)
            words[name] = outcome.reason
            assert app.count() == 0
    assert words == {
        "expired": "cannot connect (its certificate has expired)",
        "other": "cannot connect (its certificate is for another address)",
        "stranger": "cannot connect (its certificate is not trusted)",
    }


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "kubernetes.default.svc"])  # noqa: S104 - to be refused
def test_f48_an_address_that_no_foreign_system_has_is_refused(host: str) -> None:
    """F48: SSRF: 169.254.169.254, `http://kubernetes.default`: destinations only from settings; resolved-IP check."""
    from shared.runtime.registry import load
    from shared.settings.environment import SettingsError
    from shared.telemetry.metrics import Metrics

    with pytest.raises(SettingsError, match="QRADAR_ADDRESS"):
        load("qradar_forwarder", {"QRADAR_ADDRESS": f"tls://{host}:6514"}, Metrics())


def test_f48_a_name_that_leads_to_loopback_is_refused_at_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """F48: SSRF: DNS rebinding: destinations only from settings; allow-list + resolved-IP check."""

    async def resolved(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    monkeypatch.setattr("shared.destinations.guard._resolved", resolved)
    one = Played({"QRADAR_ADDRESS": "tls://siem.example:6514"})
    (outcome,) = one.run(lambda deliver: outcomes(deliver, "a"))
    assert outcome == Retry("cannot connect (its address is refused: loopback)")
    assert one.metrics.value("tidings_addresses_refused_total", destination="qradar", why="loopback") == 1


def test_a_rate_lets_events_wait_and_sends_the_rest_away_in_time() -> None:
    with receiving() as app:
        names = [f"id-{number}" for number in range(400)]

        async def main(deliver: Delivering) -> tuple[list[Any], float]:
            begun = time.monotonic()
            results = await asyncio.gather(*(deliver(classified(name), seconds=2.0) for name in names))
            return [result.outcome for result in results], time.monotonic() - begun

        found, seconds = play(app, main, QRADAR_EVENTS_PER_SECOND="100")
        assert seconds < 3
        assert 150 <= found.count(Done()) <= 350, "a second's worth at once, then 100 a second"
        assert {type(outcome) for outcome in found} == {Done, Retry}
        assert app.quiet()
        assert app.count() <= 400
