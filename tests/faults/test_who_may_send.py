"""Strangers, and known senders that send what is not theirs: at a function's own port, and at the embedded system's."""

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from shared.events.cloudevent import CloudEvent
from shared.events.codec import encode_structured
from tests.support.at_once import AT_ONCE
from tests.support.functions import Served, environment, serving
from tests.support.host_requests import EVENT
from tests.support.senders import Authority
from tests.support.sending import BODY, HEADERS
from tests.support.servers import ROOT

FALCO, WATCH = "falco-0123456789abcdef", "watch-0123456789abcdef"
SOURCE = HEADERS["ce-source"]
SETTINGS = {
    "AUTH": "token",
    "AUTH_TOKEN": f"falco:{FALCO}\nwatch:{WATCH}",
    "AUTH_ALLOW": f"falco source=falco.org/* type=falco.rule.output.v1; watch source={SOURCE} type=dev.knative.*",
}
REFUSED = b'{"error":"not authenticated"}\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving("classifier", tmp_path_factory.mktemp("auth") / "log", SETTINGS) as process:
        yield process


def bearer(token: str) -> dict[str, str]:
    return {**HEADERS, "authorization": f"Bearer {token}"}


def failures(served: Served, reason: str) -> int:
    for line in served.request("GET", "/metrics")[2].decode().splitlines():
        if line.startswith("tidings_auth_failures_total{") and f'reason="{reason}"' in line:
            assert 'function="classifier"' in line
            return int(float(line.rsplit(" ", 1)[1]))
    return 0


def memory(served: Served) -> int:
    """Return what the process holds, in KiB."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_f49_a_stranger_is_refused_and_counted(served: Served) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    before = failures(served, "missing"), failures(served, "wrong")
    status, headers, body = served.request("POST", "/", HEADERS, BODY)
    assert (status, body) == (401, REFUSED)
    assert (headers["connection"], headers["www-authenticate"]) == ("close", "Bearer")
    assert served.request("POST", "/", bearer("guessed-0123456789ab"), BODY)[::2] == (401, REFUSED)
    assert (failures(served, "missing"), failures(served, "wrong")) == (before[0] + 1, before[1] + 1)
    assert served.request("POST", "/", bearer(WATCH), BODY)[0] == 200


def connected(served: Served, *lines: str) -> socket.socket:
    place = urlsplit(served.url)
    connection = socket.create_connection((place.hostname or "", place.port or 0), timeout=10)
    connection.sendall("\r\n".join(("POST / HTTP/1.1", "host: x", *lines, "", "")).encode())
    return connection


def everything(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            received += chunk
    return received


@pytest.mark.parametrize("length", ["content-length: 900000000", "transfer-encoding: chunked"])
def test_f49_of_a_strangers_endless_body_no_more_is_read_than_of_anybodys(served: Served, length: str) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    before, begun = memory(served), time.monotonic()
    sent = 0
    with connected(served, length) as connection, contextlib.suppress(ConnectionError):
        while time.monotonic() - begun < 30:
            chunk = b"x" * 65536
            connection.sendall(chunk if "length" in length else b"10000\r\n" + chunk + b"\r\n")
            sent += len(chunk)
    assert time.monotonic() - begun < 30, "the connection was closed"
    assert sent < 24 << 20, "1 MiB was read, the rest stood in the buffers of two sockets"
    assert memory(served) - before < 16 * 1024


def test_f49_a_stranger_who_asks_whether_to_go_on_is_not_told_to(served: Served) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    with connected(served, "content-length: 5", "expect: 100-continue") as connection:
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in answer


def test_f49_strangers_who_send_nothing_keep_nobody_out(served: Served) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(served, "content-length: 1000")) for _ in range(400)]
        assert served.request("POST", "/", bearer(WATCH), BODY)[0] == 200, "more strangers than requests at once"
        assert all(everything(connection).startswith(b"HTTP/1.1 401 ") for connection in idle)


def test_f49_guesses_lock_nobody_out(served: Served) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    with ThreadPoolExecutor(8) as pool:
        guesses = pool.map(lambda number: served.request("POST", "/", bearer(f"{number:020}"), BODY)[0], range(400))
        assert set(guesses) == {401}
    assert served.request("POST", "/", bearer(WATCH), BODY)[0] == 200


def test_f51_a_known_sender_may_not_speak_for_another(served: Served) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    before = failures(served, "source")
    assert served.request("POST", "/", bearer(WATCH), BODY)[0] == 200
    for changes in ({"ce-source": "https://10.0.0.2:443"}, {"ce-type": "dev.tidings.observed.v1"}):
        status, _, body = served.request("POST", "/", {**bearer(WATCH), **changes}, BODY)
        assert (status, body) == (403, b'{"error":"not allowed"}\n')
    assert served.request("POST", "/", bearer(FALCO), BODY)[0] == 403
    assert failures(served, "source") == before + 3


def test_f51_a_source_inside_the_body_counts_as_well(served: Served) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    for source, expected in ((SOURCE, 200), ("https://10.0.0.2:443", 403)):
        event = CloudEvent("1", source, HEADERS["ce-type"], data=EVENT)
        headers, body = encode_structured(event)
        authorized = {**dict(headers), "authorization": f"Bearer {WATCH}", "ce-source": SOURCE}
        assert served.request("POST", "/", authorized, body)[0] == expected


@contextmanager
def up(folder: Path, *arguments: str, listen: str = "127.0.0.1:0", **settings: str) -> Iterator[str]:
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", listen, "--data", "state", "-o", "jsonl"]
    command += ["--knative", str(ROOT / "knative"), "--feed", "none", *arguments]
    environ = {**environment(settings), **AT_ONCE, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["address"]
        finally:
            process.terminate()
            process.wait(20)


def ask(
    url: str, headers: dict[str, str] | None = None, body: bytes | None = None, tls: ssl.SSLContext | None = None
) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, headers or {})  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=10, context=tls) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def delivered(url: str, headers: dict[str, str], tls: ssl.SSLContext | None = None) -> dict[str, Any]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        items = ask(f"{url}/api/v1/deliveries", headers, tls=tls)[1]["items"]
        if items:
            return dict(items[0])
        time.sleep(0.05)
    pytest.fail("nothing was delivered")


def test_f49_the_embedded_system_asks_at_each_of_its_doors(tmp_path: Path) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    basic = {"authorization": "Basic YWRtaW46MDEyMzQ1Njc4OWFiY2RlZg=="}
    settings = {**SETTINGS, "AUTH_API": "basic", "AUTH_BASIC": "admin:0123456789abcdef"}
    settings["AUTH_ALLOW"] += "; admin"
    listen = "0.0.0.0:0"
    with up(tmp_path, listen=listen, **settings) as url:
        for path in ("/", "/functions/classifier", "/stand-ins/splunk/services/collector/event", "/webhook"):
            assert ask(url + path, HEADERS, BODY) == (401, REFUSED), path
        for path in ("/", "/api/v1/episodes", "/openapi.json", "/stand-ins/servicenow/", "/functions/classifier/"):
            assert ask(url + path)[0] == 401, path
        assert ask(f"{url}/health")[0] == ask(f"{url}/ready")[0] == 200
        assert ask(f"{url}/", bearer(WATCH), BODY)[0] == 202
        assert ask(f"{url}/functions/classifier", bearer(WATCH), BODY)[0] == 200
        assert delivered(url, basic)["number"].startswith("INC"), "the stand-ins are reached from inside"


def test_f51_the_embedded_system_holds_a_sender_to_its_sources(tmp_path: Path) -> None:
    """F51: spoofed `ce-source`/`ce-type` from allowed sender: source allow-list per trigger; EventPolicy documented."""
    with up(tmp_path, **SETTINGS) as url:
        assert ask(f"{url}/", bearer(FALCO), BODY)[0] == 403
        assert ask(f"{url}/functions/classifier", bearer(FALCO), BODY)[0] == 403
        allowed = json.loads(encode_structured(CloudEvent("1", SOURCE, HEADERS["ce-type"], data=EVENT))[1])
        batch = json.dumps([allowed, {**allowed, "source": "https://10.0.0.2:443"}]).encode()
        kind = {"content-type": "application/cloudevents-batch+json", "authorization": f"Bearer {WATCH}"}
        assert ask(f"{url}/", kind, batch)[0] == 403, "all of a batch or nothing"
        assert ask(f"{url}/", kind, json.dumps([allowed]).encode())[0] == 202
        assert ask(f"{url}/api/v1/events", {"authorization": f"Bearer {WATCH}"})[0] == 200


def test_f49_a_functions_mount_is_no_second_way_to_a_producers_path(tmp_path: Path) -> None:
    """F49: unauthenticated POST straight to ksvc: 401/403; counted; no body read beyond limit."""
    own = {"AUTH": "token", "AUTH_TOKEN": WATCH, "AUTH_AUDIT": "mtls", "AUTH_PROXIES": "127.0.0.0/8"}
    body = json.dumps(EVENT).encode()
    with up(tmp_path, **own) as url:
        assert ask(f"{url}/audit", bearer(WATCH), body)[0] == 401
        for path in ("audit", "/audit", "audit/", "audit/x", "./audit"):
            assert ask(f"{url}/functions/intake/{path}", bearer(WATCH), body)[0] == 405, path
        assert ask(f"{url}/functions/intake/health", bearer(WATCH))[0] == 200
        assert ask(f"{url}/functions/intake", bearer(WATCH), BODY)[0] == 202, "what a Broker would send"
        assert ask(f"{url}/functions/classifier", bearer(WATCH), BODY)[0] == 200


def test_no_web_page_reaches_a_system_that_asks_nobody(tmp_path: Path) -> None:
    body = json.dumps(EVENT).encode()
    text = {"content-type": "text/plain"}
    with up(tmp_path) as url:
        place = urlsplit(url).netloc
        port = place.rpartition(":")[2]
        own = [{}, {"host": f"localhost:{port}"}, {"host": f"[::1]:{port}"}, {"origin": url}]
        for headers in own:
            assert ask(f"{url}/events", {**text, **headers}, body)[0] == 202, headers
            assert ask(f"{url}/api/v1/episodes", headers)[0] == 200, headers
        foreign = [
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": f"http://localhost:{port}"},
            {"origin": f"http://evil.example/?://{place}"},
            {"host": f"evil.example:{port}"},
            {"host": f"evil.example:{port}", "origin": f"http://evil.example:{port}"},
            {"host": f"127.0.0.1.evil.example:{port}"},
            {"host": f"127.0.0.1@evil.example:{port}"},
            {"host": "localhost.evil.example"},
        ]
        for headers in foreign:
            for path, data in (("/events", body), ("/", BODY), ("/api/v1/episodes", None), ("/health", None)):
                status, text_of = ask(f"{url}{path}", {**(HEADERS if path == "/" else text), **headers}, data)
                assert (status, b"another site" in text_of) == (403, True), (headers, path)


def test_where_the_network_decides_a_system_goes_by_any_name(tmp_path: Path) -> None:
    with up(tmp_path, AUTH="none") as url:
        assert ask(f"{url}/", {**HEADERS, "host": "tidings.shop.svc"}, BODY)[0] == 202


def test_the_embedded_system_speaks_tls_and_knows_senders_by_their_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = authority.for_loopback()
    falco = ssl.create_default_context(cafile=authority.file)
    falco.load_cert_chain(authority.issue("falco", x509.DNSName("falco.example")))
    nobody = ssl.create_default_context(cafile=authority.file)
    flags = ["--tls-cert", str(server), "--client-ca", str(authority.file)]
    with up(tmp_path, *flags, AUTH="mtls") as url:
        assert url.startswith("https://")
        assert ask(f"{url}/", HEADERS, BODY, nobody)[0] == 401
        assert ask(f"{url}/", HEADERS, BODY, falco)[0] == 202
        assert delivered(url, {}, falco)["number"].startswith("INC")


def test_wrong_settings_of_who_may_send_end_the_embedded_system_with_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "shared.cli", "up", "--listen", "127.0.0.1:0", "--knative", str(ROOT / "knative")]
    environ = {**environment({"AUTH": "token", "TLS_KEY_FILE": "x"}), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 1
    assert "token needs AUTH_TOKEN" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == [], "nothing was begun"
