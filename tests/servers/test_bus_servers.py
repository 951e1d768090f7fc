"""The bus contract where the bus is a server: it restarts, is killed, is away, lets nobody in."""

import asyncio
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.bus.protocol import BusUnavailableError, Kept, Topic
from shared.bus.registry import open_bus
from tests.support.buses.use import event, name, numbers, publish, read, run, take, until, until_kept, with_topic


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_acknowledged_outlives_the_server(server: Any, how: str) -> None:
    async def work() -> list[int]:
        async with with_topic(server) as (bus, topic):
            kept: list[int] = []

            async def publisher(first: int) -> None:
                for number in count(first, 8):  # as many as it takes: a fast bus has thousands before it is stopped
                    one = event(number, f"k{number % 5}")
                    await until_kept(bus, topic, one)
                    kept.append(number)
                    if stopping.is_set():
                        return

            stopping = asyncio.Event()
            tasks = [asyncio.create_task(publisher(first)) for first in range(8)]
            await until(lambda: len(kept) > 40)
            await asyncio.to_thread(getattr(server, how))
            before = len(kept)
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.start)
            await until(lambda: len(kept) > before + 40)
            stopping.set()
            await asyncio.gather(*tasks)
            async with asyncio.timeout(20):  # RabbitMQ says where a stream ends by saying nothing for a while
                while not set(kept) <= set(numbers(await read(bus, topic))):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.5)
            return kept

    run(work(), 120)


def test_a_consumer_goes_on_after_a_restart_of_the_server(server: Any) -> None:
    """F34: what was not ended comes again, what comes later comes too, and nobody starts anything anew."""

    async def work() -> None:
        async with with_topic(server) as (bus, topic), bus.consume(topic, "g") as deliveries:
            await publish(bus, topic, [event(number) for number in range(10)])
            left = set(range(15)) - set(numbers(await take(deliveries, 5)))
            await asyncio.sleep(1.5)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            for number in range(10, 15):
                await until_kept(bus, topic, event(number))
            seen: set[int] = set()
            async for one in deliveries:
                await one.ack()
                seen |= set(numbers([one]))
                if seen >= left:
                    break

    run(work(), 120)


def test_a_bus_that_is_away_says_so_within_its_deadline_and_works_again_by_itself(server: Any) -> None:
    """F32 for the bus: callers are answered, so that theirs can be answered 503."""

    async def work() -> None:
        async with with_topic(server) as (bus, topic):
            assert isinstance(await bus.publish(topic, event(1)), Kept)
            await asyncio.to_thread(server.stop)
            try:
                begun = time.monotonic()
                answers = await asyncio.gather(
                    *(bus.publish(topic, event(number)) for number in range(2, 5)), return_exceptions=True
                )
                assert time.monotonic() - begun < 12
                assert all(isinstance(one, BusUnavailableError) for one in answers), answers
            finally:
                await asyncio.to_thread(server.start)
            await until_kept(bus, topic, event(9))
            assert {1, 9} <= set(numbers(await read(bus, topic)))

    run(work(), 120)


def test_credentials_and_tls_let_us_in(server: Any) -> None:
    async def work() -> None:
        bus = open_bus(server.name, server.right_credentials())
        topic = Topic(name("app"))
        await bus.ensure(topic)
        assert isinstance(await bus.publish(topic.name, event(1)), Kept)
        assert numbers(await read(bus, topic.name)) == [1]
        await bus.close()

    run(work())


def test_wrong_credentials_are_said_and_never_shown(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    why = refused(server.name, server.wrong_credentials())
    assert "credentials" in why
    assert "wrong" not in caplog.text + why


def test_an_expired_certificate_is_refused_and_said(server: Any) -> None:
    assert "certificate" in refused(server.name, server.expired())


def refused(bus_name: str, environment: dict[str, str]) -> str:
    async def work() -> str:
        bus = open_bus(bus_name, environment)
        begun = time.monotonic()
        with pytest.raises(BusUnavailableError) as raised:
            await bus.publish("topic", event(1))
        assert time.monotonic() - begun < 12
        await bus.close()
        return str(raised.value)

    return run(work())


@pytest.mark.parametrize(("text", "says"), [(None, "cannot be read"), ("no certificate", "no PEM file")])
def test_a_ca_file_that_cannot_be_used_is_named(server: Any, text: str | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    async def work() -> None:
        bus = open_bus(server.name, {**server.right_credentials(), f"{server.name.upper()}_CA_FILE": str(file)})
        with pytest.raises(BusUnavailableError, match=f"{file}.*{says}"):
            await bus.publish("topic", event(1))
        await bus.close()

    run(work())
