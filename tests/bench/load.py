"""The load: HTTP/1.1 on a few connections, one request at a time on each, flat out or at a steady rate.

It shares the cores with what it measures, so it does as little as possible for each request: the bytes of requests are
made beforehand, and of an answer only the status and the length are read.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop

Request = Iterator[bytes]
Look = tuple[float, Callable[[], object]]
"""Something to look at every so many seconds while the load runs."""

_TURN = 0.001  # seconds between looks at what is due
_ANSWER = 60.0


@dataclass(slots=True)
class Load:
    """What came of it: answers by status, the seconds that it took, and (at a steady rate) when each was wanted.

    `waits` are seconds from the moment at which a request was due until its answer: a sender that falls behind because
    answers come late counts that, too. `due` are those moments by the wall clock, in the order of the requests.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return self.statuses.total() / self.seconds

    def only(self, *expected: int) -> "Load":
        """Return itself; a fast answer of the wrong kind is no result. Raises RuntimeError."""
        if not self.statuses.keys() <= set(expected):
            raise RuntimeError(f"answers were {dict(self.statuses)}, expected only {sorted(expected)}")
        return self


class _Lane(asyncio.Protocol):
    """One connection: sends a request, reads its answer, says so."""

    def __init__(self, answered: "Callable[[_Lane, int], None]", broken: "asyncio.Future[None]") -> None:
        self._answered = answered
        self._broken = broken
        self._rest = b""
        self.write: Callable[[bytes], None]
        self.close: Callable[[], None]

    def connection_made(self, transport: Any) -> None:
        self.write = transport.write
        self.close = transport.close

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        end = data.find(b"\r\n\r\n")
        place = data.find(b"ontent-", 0, end) if end > 0 else 0
        complete = end > 0
        if complete and place > 0:
            length = data[:end].lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            complete = len(data) >= end + 4 + int(length or 0)
        if not complete:
            self._rest = data
            return
        self._rest = b""
        self._answered(self, int(data[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if not self._broken.done():
            self._broken.set_exception(error or ConnectionResetError("the server closed a connection"))


def flat_out(
    port: int, requests: Request, *, connections: int, seconds: float = 0.0, looks: Sequence[Look] = ()
) -> Load:
    """Send one request after the other on each connection, for so long, or until there is none left."""
    return _run(_flat_out(port, requests, connections, seconds), looks)


def steady(  # noqa: PLR0913 -- what a load is
    port: int, requests: Request, *, rate: float, connections: int, seconds: float, looks: Sequence[Look] = ()
) -> Load:
    """Send so many requests a second; what finds every connection busy waits its turn, and that counts.

    What has not been answered a minute after the last request was due counts as never sent.
    """
    return _run(_steady(port, requests, rate, connections, seconds), looks)


def _run(load: Coroutine[Any, Any, Load], looks: Sequence[Look]) -> Load:
    async def run() -> Load:
        watching = [asyncio.create_task(_look(*look)) for look in looks]
        try:
            return await load
        finally:
            for task in watching:
                task.cancel()
            for ended in await asyncio.gather(*watching, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


async def _look(every: float, look: Callable[[], object]) -> None:
    while True:
        look()
        await asyncio.sleep(every)


async def _connect(
    port: int, connections: int, answered: Callable[[_Lane, int], None], broken: "asyncio.Future[None]"
) -> list[_Lane]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Lane(answered, broken), "127.0.0.1", port) for _ in range(connections)
    ]
    return [lane for _, lane in made]


async def _flat_out(port: int, requests: Request, connections: int, seconds: float) -> Load:
    load = Load()
    broken = asyncio.get_running_loop().create_future()
    statuses, clock = load.statuses, time.perf_counter
    end = clock() + seconds if seconds else float("inf")
    busy = connections

    def answered(lane: _Lane, status: int) -> None:
        nonlocal busy
        statuses[status] += 1
        request = next(requests, None) if clock() < end else None
        if request is not None:
            lane.write(request)
            return
        busy -= 1
        if not busy and not broken.done():
            broken.set_result(None)

    lanes = await _connect(port, connections, answered, broken)
    begun = clock()
    end = begun + seconds if seconds else end
    for lane in lanes:
        request = next(requests, None)
        if request is None:
            busy -= 1
        else:
            lane.write(request)
    await broken
    load.seconds = clock() - begun
    for lane in lanes:
        lane.close()
    return load


async def _steady(port: int, requests: Request, rate: float, connections: int, seconds: float) -> Load:
    load = Load()
    broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    statuses, waits, clock = load.statuses, load.waits, time.perf_counter
    waiting: deque[float] = deque()
    since: dict[_Lane, float] = {}

    def send(lane: _Lane, due: float) -> None:
        since[lane] = due
        lane.write(next(requests))

    def answered(lane: _Lane, status: int) -> None:
        statuses[status] += 1
        waits.append(clock() - since.pop(lane))
        if waiting:
            send(lane, waiting.popleft())
        else:
            idle.append(lane)

    idle = lanes = await _connect(port, connections, answered, broken)
    lanes = list(lanes)
    begun = clock()
    offset = time.time() - begun
    total = int(rate * seconds)
    number = 0
    while number < total or ((since or waiting) and clock() < begun + seconds + _ANSWER):
        wanted = min(total, int((clock() - begun) * rate) + 1)
        for place in range(number, wanted):
            due = begun + place / rate
            load.due.append(due + offset)
            if idle:
                send(idle.pop(), due)
            else:
                waiting.append(due)
        number = wanted
        if broken.done():
            break
        await asyncio.sleep(_TURN)
    load.seconds = clock() - begun
    if broken.done():
        broken.result()
    else:
        broken.cancel()
    for lane in lanes:
        lane.close()
    return load
