"""The embedded system closes everything that it opened, whatever of it fails on the way up or down."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from shared.local.broker.broker import Broker
from shared.local.settings import UpSettings
from shared.local.standins.servicenow.app import ServiceNow
from shared.local.system import System, UpError
from shared.stores.sqlite import SqliteStore
from tests.support.at_once import AT_ONCE


def new(root: Path, folder: Path) -> System:
    return System(UpSettings(data=folder, knative=root / "knative", port=0, feed="none", environ=AT_ONCE))


def answers(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
    except ConnectionRefusedError:
        return False
    return True


class Closed:
    """Notes what was closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        store, stand_in = SqliteStore.close, ServiceNow.close

        async def close_store(this: Any) -> None:
            self.names.append("store")
            await store(this)

        def close_stand_in(this: Any) -> None:
            self.names.append("stand-in")
            stand_in(this)

        monkeypatch.setattr(SqliteStore, "close", close_store)
        monkeypatch.setattr(ServiceNow, "close", close_stand_in)


def test_a_broker_that_does_not_stop_well_keeps_nothing_else_open(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Broker.stop

    async def failing(self: Broker, grace: float = 5.0) -> None:
        await stop(self, grace)
        raise OSError("no space left on device")

    async def play() -> None:
        closed, system = Closed(monkeypatch), new(root, tmp_path)
        monkeypatch.setattr(Broker, "stop", failing)
        await system.start()
        assert answers(system.address)
        with pytest.raises(OSError, match="no space"):
            await system.stop()
        monkeypatch.setattr(Broker, "stop", stop)
        assert closed.names == ["store", "stand-in"]
        assert not answers(system.address)
        await system.stop()  # once more does no harm
        again = new(root, tmp_path)
        await again.start()
        await again.stop()

    asyncio.run(play())


@pytest.mark.parametrize("part", ["shared.local.broker.broker.Broker", "functions.correlator.handler.Correlator"])
def test_a_start_that_fails_half_way_leaves_nothing_open(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    async def failing(_: Any) -> None:
        raise OSError("it cannot start")

    async def play() -> None:
        closed, system = Closed(monkeypatch), new(root, tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(f"{part}.start", failing)
            with pytest.raises(OSError, match="it cannot start"):
                await system.start()
        assert closed.names == ["store", "stand-in"]
        assert not system.ready
        assert not answers(system.address)
        again = new(root, tmp_path)
        await again.start()
        await again.stop()

    asyncio.run(play())


def test_a_server_that_ends_at_once_is_told_and_not_waited_for(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any, **__: Any) -> None:
        return None

    async def play() -> None:
        monkeypatch.setattr("shared.local.listening._Embedded.serve", nothing)
        async with asyncio.timeout(10):
            with pytest.raises(UpError, match="ended at once"):
                await new(root, tmp_path).start()

    asyncio.run(play())
