"""What we send as a real rsyslog receives it over TLS: lines byte for byte, in both framings."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.events.outcome import Done, Retry
from tests.support.certificates import Authority, new_authority
from tests.support.qradar import Played
from tests.support.records import classified
from tests.support.rigs.place import Delivering
from tests.support.rsyslog import Rsyslog, rsyslog

HOSTILE = "tab\there, line\r\nbreak, pipe | equals = caret ^ back\\slash, {{7*7}}, Grüße 👋\u2028end"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return new_authority(tmp_path)


def sent(one: Rsyslog, authority: Authority, names: list[str], **settings: str) -> tuple[list[Any], list[bytes]]:
    """Deliver an observation for each name, and return the outcomes and the lines as `tidings explain` shows them."""
    address = {"QRADAR_ADDRESS": f"tls://127.0.0.1:{one.port}", "QRADAR_CA_FILE": str(authority.file)}

    async def main(deliver: Delivering) -> tuple[list[Any], list[bytes]]:
        subjects = [classified(name, message=HOSTILE) for name in names]
        results = await asyncio.gather(*(deliver(subject) for subject in subjects))
        lines = [deliver.function.preview(subject)[0].body.encode() for subject in subjects]
        return [result.outcome for result in results], lines

    return Played({**address, **settings}).run(main)


@pytest.mark.parametrize("framing", ["newline", "octet"])
@pytest.mark.parametrize("form", ["leef", "cef"])
def test_it_receives_each_line_byte_for_byte(tmp_path: Path, authority: Authority, framing: str, form: str) -> None:
    names = [f"id-{number}" for number in range(100)]
    with rsyslog(tmp_path, authority) as one:
        outcomes, lines = sent(one, authority, names, QRADAR_FRAMING=framing, QRADAR_FORMAT=form)
        assert outcomes == [Done()] * len(names)
        assert one.lines(len(names)) == lines


def test_it_receives_the_longest_line_whole(tmp_path: Path, authority: Authority) -> None:
    with rsyslog(tmp_path, authority) as one:
        address = {"QRADAR_ADDRESS": f"tls://127.0.0.1:{one.port}", "QRADAR_CA_FILE": str(authority.file)}
        subject = classified(message="no space left on device; " * 1000)

        async def main(deliver: Delivering) -> Any:
            return (await deliver(subject)).outcome

        assert Played({**address, "QRADAR_MAX_BYTES": "4000"}).run(main) == Done()
        (line,) = one.lines(1)
        assert 3900 < len(line) <= 4000
        assert b"\ttruncated=1\t" in line


def test_f20_what_it_had_not_read_when_it_was_killed_comes_again(tmp_path: Path, authority: Authority) -> None:
    """F20: syslog peer closes right after write: reconnect + resend last unconfirmed line; never silent.

    Its kernel has confirmed lines that it never read: nobody would ever know, but for what is sent again.
    """
    names = [f"id-{number}" for number in range(300)]
    with rsyslog(tmp_path, authority) as one, ExitStack() as started:
        address = {"QRADAR_ADDRESS": f"tls://127.0.0.1:{one.port}", "QRADAR_CA_FILE": str(authority.file)}

        async def delivered(deliver: Delivering, names: list[str]) -> set[Any]:
            return {result.outcome for result in await asyncio.gather(*(deliver(classified(name)) for name in names))}

        async def main(deliver: Delivering) -> None:
            assert await delivered(deliver, names[:100]) == {Done()}
            one.freeze()
            assert await delivered(deliver, names[100:200]) == {Done()}
            one.kill()
            await asyncio.to_thread(started.enter_context, rsyslog(tmp_path, authority, port=one.port))
            assert await delivered(deliver, names[200:]) == {Done()}

        Played(address).run(main)
        found = one.lines(len(names))
    assert {line.partition(b"\teventId=")[2].partition(b"\t")[0].decode() for line in found} == set(names)


def test_it_wants_our_certificate_and_gets_it(tmp_path: Path, authority: Authority) -> None:
    ours = authority.issued("tidings")
    with rsyslog(tmp_path, authority, mode="x509/certvalid") as one:
        (without,), _ = sent(one, authority, ["a"])
        assert isinstance(without, Retry)
        assert without.reason.startswith("cannot connect")
        outcomes, lines = sent(one, authority, ["b"], QRADAR_CERT_FILE=str(ours))
        assert outcomes == [Done()]
        assert one.lines(1) == lines
