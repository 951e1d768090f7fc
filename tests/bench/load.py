"""A small load generator: HTTP/1.1 over a few connections, one request at a time on each."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.events import Post


@dataclass(slots=True)
class Load:
    """What came of it: requests answered by status, and seconds from the first to the last answer."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Return answers a second."""
        return self.statuses.total() / self.seconds


def send(port: int, posts: Sequence[Post], *, connections: int = 8, seconds: float = 0.0) -> Load:
    """POST to `/`: each once, or where `seconds` is given over and over for so long."""
    raw = [_raw(headers, body) for headers, body in posts]
    return asyncio.run(_send(port, raw, connections, seconds))


async def _send(port: int, raw: list[bytes], connections: int, seconds: float) -> Load:
    load = Load()
    begun = time.perf_counter()
    end = begun + seconds if seconds else None
    queue = _endless(raw) if seconds else iter(raw)
    await asyncio.gather(*(_connection(port, queue, end, load.statuses) for _ in range(connections)))
    load.seconds = time.perf_counter() - begun
    return load


async def _connection(port: int, queue: Iterator[bytes], end: float | None, statuses: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in queue:
        if end is not None and time.perf_counter() >= end:
            break
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if length:
            await reader.readexactly(int(length))
        statuses[int(head[9:12])] += 1
    writer.close()
    await writer.wait_closed()


def _endless(raw: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from raw


def _raw(headers: dict[str, str], body: bytes) -> bytes:
    lines = ["POST / HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
