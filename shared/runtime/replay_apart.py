"""A destination's function in a process of its own: a replay reads on one core, and hands over on another."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

from shared.events.cloudevent import CloudEvent
from shared.events.codec import to_json
from shared.events.line_cutter import LineCutter
from shared.events.outcome import Outcome, Retry
from shared.runtime.replay import Hand
from shared.runtime.replay_target import is_shared
from shared.runtime.replay_wire import LEFT, STOP, answers_of, problems_of
from shared.settings.environment import SettingsError

GONE: Final = Retry("the process that hands events over has ended")
TIMES: Final = 3
"""Of what a destination is handed at a time so much may be on its way there: neither process waits for the other."""
_END_SECONDS: Final = 30.0  # above a request's deadline: nothing is under way any more when it is told to end


class Worker(NamedTuple):
    """The process, and our end of the socket between it and us."""

    process: "subprocess.Popen[bytes]"
    socket: socket.socket


@contextmanager
def begun(target: str, environ: Mapping[str, str]) -> Iterator[Worker | None]:
    """Start the process, to be ready when `handed` asks for it, and end it; None where it would gain nothing.

    That is where there is one core, and for targets that are waited for most of the time.
    """
    if not is_shared(target) or _cores() == 1:
        yield None
        return
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            arguments = ("-P", "-m", "shared.runtime.replay_worker", target, str(theirs.fileno()))
            process = subprocess.Popen(  # noqa: S603 - this very interpreter, with modules from where ours are from
                (sys.executable, *arguments),
                env={**environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for us: what is under way has to end
            )
        try:
            ours.setblocking(False)  # noqa: FBT003 - the name of what it takes is its own
            yield Worker(process, ours)
        finally:
            ours.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@asynccontextmanager
async def handed(worker: Worker, stop: asyncio.Event, lost: Callable[[], None]) -> AsyncIterator[Hand]:
    """Give what has it hand events over; `lost` is told where it ends before it should. Raises SettingsError.

    Once `stop` is set, what has not begun is answered at once: an end takes no longer than with one process.
    """
    transport, connection = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(lost), sock=worker.socket
    )
    try:
        problems = await connection.started
        if problems:
            raise SettingsError(problems)
        stopping = asyncio.create_task(connection.stop_at(stop))
        try:
            yield connection.hand
        finally:
            stopping.cancel()
    finally:
        connection.lost = _expected
        transport.close()
        await connection.ended.wait()


class _Connection(asyncio.Protocol):
    """Sends events, those of one turn of the loop together, and gives each its answer."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self.lost = lost
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.started: asyncio.Future[list[str]] = self._loop.create_future()
        self._lines = LineCutter()
        self._sent = 0
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._events: list[bytes] = []
        self._stopped = False
        self._write: Any = None

    def connection_made(self, transport: Any) -> None:
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if not self.started.done():
                self.started.set_result(problems_of(line))
                continue
            for number, outcome in answers_of(line):
                _answer(self._waiting.pop(number), outcome)

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended.set()
        if not self.started.done():
            self.started.set_result([])  # `lost` is told, and each event is answered so
        for answer in self._waiting.values():
            _answer(answer, GONE)
        self._waiting.clear()
        self.lost()

    async def hand(self, event: CloudEvent) -> Outcome:
        """Hand one event over. At most as many are under way as the replay lets be, so none has to wait here."""
        if self.ended.is_set():
            return GONE
        if self._stopped:
            return LEFT
        line = to_json(event)
        answer: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting[self._sent] = answer
        self._sent += 1
        if not self._events:
            self._loop.call_soon(self._send)
        self._events.append(line)
        return await answer

    async def stop_at(self, stop: asyncio.Event) -> None:
        """Have what has not begun by then given back."""
        await stop.wait()
        self._stopped = True
        self._events.append(STOP)
        self._send()

    def _send(self) -> None:
        events, self._events = self._events, []
        if not self.ended.is_set():
            self._write(b"\n".join((*events, b"")))


def _answer(answer: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    if not answer.done():  # else whoever waited was cancelled
        answer.set_result(outcome)


def _expected() -> None:
    """Make nothing of an end that we have asked for."""


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
