"""`watch` where its API server, its broker, its store or itself fails: it says so, waits, and loses nothing."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.events.cloudevent import CloudEvent
from shared.stores.protocol import StoreUnavailableError
from tests.support.apiserver.standin import TOKEN, StandIn
from tests.support.servers import serve
from tests.support.watching import PODS, Lab, until


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest.fixture
def url(server: StandIn) -> Iterator[str]:
    with serve(server) as url:
        yield url


def test_a_stream_that_is_silent_is_red_and_goes_on_where_it_was(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready and server.watching == 1)
        server.silent = True
        server.put(PODS, "unheard")
        await until(lambda: watch.readiness().problems == ("lab: v1/Pod: nothing was heard for too long",))
        server.silent = False
        await until(lambda: watch.readiness().ready and len(lab.broker.told()) == 1, 15)
        await watch.stop()

    asyncio.run(main())


def test_a_token_that_has_expired_is_read_again_from_its_file(server: StandIn, url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)
    (tmp_path / "token").write_text(TOKEN)
    lab.write(url, {"tokenFile": "token"})

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        server.tokens = {"renewed"}
        await until(
            lambda: watch.readiness().problems == ("lab: v1/Pod: its API server refuses the token or certificate",)
        )
        (tmp_path / "token").write_text("renewed")
        server.put(PODS, "meanwhile")
        await until(lambda: watch.readiness().ready and len(lab.broker.told()) == 1)
        await watch.stop()

    asyncio.run(main())
    assert lab.metrics.total("tidings_source_failures_total", function="watch", reason="unauthenticated") >= 1


def test_what_may_not_be_watched_is_said_and_keeps_nothing_else_from_being_watched(
    server: StandIn, url: str, tmp_path: Path
) -> None:
    server.refuse["/api/v1/nodes"] = 403
    server.put(PODS, "web")
    lab = Lab(tmp_path, url, "v1/Node,v1/Pod")

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().problems == ("lab: v1/Node: may not be listed and watched",))
        assert lab.broker.told() == [("add", "Pod", "web")]
        server.refuse.clear()
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())


def test_a_broker_that_is_full_is_waited_for_and_gets_everything(server: StandIn, url: str, tmp_path: Path) -> None:
    for number in range(100):
        server.put(PODS, f"pod-{number}")
    lab = Lab(tmp_path, url)
    lab.broker.answer = "full"

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().problems == ("lab: v1/Pod: the broker takes no events",))
        lab.broker.answer = "accepted"
        await until(lambda: watch.readiness().ready)
        lab.broker.answer = "full"
        server.put(PODS, "while full")
        await until(lambda: not watch.readiness().ready)
        lab.broker.answer = "accepted"
        await until(lambda: len(lab.broker.told()) == 101)
        await watch.stop()

    asyncio.run(main())


def test_a_store_that_cannot_be_asked_is_waited_for(
    server: StandIn, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, url)
    server.put(PODS, "web")

    async def fails(*_: object, **__: object) -> None:
        raise StoreUnavailableError

    async def main() -> None:
        watch = lab.watch()
        with monkeypatch.context() as broken:
            broken.setattr(lab.store, "put", fails)
            await watch.start()
            await until(lambda: watch.readiness().problems == ("lab: v1/Pod: the store cannot be asked",))
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    asyncio.run(main())
    assert set(lab.broker.told()) == {("add", "Pod", "web")}, "told again: not at all would be worse"


def test_ended_between_acceptance_and_memory_it_tells_the_same_again_by_the_same_id(
    server: StandIn, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, url)
    written = lab.store.put

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        hangs = asyncio.Event()

        async def dies(*_: object, **__: object) -> None:
            await hangs.wait()

        with monkeypatch.context() as broken:
            broken.setattr(lab.store, "put", dies)
            server.put(PODS, "web")
            await until(lambda: len(lab.broker.told()) == 1)
            await watch.stop()
        assert lab.store.put == written
        watch = lab.watch()
        await watch.start()
        await until(lambda: len(lab.broker.told()) == 2)
        await watch.stop()

    asyncio.run(main())
    first, second = (event for event in lab.broker.events if "kind" in event.extensions)
    assert first.id == second.id
    assert first.data == second.data


def test_a_list_that_breaks_off_is_no_list_and_ends_nothing(
    server: StandIn, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        server.put(PODS, f"pod-{number:02}")
    lab = Lab(tmp_path, url)

    async def main() -> None:
        watch = lab.watch()
        await watch.start()
        await until(lambda: watch.readiness().ready)
        await watch.stop()
        server.forget_history()
        server.cut = 1000
        watch = lab.watch()
        await watch.start()
        await until(lambda: lab.metrics.total("tidings_source_failures_total", function="watch", reason="broken") >= 1)
        server.cut = 0
        await until(lambda: len(lab.broker.lists()) == 2)
        await watch.stop()

    with caplog.at_level(logging.CRITICAL, "uvicorn"):
        asyncio.run(main())
    assert len(lab.broker.told()) == 20
    assert lab.broker.lists()[-1].data["gone"] == 0


def test_an_api_server_that_asks_for_time_is_given_it(server: StandIn, url: str, tmp_path: Path) -> None:
    server.refuse[PODS] = 429
    server.retry_after = "1"
    lab = Lab(tmp_path, url)

    async def main() -> float:
        watch = lab.watch()
        await watch.start()
        await until(lambda: lab.metrics.total("tidings_source_failures_total", function="watch", reason="busy") == 1)
        server.refuse.clear()
        began = asyncio.get_running_loop().time()
        await until(lambda: watch.readiness().ready)
        waited = asyncio.get_running_loop().time() - began
        await watch.stop()
        return waited

    assert asyncio.run(main()) > 0.8


def test_no_secret_of_the_kubeconfig_is_in_a_log_or_an_answer(
    server: StandIn, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab(tmp_path, url)
    lab.write(url, {"token": "s3cret-sentinel"})

    async def main() -> tuple[str, ...]:
        watch = lab.watch()
        await watch.start()
        await until(lambda: not watch.readiness().ready and bool(server.requests))
        await asyncio.sleep(0.3)
        problems = watch.readiness().problems
        await watch.stop()
        return problems

    with caplog.at_level(logging.DEBUG):
        problems = asyncio.run(main())
    assert "s3cret" not in "".join(problems)
    assert not [record for record in caplog.records if "s3cret" in f"{record.getMessage()} {vars(record)}"]


def test_an_event_that_is_sent_to_it_is_none_of_its_business(url: str, tmp_path: Path) -> None:
    lab = Lab(tmp_path, url)

    async def main() -> str:
        watch = lab.watch()
        outcome = (await watch.handle(CloudEvent("1", "s", "t"), None)).outcome  # type: ignore[arg-type]
        await watch.stop()
        return type(outcome).__name__

    assert asyncio.run(main()) == "Ignored"


def test_a_mistake_of_ours_in_one_kind_is_logged_and_tried_again_while_the_others_go_on(
    server: StandIn, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(PODS, "web")
    lab = Lab(tmp_path, url, "v1/Pod,v1/Node")
    accepted = lab.broker.accept

    async def fails_on_pods(events: list[CloudEvent]) -> str:
        if any(event.extensions.get("kind") == "Pod" for event in events):
            raise RuntimeError("a bug")
        return await accepted(events)

    async def main() -> None:
        watch = lab.watch()
        with monkeypatch.context() as broken:
            broken.setattr(lab.broker, "accept", fails_on_pods)
            await watch.start()
            wrong = ("lab: v1/Pod: a mistake of Tidings itself, which is in the log",)
            await until(lambda: watch.readiness().problems == wrong)
        await until(lambda: watch.readiness().ready)
        await watch.stop()

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(main())
    assert lab.broker.told() == [("add", "Pod", "web")]
