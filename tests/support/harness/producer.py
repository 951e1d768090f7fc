"""Who posts, and who knows what was accepted.

The producer posts each event by itself over a few connections. What is refused, or whose answer is lost, it posts again
with the same id until it is accepted, as an exporter does that keeps what it has. The oracle keeps the books.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.events import raw
from tests.support.harness.workload import Post

_ACCEPTED = 202
_ANSWER = 4.0  # seconds until an answer counts as lost
_PAUSE = 0.1


@dataclass(slots=True)
class Oracle:
    """The books: what was posted, what of it was accepted, and how often the producer had to come again.

    `since` says when each was posted for the first time, by the monotonic clock.
    """

    posted: set[str] = field(default_factory=set)
    since: dict[str, float] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    refused: int = 0
    unanswered: int = 0
    unexpected: list[str] = field(default_factory=list)

    @property
    def retries(self) -> int:
        """Return how often something was posted again."""
        return self.refused + self.unanswered


async def produce(port: int, posts: Sequence[Post], oracle: Oracle, *, connections: int = 8, rate: float = 0) -> None:
    """Post everything until it is accepted, `rate` a second at most (0: as fast as it goes)."""
    begun = asyncio.get_running_loop().time()
    queue = iter(enumerate(posts))
    await asyncio.gather(*(_work(port, queue, begun, oracle, rate) for _ in range(connections)))


async def _work(port: int, queue: Iterator[tuple[int, Post]], begun: float, oracle: Oracle, rate: float) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.closing(_Lane(port)) as lane:
        for number, post in queue:
            if rate:
                await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            await _deliver(lane, post, oracle)


async def _deliver(lane: "_Lane", post: Post, oracle: Oracle) -> None:
    oracle.posted.add(post.identity)
    oracle.since.setdefault(post.identity, time.monotonic())
    request = raw(dict(post.headers), post.body)
    while True:
        try:
            async with asyncio.timeout(_ANSWER):
                status = await lane.exchange(request)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            lane.close()
            oracle.unanswered += 1
        else:
            if status == _ACCEPTED:
                oracle.accepted.add(post.identity)
                return
            if status < 500:
                oracle.unexpected.append(f"{post.id} was answered with {status}")
                return
            oracle.refused += 1
        await asyncio.sleep(_PAUSE)


class _Lane:
    """One connection, made anew when it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: bytes) -> int:
        """Send one request and return the answer's status. Raises OSError, IncompleteReadError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if length:
            await reader.readexactly(int(length))
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
