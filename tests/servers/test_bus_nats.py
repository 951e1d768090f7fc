"""What NATS alone promises: keys and credentials, TLS that cannot be talked away, and an answer while it hangs."""

import asyncio
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nkeys
import pytest

from shared.bus.nats import NatsBus
from shared.bus.protocol import BusUnavailableError, Kept, Refused, Topic
from shared.bus.registry import open_bus
from shared.bus.topology import differences
from shared.settings.environment import read as read_settings
from shared.settings.nats import NatsSettings
from tests.support.buses.use import event, name, nothing_more, numbers, publish, read, run, take, until_kept, with_topic
from tests.support.nats import Nats, cluster, nats


async def published(bus: NatsBus) -> object:
    await bus.ensure(Topic("topic"))
    done = await bus.publish("topic", event(1))
    await bus.close()
    return done


def test_an_nkey_lets_us_in_and_another_one_does_not(tmp_path: Path) -> None:
    good, other = (
        nkeys.from_seed(nkeys.encode_seed(bytes([number]) * 32, nkeys.PREFIX_BYTE_USER)) for number in (1, 2)
    )
    with nats(tmp_path, more=f"authorization {{ users: [ {{ nkey: {good.public_key.decode()} }} ] }}") as server:
        for pair, is_in in ((good, True), (other, False)):
            seed = tmp_path / "seed"
            seed.write_bytes(bytes(pair.seed))
            bus: Any = open_bus("nats", {"NATS_URL": f"nats://127.0.0.1:{server.port}", "NATS_NKEY_FILE": str(seed)})
            if is_in:
                assert isinstance(run(published(bus)), Kept)
            else:
                with pytest.raises(BusUnavailableError, match="credentials"):
                    run(published(bus))


def test_a_server_that_does_without_tls_is_told_nothing(tmp_path: Path, rig_nats: Any) -> None:
    with nats(tmp_path) as server:
        environment = {**rig_nats.right_credentials(), "NATS_URL": f"tls://127.0.0.1:{server.port}"}
        bus: Any = open_bus("nats", environment)
        with pytest.raises(BusUnavailableError, match="does not speak TLS"):
            run(published(bus))
        assert "right" not in server.log.read_text()


def test_nothing_is_said_where_all_is_well_with_tls(rig_nats: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        run(published(open_bus("nats", rig_nats.right_credentials())))  # type: ignore[arg-type]
    assert caplog.messages == []


def test_a_server_that_hangs_costs_a_deadline_and_no_more(tmp_path: Path) -> None:
    async def work(server: Nats) -> None:
        bus = NatsBus(read_settings(NatsSettings, {"NATS_URL": f"nats://127.0.0.1:{server.port}"}))
        await bus.ensure(Topic("topic"))
        server.freeze()
        try:
            begun = time.monotonic()
            with pytest.raises(BusUnavailableError, match="in time"):
                await bus.publish("topic", event(1))
            assert time.monotonic() - begun < 12
        finally:
            server.thaw()
        await until_kept(bus, "topic", event(2))
        assert set(numbers(await read(bus, "topic"))) >= {2}
        await bus.close()

    with nats(tmp_path) as server:
        run(work(server))


async def waited(bus: NatsBus, number: int, size: int = 0) -> float:
    """Return the seconds until a publisher was told that the bus is away."""
    begun = time.monotonic()
    with pytest.raises(BusUnavailableError):
        await bus.publish("topic", event(number, size=size))
    return time.monotonic() - begun


def test_who_waits_while_it_hangs_is_told_after_his_own_deadline_or_when_the_connection_breaks(tmp_path: Path) -> None:
    async def work(server: Nats) -> None:
        bus = NatsBus(read_settings(NatsSettings, {"NATS_URL": f"nats://127.0.0.1:{server.port}"}))
        await bus.ensure(Topic("topic"))
        assert isinstance(await bus.publish("topic", event(0)), Kept)
        server.freeze()
        first = asyncio.create_task(waited(bus, 1))
        await asyncio.sleep(3)
        second = asyncio.create_task(waited(bus, 2))
        assert 9.9 < await first < 11
        third = asyncio.create_task(waited(bus, 3))
        assert 9.9 < await second < 11
        server.kill()
        assert await third < 5
        await bus.close()

    with nats(tmp_path) as server:
        run(work(server))


def test_each_of_many_at_once_is_answered_by_itself(rig_nats: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic):
            before = await publish(bus, topic, [event(number) for number in range(0, 300, 10)])
            sizes = dict.fromkeys(range(5, 300, 50), 1_200_000)
            done = await publish(bus, topic, [event(number, size=sizes.get(number, 0)) for number in range(300)])
            assert {number for number, one in enumerate(done) if one == Refused("too large")} == sizes.keys()
            kept = {number: one for number, one in enumerate(done) if isinstance(one, Kept)}
            assert [number for number, one in kept.items() if one.duplicate] == list(range(0, 300, 10))
            assert [one.offset for one in before if isinstance(one, Kept)] == [
                kept[n].offset for n in range(0, 300, 10)
            ]
            places = {one.offset: numbers([one])[0] for one in await read(bus, topic)}
            assert places == {one.offset: number for number, one in kept.items()}

    run(work())


def test_a_topic_whose_name_would_be_a_command_of_its_own_is_not_sent(rig_nats: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic):
            for bad in (f"{topic} x", f"x 0\r\n\r\nPUB {topic}"):
                with pytest.raises(BusUnavailableError):
                    await bus.publish(bad, event(1))
            assert await read(bus, topic) == []

    run(work())


def test_what_waits_for_an_answer_is_bounded_in_bytes(tmp_path: Path) -> None:
    async def work(server: Nats) -> None:
        bus = NatsBus(read_settings(NatsSettings, {"NATS_URL": f"nats://127.0.0.1:{server.port}"}))
        await bus.ensure(Topic("topic"))
        server.freeze()
        tasks = [asyncio.create_task(bus.publish("topic", event(number, size=900_000))) for number in range(60)]
        await asyncio.sleep(1)
        answered = [task.result() for task in tasks if task.done() and not task.exception()]
        assert len(answered) >= 20
        assert set(answered) == {Refused("full")}
        server.thaw()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bus.close()

    with nats(tmp_path) as server:
        run(work(server))


def test_however_many_wait_for_a_server_that_hangs_each_is_told_in_time(tmp_path: Path) -> None:
    async def work(server: Nats) -> None:
        bus = NatsBus(read_settings(NatsSettings, {"NATS_URL": f"nats://127.0.0.1:{server.port}"}))
        await bus.ensure(Topic("topic"))
        assert isinstance(await bus.publish("topic", event(0)), Kept)
        server.freeze()
        assert max(await asyncio.gather(*(waited(bus, number, size=6_000) for number in range(1, 5_000)))) < 12
        server.thaw()
        await bus.close()

    with nats(tmp_path) as server:
        run(work(server))


def test_a_client_of_others_that_publishes_without_headers_is_read(rig_nats: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic):
            client = await bus._link.client()  # type: ignore[attr-defined]
            await client.publish(topic, b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"number":5}}')
            await client.publish(topic, b"no event at all")
            await client.flush()
            await publish(bus, topic, [event(6)])
            found = await read(bus, topic)
            assert numbers([found[0], found[2]]) == [5, 6]
            assert found[1].body == b"no event at all"

    run(work())


def test_a_topic_that_is_not_there_is_not_taken_for_an_outage(rig_nats: Any) -> None:
    async def work() -> None:
        bus = rig_nats.bus()
        assert await bus.publish(name("nowhere"), event(1)) == Refused("no topic")
        await bus.close()

    run(work())


def test_replicas_are_added_and_never_taken_away_and_a_limit_that_somebody_set_stays(tmp_path: Path) -> None:
    wanted = Topic("topic", seconds=3600)

    async def work(url: str) -> None:
        bus: Any = open_bus("nats", {"NATS_URL": url})
        assert await bus.ensure(wanted) == ["made"]
        stream = await bus._link.jetstream()
        await stream.update_stream((await stream.stream_info("topic")).config.evolve(max_bytes=4096))
        assert differences(replace(wanted, replicas=3), await bus.describe("topic")) == ["replicas: 1, not 3"]
        assert await bus.ensure(replace(wanted, replicas=3)) == ["num_replicas: 1 to 3"]
        async with asyncio.timeout(20):  # the two others take part as soon as they have what there is
            while (found := await bus.describe("topic")).topic.replicas != 3:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        assert await bus.ensure(wanted) == []
        assert found.topic.max_bytes == 4096
        assert await bus.ensure(replace(wanted, max_bytes=8192)) == ["max_bytes: 4096 to 8192"]
        await bus.close()

    with cluster(tmp_path) as servers:
        run(work(",".join(f"nats://127.0.0.1:{server.port}" for server in servers)))


def test_more_replicas_than_there_are_servers_are_refused_in_words(rig_nats: Any) -> None:
    async def work() -> None:
        bus = rig_nats.bus()
        with pytest.raises(BusUnavailableError, match="it is one server, and a stream is to have more than one"):
            await bus.ensure(Topic(name(), replicas=3))
        await bus.close()

    run(work())


def test_what_reads_slowly_reads_on_where_the_server_forgot_it(rig_nats: Any) -> None:
    """A destination may take minutes, and an upload; a server is started again."""

    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic):
            stream = await bus._link.jetstream()  # type: ignore[attr-defined]
            await publish(bus, topic, [event(number) for number in range(100)])
            reading = bus.read(topic)
            found = [await anext(reading) for _ in range(40)]
            for one in await stream.consumers_info(topic):  # as it does a minute after the last request
                await stream.delete_consumer(topic, one.name)
            await publish(bus, topic, [event(200)])  # what comes meanwhile is for another time
            found += [await anext(reading) for _ in range(30)]
            await asyncio.to_thread(rig_nats.stop)
            await asyncio.to_thread(rig_nats.start)
            await until_kept(bus, topic, event(201))
            found += [one async for one in reading]
            assert numbers(found) == list(range(100))

    run(work())


@pytest.mark.parametrize(
    ("subjects", "subject"),
    [
        (["shop.dead-letters._knative"], "shop.dead-letters._knative"),
        (["theirs.*.in", "x"], "theirs.k1.in"),
        (["KN_SHOP"], "KN_SHOP"),
        (None, "KN_SHOP"),
    ],
)
def test_a_stream_of_others_is_written_by_their_subjects(
    rig_nats: Any, subjects: list[str] | None, subject: str
) -> None:
    """As a NatsJetStreamChannel's: its stream is named after it, and takes one subject."""

    async def work() -> None:
        bus = rig_nats.bus()
        stream = await bus._link.jetstream()
        topic = "KN_SHOP"
        await stream.add_stream(name=topic, subjects=subjects)
        done = await publish(bus, topic, [event(number) for number in range(20)])
        assert all(isinstance(one, Kept) for one in done)
        assert sorted(numbers(await read(bus, topic))) == list(range(20))
        assert (await stream.get_msg(topic, 20)).subject == subject
        await stream.delete_stream(topic)
        assert await bus.publish(topic, event(20)) == Refused("no topic")
        await bus.close()

    run(work())


def test_a_stream_that_becomes_ours_is_written_by_our_subjects_from_then_on(rig_nats: Any) -> None:
    async def work() -> None:
        bus = rig_nats.bus()
        stream = await bus._link.jetstream()
        topic = name("taken")
        await stream.add_stream(name=topic, subjects=["others.before"])
        await publish(bus, topic, [event(1)])
        await bus.ensure(Topic(topic))
        assert isinstance(await bus.publish(topic, event(2)), Kept)
        assert numbers(await read(bus, topic)) == [1, 2]
        await bus.close()

    run(work())


def test_what_waits_in_hand_for_longer_than_the_server_would_leave_it_is_not_given_again(rig_nats: Any) -> None:
    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic):
            await publish(bus, topic, [event(number) for number in range(40)])
            async with bus.consume(topic, "g") as deliveries:
                found = await take(deliveries, 1, ack=False)
                await asyncio.sleep(5)  # it leaves each for 2 seconds
                found += await take(deliveries, 39, ack=False)
                assert numbers(found) == list(range(40))
                assert {one.tries for one in found} == {1}
                assert [await one.ack() for one in found] == [True] * 40
                await nothing_more(deliveries)
            assert await bus.behind(topic, "g") == 0

    run(work())


def test_a_group_that_the_server_forgot_is_made_again_with_one_subscription_and_that_is_told_once(
    rig_nats: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        async with with_topic(rig_nats) as (bus, topic), bus.consume(topic, "g") as deliveries:
            client = await bus._link.client()  # type: ignore[attr-defined]
            stream = await bus._link.jetstream()  # type: ignore[attr-defined]
            await publish(bus, topic, [event(0)])
            await take(deliveries, 1)
            held = len(client._subs)
            for _ in range(3):
                coming = asyncio.create_task(take(deliveries, 1))
                await asyncio.sleep(0.3)
                await stream.delete_consumer(topic, "g")  # what it had ended is forgotten with it
                assert numbers(await coming) == [0]
            assert len(client._subs) == held

    with caplog.at_level(logging.WARNING, "tidings"):
        run(work())
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.endswith("cannot be consumed now: NATS refuses it (ServiceUnavailableError)")
