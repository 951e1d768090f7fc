"""A foreign system that does not answer is told once, and once when it answers again."""

import asyncio
import logging

import pytest

from shared.delivery.failure import Temporary
from shared.destinations.answer import Answer
from shared.destinations.http import exchange, new_client
from shared.destinations.standing import Standing
from tests.support.exchanges import OK, answering, server


def test_a_system_that_goes_away_and_comes_back_is_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    standing = Standing("siem.example:8088", lambda: now)
    for second in range(30):
        now = float(second)
        standing.failed("cannot connect (nothing listens there)") if 5 <= second < 20 else standing.answered()
    first, second_line = caplog.records
    assert (first.place, first.why) == ("siem.example:8088", "cannot connect (nothing listens there)")  # type: ignore[attr-defined]
    assert second_line.after_seconds == 15  # type: ignore[attr-defined]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_a_system_that_comes_and_goes_is_not_told_each_time(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    standing = Standing("siem.example:8088", lambda: now)
    for call in range(1000):
        now = call * 0.01
        standing.failed("no complete answer in time") if call % 2 else standing.answered()
    assert len(caplog.records) == 2
    now += 61
    standing.failed("no complete answer in time")
    assert len(caplog.records) == 3, "one that stays away is told after a quiet minute"


def test_an_exchange_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with server(answering(OK, b'{"a": [1]}\n')) as url:
            client = new_client(url)
            assert isinstance(await exchange(client, client.build_request("POST", "/"), seconds=5), Answer)
        for _ in range(3):
            assert isinstance(await exchange(client, client.build_request("POST", "/"), seconds=5), Temporary)
        await client.aclose()

    asyncio.run(run())
    (record,) = [one for one in caplog.records if one.name == "tidings.destinations"]
    assert record.place.startswith("127.0.0.1:")  # type: ignore[attr-defined]
