"""The process in which a replay has its events handed over: one function at work, and a socket to the replay.

    python -P -m shared.runtime.replay_worker TARGET DESCRIPTOR

It ends once the other end of the socket is closed, whatever closed it, and what is under way has ended.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import deque
from typing import Any

from shared.events.codec import from_json
from shared.events.line_cutter import LineCutter
from shared.events.outcome import Outcome
from shared.runtime.replay import Hand
from shared.runtime.replay_target import alone, at_once
from shared.runtime.replay_wire import LEFT, STOP, Answer, answers_line, start_line
from shared.settings.environment import SettingsError
from shared.settings.host import log_level
from shared.start import loading
from shared.start.loop import new_event_loop
from shared.telemetry import logs

_log = logging.getLogger("tidings.replay")


class _Connection(asyncio.Protocol):
    """Takes events, hands over `most` at a time, and answers each; those that end in one turn of the loop together."""

    def __init__(self, hand: Hand, most: int) -> None:
        self.ended = asyncio.Event()
        self._hand = hand
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._lines = LineCutter()
        self._next = 0
        self._ready: deque[bytes] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(start_line())

    def data_received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            if line == STOP:
                self._give_back()
            else:
                self._ready.append(line)
        self._begin()

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended.set()

    async def finish(self) -> None:
        """Work until the other end is closed, and what is under way has ended."""
        await self.ended.wait()
        self._ready.clear()  # nobody hears what became of it: it is the next run's
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self) -> None:
        while self._ready and len(self._tasks) < self._most:
            task = self._loop.create_task(self._one(self._next, self._ready.popleft()))
            self._next += 1
            self._tasks.add(task)
            task.add_done_callback(self._end)

    def _give_back(self) -> None:
        for _ in self._ready:
            self._done(self._next, LEFT)
            self._next += 1
        self._ready.clear()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if (error := task.exception()) is not None:
            self._failed(error)
        elif not self.ended.is_set():
            self._begin()

    def _failed(self, error: BaseException) -> None:
        """End for a mistake of ours: nobody shall wait for an answer that cannot come."""
        _log.error("an event could not be handed over", exc_info=error)
        self.ended.set()
        self._transport.abort()

    async def _one(self, number: int, line: bytes) -> None:
        self._done(number, await self._hand(from_json(line)))

    def _done(self, number: int, outcome: Outcome) -> None:
        if not self._answers:
            self._loop.call_soon(self._answer)
        self._answers.append((number, outcome))

    def _answer(self) -> None:
        answers, self._answers = self._answers, []
        if self.ended.is_set():
            return
        try:
            self._transport.write(answers_line(answers))
        except (TypeError, ValueError) as error:  # a text that JSON cannot have
            self._failed(error)


async def _work(target: str, other: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with alone(target, os.environ) as hand:
            loading.end()
            _, connection = await loop.create_connection(lambda: _Connection(hand, at_once(target)), sock=other)
            await connection.finish()
    except SettingsError as error:
        with contextlib.suppress(ConnectionError):  # the replay has ended meanwhile, and has said why
            await loop.sock_sendall(other, start_line(error.problems))
    except Exception:  # noqa: BLE001 - what the interpreter would print, no net of redaction has seen
        _log.exception("the process that hands events over has failed")


def main(target: str, descriptor: int) -> None:
    """Work until the replay has ended, which alone is told to: a signal to all of a service or group is no end yet."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.setup(log_level(os.environ, "warning"))
    logging.getLogger("tidings.settings").setLevel(logging.ERROR)  # the command has said what is unknown
    with socket.socket(fileno=descriptor) as other, asyncio.Runner(loop_factory=new_event_loop) as runner:
        other.setblocking(False)  # noqa: FBT003 - the name of what it takes is its own
        runner.run(_work(target, other))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
