"""The receiver: a port of its own with threads of its own, TLS where it has a certificate, and its scripted faults.

Fault rules see two operations: `connect`, when a connection was accepted and before TLS is spoken, and `message`, when
a payload was read and before it is kept. `hang` stops reading for `seconds`, `reset` and `close` break the connection
off and drop what was read last; with `commit-then-` before it that is kept. Those of HTTP's own strike nothing.
"""

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.local.standins.faults import Faults, Rule
from shared.local.standins.qradar.framing import Framing, FramingError, Splitter

_CHUNK: Final = 4096
_LONGEST_HANG: Final = 600.0
_HANDSHAKE: Final = 10.0
_METHOD: Final = "SYSLOG"
_BREAKS: Final = frozenset({"reset", "close", "commit-then-reset", "commit-then-close"})


@dataclass(frozen=True, slots=True)
class Options:
    """How this receiver is set up: `max_payload` is in bytes, `receive_buffer` what the kernel holds unread.

    `certificate` is a PEM file with its key; without one it speaks plain TCP. With `client_ca` it wants a certificate
    of that authority from whoever connects. `newest` is the newest TLS that it speaks.
    """

    framing: Framing = "newline"
    max_payload: int = 4096
    certificate: Path | None = None
    client_ca: Path | None = None
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    receive_buffer: int = 0
    port: int = 0


class Receiver:
    """Listens from its making to `close`; `take` is called with each payload, in a thread of each connection's own.

    Threads, since asyncio's TLS breaks off a handshake without the alert that says why.
    """

    def __init__(self, options: Options, faults: Faults, take: Callable[[bytes], None]) -> None:
        self._options = options
        self._faults = faults
        self._take = take
        self._tls = _context(options)
        self._socket = socket.create_server(("127.0.0.1", options.port))
        if options.receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
        self.port = int(self._socket.getsockname()[1])
        self._open: dict[threading.Thread, socket.socket] = {}
        self._ended = threading.Event()
        self._accepted = threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._accepting = threading.Thread(target=self._accept, name="qradar stand-in", daemon=True)
        self._accepting.start()

    @property
    def address(self) -> str:
        """Return where it listens, as QRADAR_ADDRESS has it."""
        return f"{'tls' if self._tls else 'tcp'}://127.0.0.1:{self.port}"

    def quiet(self, seconds: float = 5.0) -> bool:
        """Wait until every connection has ended and all that came over it is kept; False where that takes longer."""
        until = time.monotonic() + seconds
        while self._busy() and time.monotonic() < until:
            time.sleep(0.002)
        return not self._busy()

    def close(self) -> None:
        """End all connections and threads."""
        self._ended.set()
        self._wake.close()
        self._accepting.join(10)
        for thread, connection in list(self._open.items()):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(10)

    def _accept(self) -> None:
        with self._woken, self._socket:
            while self._woken not in select.select([self._socket, self._woken], [], [])[0]:
                with self._accepted, contextlib.suppress(OSError):  # it may have gone again meanwhile
                    connection, peer = self._socket.accept()
                    thread = threading.Thread(target=self._serve, args=(connection, str(peer[0])), daemon=True)
                    self._open[thread] = connection
                    thread.start()

    def _busy(self) -> bool:
        """Return True while a connection lasts, or waits to be accepted."""
        with self._accepted:
            return bool(self._open or select.select([self._socket], [], [], 0)[0])

    def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            with contextlib.suppress(OSError, FramingError):  # ssl.SSLError is one: both must agree on whom to trust
                self._serve_one(connection, peer)
        finally:
            connection.close()
            del self._open[threading.current_thread()]

    def _serve_one(self, connection: socket.socket, peer: str) -> None:
        rule = self._struck(peer, "connect", b"")
        if rule is not None and rule.do in {"hang", "delay"}:
            self._wait(connection, rule)
        if rule is not None and rule.do in {*_BREAKS, "hang"}:
            _end(connection, rule)
            return
        connection.settimeout(_HANDSHAKE)
        spoken = connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)
        self._open[threading.current_thread()] = spoken  # wrapping has taken the socket over
        spoken.settimeout(None)
        splitter = Splitter(self._options.framing, self._options.max_payload)
        with spoken:
            while data := spoken.recv(_CHUNK):
                for payload in splitter.fed(data):
                    if not self._keep(payload, spoken):
                        return

    def _keep(self, payload: bytes, connection: socket.socket) -> bool:
        """Keep a payload unless a rule says otherwise; False where the connection is at its end."""
        rule = self._struck(payload[:200].decode("utf-8", "replace"), "message", payload)
        if rule is not None and rule.do in {"hang", "delay"}:
            self._wait(connection, rule)
        if rule is None or rule.do not in {"reset", "close"}:
            self._take(payload)
        if rule is None or rule.do not in _BREAKS:
            return True
        _end(connection, rule)
        return False

    def _struck(self, target: str, operation: str, body: bytes) -> Rule | None:
        entry = self._faults.log(_METHOD, target, operation, body)
        rule = self._faults.take(_METHOD, target, operation)
        entry.fault = "" if rule is None else rule.do
        return rule

    def _wait(self, connection: socket.socket, rule: Rule) -> None:
        """Read nothing for as long as the rule says, or until the client goes."""
        longest = rule.do == "hang" and rule.seconds <= Rule("hang").seconds
        until = time.monotonic() + (_LONGEST_HANG if longest else rule.seconds)
        waiting = select.poll()
        waiting.register(connection.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
        while time.monotonic() < until and not waiting.poll(10):
            if self._ended.is_set():
                return


def _end(connection: socket.socket, rule: Rule) -> None:
    """Close with RST or FIN, as the rule says; what lies unread makes RST of each FIN, as everywhere."""
    if "reset" in rule.do:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _context(options: Options) -> ssl.SSLContext | None:
    if options.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = options.newest
    context.load_cert_chain(options.certificate)
    if options.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context
