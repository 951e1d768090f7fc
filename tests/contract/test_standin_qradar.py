"""The receiver that stands in for QRadar, driven by clients that are not ours: logger, and Python's own handler."""

import json
import logging
import logging.handlers
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shared.local.standins import qradar
from shared.local.standins.faults import Rule
from shared.local.standins.qradar import Event, Options, read_event
from tests.conftest import could_not_run
from tests.support.certificates import new_authority
from tests.support.qradar import receiving
from tests.support.servers import serve, standin

HEAD = "<131>1 2026-03-01T12:00:00.250Z prod tidings - - - "


def by_logger(app: Any, text: str, *options: str) -> None:
    program = shutil.which("logger") or could_not_run("logger is missing", "install util-linux")
    address = ["--server", "127.0.0.1", "--port", app.address.rpartition(":")[2], "--tcp", "--rfc5424"]
    subprocess.run([program, *address, *options, text], check=True, capture_output=True)
    assert app.quiet()


@pytest.mark.parametrize("framing", ["newline", "octet"])
def test_loggers_lines_are_read_in_the_framing_that_the_port_takes_and_garbled_in_the_other(framing: Any) -> None:
    counted = ["--octet-count"]
    text = "LEEF:1.0|A|B|1|logon|usrName=jane"
    with receiving(certificate=None, framing=framing) as app:
        by_logger(app, text, *(counted if framing == "octet" else []))
        (payload,) = app.payloads()
        event = read_event(payload)
        assert (event.form, event.event_id, event.values) == ("leef", "logon", {"usrName": "jane"})
        assert event.host == socket.gethostname()
        by_logger(app, text, *([] if framing == "octet" else counted))
        assert [read_event(payload).form for payload in app.payloads()[1:]] in ([], ["unparsed"])


def test_pythons_own_handler_is_read_line_by_line() -> None:
    with receiving(certificate=None) as app:
        handler = logging.handlers.SysLogHandler(
            ("127.0.0.1", int(app.address.rpartition(":")[2])), socktype=socket.SOCK_STREAM
        )
        handler.append_nul = False
        record = logging.makeLogRecord({"msg": "one\n", "levelno": logging.INFO, "levelname": "INFO"})
        handler.emit(record)
        handler.emit(record)
        handler.close()
        assert app.quiet()
        assert list(app.payloads()) == ["<14>one", "<14>one"]


def test_a_payload_that_is_too_long_becomes_two() -> None:
    with receiving(certificate=None, max_payload=100) as app:
        by_logger(app, "LEEF:1.0|A|B|1|logon|msg=" + "x" * 300)
        assert [len(payload) for payload in app.payloads()[:-1]] == [100] * (app.count() - 1)
        assert app.count() > 3


def test_it_wants_a_certificate_and_says_so_by_an_alert(tmp_path: Path) -> None:
    authority, other = new_authority(tmp_path), new_authority(tmp_path, "other")
    with receiving(certificate=authority.issued("receiver"), client_ca=authority.file) as app:
        port = int(app.address.rpartition(":")[2])
        for shown, alert in ((None, "CERTIFICATE_REQUIRED"), (other.issued("ours"), "UNKNOWN_CA")):
            context = ssl.create_default_context(cafile=str(authority.file))
            if shown is not None:
                context.load_cert_chain(shown)
            with (
                socket.create_connection(("127.0.0.1", port)) as raw,
                context.wrap_socket(raw, server_hostname="127.0.0.1") as spoken,
                pytest.raises(ssl.SSLError, match=alert),
            ):
                spoken.recv(1)


@pytest.mark.parametrize(
    ("do", "kept"), [("reset", 0), ("close", 0), ("commit-then-reset", 1), ("commit-then-close", 1)]
)
def test_a_fault_breaks_the_connection_before_or_after_the_payload_is_kept(do: Any, kept: int) -> None:
    with receiving(certificate=None) as app:
        app.faults.set([Rule(do=do, operation="message")])
        with socket.create_connection(("127.0.0.1", int(app.address.rpartition(":")[2]))) as client:
            client.sendall(HEAD.encode() + b"LEEF:1.0|A|B|1|x|a=b\n")
            try:
                assert client.recv(1) == b""
                ended = "close"
            except ConnectionResetError:
                ended = "reset"
        assert ended in do
        assert app.quiet()
        assert app.count() == kept


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("LEEF:2.0|V|P|1|e|x5E|a=1^b=x|y", ("leef", "e", {"a": "1", "b": "x|y"})),
        ("LEEF:2.0|V|P|1|e|^|a=1^b=2", ("leef", "e", {"a": "1", "b": "2"})),
        ("LEEF:2.0|V|P|1|e||a=1\tb=2=3", ("leef", "e", {"a": "1", "b": "2=3"})),
        ("LEEF:1.0|V|P|1|e|a=1\tb=2", ("leef", "e", {"a": "1", "b": "2"})),
        ("LEEF:1.0|V|P|1|e|a=1\ta=2", ("unparsed", "", {})),
        ("LEEF:1.0|V|P|1|e|two words=1", ("unparsed", "", {})),
        ("LEEF:1.0|V|P", ("unparsed", "", {})),
        (r"CEF:0|V|P|1|a\|b|n|3|x=a\=b y=c d", ("cef", "a|b", {"x": "a=b", "y": "c d"})),
        ("CEF:0|V|P|1|a", ("unparsed", "", {})),
        ("something else", ("unparsed", "", {})),
    ],
)
def test_payloads_are_read_as_the_formats_have_it(body: str, wanted: tuple[str, str, dict[str, str]]) -> None:
    event = read_event(HEAD + body)
    assert (event.form, event.event_id, event.values) == wanted


@pytest.mark.parametrize("head", ["<13>1 2019-01-18T11:07:53.520Z there ", "<13>Jan 18 11:07:53 there "])
def test_the_other_headers_that_leef_allows_are_read(head: str) -> None:
    assert read_event(head + "LEEF:1.0|V|P|1|e|a=1") == Event("leef", "there", "e", values={"a": "1"})


def test_an_audit_record_is_known_by_the_header_of_its_dsm_alone() -> None:
    record = 'k8s-audit: {"kind":"Event","verb":"get"}'
    assert read_event(f"<133>Jan 18 11:07:53 there {record}").form == "k8s-audit"
    assert read_event(f"{HEAD}{record}").form == "unparsed"


def fetched(url: str) -> str:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - an address of our own
        return str(answer.read().decode())


def asked(url: str, what: str) -> Any:
    return json.loads(fetched(f"{url}/_standin/{what}"))


def test_it_keeps_what_came_over_a_kill_and_shows_it(tmp_path: Path) -> None:
    database = tmp_path / "qradar.db"
    with standin("qradar", database) as one:
        port = int(asked(one.url, "address")["address"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HEAD.encode() + b"LEEF:1.0|A|B|1|<x>|a=b\n")
            until = time.monotonic() + 5
            while not asked(one.url, "payloads") and time.monotonic() < until:
                time.sleep(0.01)
        one.kill()
    app = qradar.new_app(str(database), options=Options())
    try:
        assert app.count() == 1
        with serve(app) as url:
            page = fetched(url)
        assert "LEEF:1.0|A|B|1|&lt;x&gt;|a=b" in page
        assert app.address in page
    finally:
        app.close()
