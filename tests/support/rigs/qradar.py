"""qradar_forwarder against its stand-in: a receiver of syslog, which answers nothing, and one of HTTP, which does."""

import atexit
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from shared.local.standins import qradar
from shared.local.standins.faults import Rule
from tests.support.rigs.place import App
from tests.support.servers import new_certificate


@cache
def own_certificate() -> Path:
    """Return a certificate of 127.0.0.1 for all tests of this run."""
    folder = Path(mkdtemp())
    atexit.register(rmtree, folder)
    return new_certificate(folder)


class Lines:
    """Lines of syslog over TLS: without it a receiver that says nothing at all takes lines like any other."""

    function = "qradar_forwarder"
    answers, refuses_copies = False, False
    writes, calls = "message", "connect"
    url, secret, ca = "QRADAR_ADDRESS", "", "QRADAR_CA_FILE"
    hurried = {"QRADAR_TIMEOUT": "0.5"}  # noqa: RUF012 - read only
    outages = (Rule(do="reset", operation="connect", count=4), Rule(do="close", operation="connect", count=4))
    silences = (
        Rule(do="hang", operation="connect", seconds=10),
        Rule(do="reset", operation="connect"),
        Rule(do="close", operation="connect"),
    )

    def opened(self) -> App:
        return qradar.new_app()  # to look at; `served` is what is sent to

    @contextmanager
    def served(self, certificate: Path | None, newest: ssl.TLSVersion) -> Iterator[tuple[Any, str]]:
        app = qradar.new_app(options=qradar.Options(certificate=certificate or own_certificate(), newest=newest))
        try:
            yield app, app.address
        finally:
            app.close()

    def nowhere(self, port: int) -> tuple[str, str]:
        return f"tcp://127.0.0.1:{port}", "tls://no-such-host.invalid:6514"

    def settings(self, url: str) -> dict[str, str]:
        return {"QRADAR_ADDRESS": url, "QRADAR_CA_FILE": str(own_certificate())}

    def records(self, app: Any) -> list[str]:
        assert app.quiet(), "a connection is still open"
        return list(app.identities())


class HttpReceiver:
    """The other way in: an HTTP Receiver."""

    function = "qradar_forwarder"
    url, ca = "QRADAR_ADDRESS", "QRADAR_CA_FILE"

    def opened(self) -> App:
        return qradar.new_app()

    def settings(self, url: str) -> dict[str, str]:
        return {"QRADAR_ADDRESS": url}
