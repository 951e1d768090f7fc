"""A relay before a server, on a port of its own, that goes silent without closing anything, or goes away."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Relay:
    """Forwards TCP connections. Its methods may be called from any thread; they return once they have taken effect."""

    def __init__(self, target: str, loop: asyncio.AbstractEventLoop) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._loop = loop
        self._server: asyncio.Server | None = None
        self._full: list[socket.socket] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._silent: set[int] = set()
        self._then: Callable[[], None] | None = None
        self.port = 0
        self.accepted = 0
        self.dropped = 0
        """How many silenced connections the client has closed since."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._do(self._listen())

    def refuse(self, *, after_next: bool = False) -> None:
        """Listen no more, so that connecting is refused; at once, or as soon as one more connection has come."""
        self._do(self._end(self._stop, after_next=after_next))

    def swallow(self, *, after_next: bool = False) -> None:
        """Answer no SYN any more, so that connecting neither works nor fails; at once, or after one more connection."""
        self._do(self._end(self._fill, after_next=after_next))

    def cut(self) -> None:
        """Close the connections that stand now."""
        self._do(self._cut())

    def silence(self) -> None:
        """Forward nothing on the connections that stand now, and close none of them: half-open, as by a power cut."""
        self._silent.update(range(self.accepted))

    def close(self) -> None:
        self.refuse()
        for one in self._full:
            one.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        for one in self._full:
            one.close()
        self._full = []
        self._then = None
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self, how: Callable[[], None], *, after_next: bool) -> None:
        self._then = how if after_next else None
        if not after_next:
            how()

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def _fill(self) -> None:
        self._stop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self._full = [listener]
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)  # noqa: FBT003 -- the library's own signature
            filler.connect_ex(("127.0.0.1", self.port))
            self._full.append(filler)

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.accepted
        self.accepted += 1
        self._writers.add(writer)
        if self._then is not None:
            self._then()
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        with contextlib.suppress(OSError):
            await asyncio.gather(self._up(reader, inner_writer, number), self._pump(inner_reader, writer, number))
        self._writers.discard(writer)
        for one in (writer, inner_writer):
            one.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        try:
            await self._pump(reader, writer, number)
        finally:
            self.dropped += number in self._silent

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while data := await reader.read(65_536):
            if number not in self._silent:
                writer.write(data)
                await writer.drain()
        if number not in self._silent:
            writer.close()


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Run a relay to the server at a URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Relay(target, loop)
    made.listen()
    try:
        yield made
    finally:
        made.close()
        stop: Callable[[], object] = loop.stop
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(stop)
        thread.join(10)
        loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
