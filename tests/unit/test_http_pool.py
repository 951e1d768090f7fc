"""The pool of connections: used again while they stand, bounded, and given back whatever becomes of a request."""

import asyncio

from shared.delivery.failure import Ambiguous
from shared.destinations.answer import Answer
from shared.destinations.http import Client, exchange, new_client
from tests.support.exchanges import OK, Found, request_of, server

TAKEN = OK + b'{"ok":true}'


class Counting:
    """A server that counts connections and requests; it answers `answers` requests of each connection."""

    def __init__(self, answers: int = 1000, wait: float = 0.0) -> None:
        self.connections = 0
        self.most = 0
        self._open = 0
        self._answers = answers
        self._wait = wait

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open += 1
        self.most = max(self.most, self._open)
        for _ in range(self._answers):
            if not await request_of(reader):
                break
            await asyncio.sleep(self._wait)
            writer.write(TAKEN)
            await writer.drain()
        self._open -= 1
        writer.close()


async def ask(client: Client, path: str = "/", seconds: float = 5.0) -> Found:
    return await exchange(client, client.build_request("POST", path, content=b"{}"), seconds=seconds)


def test_a_connection_is_used_again_and_no_more_are_made_than_are_needed_at_a_time() -> None:
    counting = Counting(wait=0.01)

    async def run() -> None:
        async with server(counting) as url, new_client(url, connections=4) as client:
            for _ in range(5):
                assert isinstance(await ask(client), Answer)
            assert counting.connections == 1
            found = await asyncio.gather(*(ask(client) for _ in range(20)))
            assert all(isinstance(one, Answer) for one in found)

    asyncio.run(run())
    assert counting.most == counting.connections == 4


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    counting = Counting(answers=1)

    async def run() -> None:
        async with server(counting) as url, new_client(url, connections=2) as client:
            for _ in range(4):
                assert isinstance(await ask(client), Answer)
                await asyncio.sleep(0.02)

    asyncio.run(run())
    assert counting.connections == 4


def test_a_head_too_large_to_leave_at_once_may_have_left_in_part() -> None:
    async def deaf(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async def run() -> Found:
        async with server(deaf) as url, new_client(url) as client:
            request = client.build_request("DELETE", "/", headers={"x-large": "x" * 32_000_000})
            return await exchange(client, request, seconds=0.5)

    assert asyncio.run(run()) == Ambiguous("no complete answer in time")


def test_a_request_that_was_given_up_leaves_its_place_to_others() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/slow" in await request_of(reader):
            await asyncio.sleep(30)
        writer.write(TAKEN)
        await writer.drain()

    async def run() -> None:
        async with server(hang) as url, new_client(url, connections=1) as client:
            for _ in range(3):
                assert isinstance(await ask(client, "/slow", 0.1), Ambiguous)
                assert isinstance(await ask(client), Answer)

    asyncio.run(run())
