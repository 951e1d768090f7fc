"""A sender that sends again what was not taken, as a broker does."""

import asyncio
import time
from collections.abc import Iterator

_AGAIN = 1.0  # seconds
_AT_ONCE = 50  # as many as one consumer of a Trigger has in flight
_LONGEST = 120.0
_TAKEN = b"204"


def delivered(port: int, requests: Iterator[bytes], *, rate: float, count: int) -> float:
    """Send so many, so many a second, each until it is taken; return the seconds it took. Raises TimeoutError."""
    begun = time.monotonic()
    asyncio.run(asyncio.wait_for(_all(port, requests, rate, count), count / rate + _LONGEST))
    return time.monotonic() - begun


async def _all(port: int, requests: Iterator[bytes], rate: float, count: int) -> None:
    loop = asyncio.get_running_loop()
    begun, free = loop.time(), asyncio.Semaphore(_AT_ONCE)
    async with asyncio.TaskGroup() as senders:
        for number in range(count):
            await asyncio.sleep(begun + number / rate - loop.time())
            senders.create_task(_until_taken(port, next(requests), free))


async def _until_taken(port: int, request: bytes, free: asyncio.Semaphore) -> None:
    while True:
        async with free:
            status = await _status(port, request)
        if status == _TAKEN:
            return
        await asyncio.sleep(_AGAIN)


async def _status(port: int, request: bytes) -> bytes:
    """Send one request on a connection of its own and return its answer's status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return (await reader.readline())[9:12]
    finally:
        writer.close()
