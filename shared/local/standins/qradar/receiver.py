"""The receiver: a port of its own in a thread of its own, TLS where it has a certificate, and its scripted faults.

Fault rules see two operations: `connect`, when a connection was accepted and before TLS is spoken, and `message`, when
a payload was read and before it is kept. `hang` stops reading for `seconds`, `reset` and `close` break the connection
off and drop what was read last; with `commit-then-` before it that is kept. Those of HTTP's own strike nothing.
"""

import asyncio
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
    of that authority from whoever connects.
    """

    framing: Framing = "newline"
    max_payload: int = 4096
    certificate: Path | None = None
    client_ca: Path | None = None
    receive_buffer: int = 0
    port: int = 0


class Receiver:
    """Listens from its making to `close`; `take` is called in its thread with each payload."""

    def __init__(self, options: Options, faults: Faults, take: Callable[[bytes], None]) -> None:
        self._options = options
        self._faults = faults
        self._take = take
        self._tls = _context(options)
        self._socket = socket.create_server(("127.0.0.1", options.port))
        if options.receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
        self._socket.setblocking(False)  # noqa: FBT003 - the standard library's
        self.port = int(self._socket.getsockname()[1])
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="qradar stand-in", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return where it listens, as QRADAR_ADDRESS has it."""
        return f"{'tls' if self._tls else 'tcp'}://127.0.0.1:{self.port}"

    def quiet(self, seconds: float = 2.0) -> bool:
        """Wait until every connection has ended and all that came over it is kept; False where that takes longer."""
        until = time.monotonic() + seconds
        while self._open and time.monotonic() < until:
            time.sleep(0.002)
        return not self._open

    def close(self) -> None:
        """End all connections and the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(10)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        accepting = asyncio.create_task(self._accept())
        await self._ended.wait()
        tasks = [accepting, *self._open]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            connection, peer = await self._loop.sock_accept(self._socket)
            task = self._loop.create_task(self._serve_one(connection, str(peer[0])))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _serve_one(self, connection: socket.socket, peer: str) -> None:
        entry = self._faults.log(_METHOD, peer, "connect", b"")
        rule = self._faults.take(_METHOD, peer, "connect")
        if rule is not None:
            entry.fault = rule.do
        if rule is not None and rule.do in _BREAKS:
            _close(connection, reset="reset" in rule.do)
            return
        if rule is not None and rule.do in {"hang", "delay"}:
            await _wait(connection, rule)
            if rule.do == "hang":
                connection.close()
                return
        reader = asyncio.StreamReader(limit=_CHUNK)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._tls, ssl_handshake_timeout=_HANDSHAKE if self._tls else None
            )
        except OSError:  # ssl.SSLError is one: the client has another idea of whom to trust
            connection.close()
            return
        try:
            await self._read(reader, transport)
        finally:
            transport.abort()
            await asyncio.sleep(0)

    async def _read(self, reader: asyncio.StreamReader, transport: asyncio.Transport) -> None:
        splitter = Splitter(self._options.framing, self._options.max_payload)
        with contextlib.suppress(OSError, FramingError):
            while data := await reader.read(_CHUNK):
                for payload in splitter.fed(data):
                    if not await self._keep(payload, transport):
                        return

    async def _keep(self, payload: bytes, transport: asyncio.Transport) -> bool:
        """Keep a payload unless a rule says otherwise; False where the connection is at its end."""
        target = payload[:200].decode("utf-8", "replace")
        entry = self._faults.log(_METHOD, target, "message", payload)
        rule = self._faults.take(_METHOD, target, "message")
        if rule is not None:
            entry.fault = rule.do
        if rule is not None and rule.do in {"hang", "delay"}:
            await _wait(transport.get_extra_info("socket"), rule)
        if rule is None or rule.do not in {"reset", "close"}:
            self._take(payload)
            entry.status = 1
        if rule is None or rule.do not in _BREAKS:
            return True
        if "reset" in rule.do:
            _linger(transport.get_extra_info("socket"))
            transport.abort()
        else:
            transport.close()
            await asyncio.sleep(0.01)
        return False


async def _wait(connection: socket.socket, rule: Rule) -> None:
    """Read nothing for as long as the rule says, or until the client goes."""
    longest = rule.do == "hang" and rule.seconds <= Rule("hang").seconds
    until = time.monotonic() + (_LONGEST_HANG if longest else rule.seconds)
    waiting = select.poll()
    waiting.register(connection.fileno(), getattr(select, "POLLRDHUP", select.POLLHUP))
    while time.monotonic() < until and not waiting.poll(0):  # noqa: ASYNC110 - the kernel alone knows
        await asyncio.sleep(0.01)


def _context(options: Options) -> ssl.SSLContext | None:
    if options.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate)
    if options.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


def _close(connection: socket.socket, *, reset: bool) -> None:
    if reset:
        _linger(connection)
    connection.close()


def _linger(connection: socket.socket) -> None:
    """Let the connection's end be RST, not FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
