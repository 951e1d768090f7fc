"""A client has as many connections as were asked for, and leads a path where it always did."""

import asyncio

from shared.delivery.failure import Temporary
from shared.destinations.answer import Answer
from shared.destinations.breaker import FAILURES
from shared.destinations.http import LATE, exchange, new_client
from shared.destinations.sending import CROWDED
from tests.support.exchanges import OK, request_of, server

_BODY = b"{}".ljust(11)  # as long as the head says


def test_all_connections_are_used_and_never_more() -> None:
    open_now = most = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            while True:
                await request_of(reader)
                await asyncio.sleep(0.05)
                writer.write(OK + _BODY)
        finally:
            open_now -= 1

    async def run() -> list[object]:
        async with server(slow) as url, new_client(url, connections=20) as client:
            requests = [client.build_request("POST", "/", content=b"{}") for _ in range(60)]
            return await asyncio.gather(*(exchange(client, request, seconds=5) for request in requests))

    found = asyncio.run(run())
    assert all(isinstance(one, Answer) and one.status == 200 for one in found)
    assert most == 20
    assert open_now == 0, "closing the client closes them all"


def test_a_path_that_is_known_leads_where_it_did_with_other_parameters_too() -> None:
    async def run() -> list[str]:
        async with new_client("http://127.0.0.1:1/base") as client:
            first = client.build_request("GET", "/table", params={"a": "1"})
            return [str(first.url)] + [
                str(client.build_request("GET", "/table", **parts).url)
                for parts in ({}, {}, {"params": {"b": "2"}}, {"params": {"c": "3"}})
            ]

    base = "http://127.0.0.1:1/base/table"
    assert asyncio.run(run()) == [f"{base}?a=1", base, base, f"{base}?b=2", f"{base}?c=3"]


def test_without_time_nothing_is_sent_nor_held_against_the_system() -> None:
    came: list[bytes] = []

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            came.append(await request_of(reader))
            writer.write(OK + _BODY)

    async def run() -> tuple[object, str]:
        async with server(answers) as url, new_client(url) as client:
            for seconds in (5.0, *[0.0, -1.0] * FAILURES):  # the first leaves a connection over which bytes could go
                found = await exchange(client, client.build_request("POST", "/", content=b"{}"), seconds=seconds)
            await asyncio.sleep(0.05)
            return found, client.breaker.state

    assert asyncio.run(run()) == (Temporary(LATE), "closed")
    assert len(came) == 1


def test_who_waits_in_vain_for_a_connection_of_ours_holds_that_against_no_system() -> None:
    async def run() -> tuple[object, list[object], str]:
        crowded = asyncio.Event()

        async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_of(reader)
            await crowded.wait()
            writer.write(OK + _BODY)

        async with server(busy) as url, new_client(url, connections=1) as client:
            first, *others = (client.build_request("POST", "/", content=b"{}") for _ in range(FAILURES + 1))
            slow = asyncio.create_task(exchange(client, first, seconds=20))
            await asyncio.sleep(0)
            found = await asyncio.gather(*(exchange(client, request, seconds=0.1) for request in others))
            crowded.set()
            return await slow, found, client.breaker.state

    answer, found, state = asyncio.run(run())
    assert isinstance(answer, Answer)
    assert found == [Temporary(CROWDED)] * FAILURES
    assert state == "closed"


def test_a_session_goes_on_by_its_cookie_and_a_path_that_is_known_is_asked_for_as_before() -> None:
    came: list[bytes] = []

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            came.append((await request_of(reader)).lower())
            session = b"set-cookie: session=s1; Path=/\r\n" if len(came) == 2 else b""
            writer.write(OK.replace(b"\r\n\r\n", b"\r\n" + session + b"\r\n") + _BODY)

    async def run() -> None:
        async with server(answers) as url, new_client(url) as client:
            for _ in range(4):
                named = {"Accept-Encoding": "identity"}
                headers = named if len(came) % 2 else [*named.items()]
                request = client.build_request("POST", "/x?y=1", content=b"{}", headers=headers)
                assert isinstance(await exchange(client, request, seconds=5), Answer)

    asyncio.run(run())
    first, second, third, fourth = came
    assert first == second
    assert first.startswith(b"post /x?y=1 http/1.1\r\n")
    assert (first.count(b"accept-encoding:"), first.count(b"user-agent: tidings"), first.count(b"host:")) == (1, 1, 1)
    assert b"cookie:" not in first
    assert b"\r\ncookie: session=s1\r\n" in third
    assert b"\r\ncookie: session=s1\r\n" in fourth
