"""Which TLS each destination takes: 1.3, and 1.2 only where its setting says so; against real servers of both."""

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from shared.destinations.finding import Finding
from shared.events.outcome import Done, Outcome, Retry
from tests.support.records import classified
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.rigs.qradar import HttpReceiver
from tests.support.rigs.registry import NOTICES, RECORDS, TICKETS, UPSERTS
from tests.support.rigs.transport import nowhere
from tests.support.servers import new_certificate
from tests.support.tickets import episode

RIGS: Final[dict[str, Any]] = {
    **TICKETS,
    **UPSERTS,
    **RECORDS,
    **NOTICES,
    "qradar_forwarder by HTTP": HttpReceiver(),
}
OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
TOO_OLD: Final = "cannot connect (it speaks no TLS 1.3, and TLS_MIN allows no older)"
CLOSED: Final = "cannot connect (it closed the connection at once, and may speak no TLS 1.3)"


def words(name: str) -> str:
    """Return what is said of a stand-in of TLS 1.2: those that run on asyncio close without TLS's own word for it."""
    return TOO_OLD if name == "qradar_forwarder" else CLOSED


@contextlib.contextmanager
def outspoken(certificate: Path) -> Iterator[int]:
    """Run what speaks TLS 1.2 alone, and says so, as OpenSSL does for most servers; yield its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = OLD
    context.load_cert_chain(certificate)

    def accept() -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


def setting(name: str) -> str:
    """Return the variable of a destination that says which TLS it takes."""
    return str(RIGS[name].ca).replace("_CA_FILE", "_TLS_MIN")


def delivered(place: Place[Any], name: str, **settings: str) -> Outcome:
    async def main(deliver: Delivering) -> Outcome:
        return (await deliver(episode() if name in {*TICKETS, *UPSERTS} else classified())).outcome

    return place.play(main, **settings)


def found(place: Place[Any], **settings: str) -> list[Finding]:
    return place.play(lambda deliver: deliver.function.check(), **settings)


@pytest.mark.parametrize("name", sorted(RIGS))
def test_what_speaks_no_tls_1_3_is_sent_nothing_until_its_setting_allows_1_2(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = new_certificate(tmp_path)
    with placed(RIGS[name], certificate, OLD) as place:
        trusted = {place.rig.ca: str(certificate)}
        with caplog.at_level(logging.WARNING, "tidings.destinations"):
            refused = delivered(place, name, **trusted)
        assert isinstance(refused, Retry), "the broker holds it"
        assert words(name) in refused.reason
        (told,) = [record for record in caplog.records if record.name == "tidings.destinations"]
        assert told.why == words(name)  # type: ignore[attr-defined]
        assert not [one for one in place.app.faults.requests if one.operation != "connect"], "not a byte of it"
        assert delivered(place, name, **trusted, **{setting(name): "1.3"}) == refused
        assert delivered(place, name, **trusted, **{setting(name): "1.2"}) == Done()


@pytest.mark.parametrize("name", sorted(RIGS))
def test_what_says_that_it_speaks_no_tls_1_3_is_named_so(name: str, tmp_path: Path) -> None:
    certificate, rig = new_certificate(tmp_path), RIGS[name]
    with placed(rig) as place, outspoken(certificate) as port:
        scheme = "tls" if name == "qradar_forwarder" else "https"
        there = {rig.url: f"{scheme}://127.0.0.1:{port}", rig.ca: str(certificate)}
        refused = delivered(place, name, **there)
        assert isinstance(refused, Retry)
        assert TOO_OLD in refused.reason
        assert any(
            good is False and text.endswith(f"{TOO_OLD}: set {setting(name)}=1.2 if it must be")
            for good, text in found(place, **there)
        )


@pytest.mark.parametrize("least", ["", "1.2", "1.3"])
@pytest.mark.parametrize("name", sorted(RIGS))
def test_what_speaks_tls_1_3_is_sent_to_by_any_setting(name: str, least: str, tmp_path: Path) -> None:
    certificate = new_certificate(tmp_path)
    with placed(RIGS[name], certificate, NEW) as place:
        assert delivered(place, name, **{place.rig.ca: str(certificate), setting(name): least}) == Done()


@pytest.mark.parametrize("name", sorted(RIGS))
def test_a_ca_file_that_is_read_again_allows_nothing_older(name: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(new_certificate(tmp_path).read_text())
    certificate = new_certificate(tmp_path / "new")
    with placed(RIGS[name], certificate, OLD) as place:

        async def main(deliver: Delivering) -> list[Outcome]:
            subject = episode() if name in {*TICKETS, *UPSERTS} else classified()
            before = (await deliver(subject)).outcome
            bundle.write_text(certificate.read_text())
            return [before, (await deliver(subject)).outcome]

        before, after = place.play(main, **{place.rig.ca: str(bundle)})
        assert isinstance(before, Retry)
        assert words(name) in before.reason
        assert after == before
        bundle.write_text((tmp_path / "both.pem").read_text())
        before, after = place.play(main, **{place.rig.ca: str(bundle), setting(name): "1.2"})
        assert isinstance(before, Retry)
        assert "its certificate is not trusted" in before.reason
        assert after == Done()


@pytest.mark.parametrize("name", sorted(RIGS))
def test_the_doctor_names_the_setting_and_where_1_2_is_allowed(name: str, tmp_path: Path) -> None:
    certificate, variable = new_certificate(tmp_path), setting(name)
    note = (True, f"TLS 1.2 is allowed, too ({variable})")
    with placed(RIGS[name], certificate, OLD) as place:
        trusted = {place.rig.ca: str(certificate)}
        refused = found(place, **trusted)
        assert note not in refused
        wrong = [text for good, text in refused if good is False]
        assert any(words(name) in text and f"set {variable}=1.2 if it must be" in text for text in wrong), wrong
        taken = found(place, **trusted, **{variable: "1.2"})
        assert taken.count(note) == 1
        assert not [text for good, text in taken if good is False]


@pytest.mark.parametrize("name", sorted(RIGS))
def test_the_doctor_tells_it_of_what_cannot_be_reached_too(name: str) -> None:
    with placed(RIGS[name]) as place, contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        away = {place.rig.url: nowhere(place.rig, taken.getsockname()[1])[0]}
        lines = found(place, **away, **{setting(name): "1.2"})
        assert (True, f"TLS 1.2 is allowed, too ({setting(name)})") in lines
        assert lines[0][0] is False
