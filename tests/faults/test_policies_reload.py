"""Policies under fire: files that break, change and are mended while the correlator runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest

from functions.correlator import live
from functions.correlator.handler import new
from shared.episodes.policy import Policies
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Done, Retry
from shared.runtime.function import Call, Function, Result
from shared.runtime.live import Live
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.correlator import Sink, problem
from tests.support.life import pod, trouble

WAITS = "routes:\n  - {name: waits, match: {kind: Pod}, open_after: {count: 99}}\n"
AT_ONCE = "routes:\n  - {name: at-once, match: {kind: Pod}, group_wait: 0s, ticket_limit: off}\ninhibit: [%s]\n"
BROKEN = "routes:\n  - {name: waits, match: {kind: Pod}, group_wait: soon}\n"


def swap(mount: Path, version: str, text: str) -> None:
    """Put a policy in place as the kubelet does for a ConfigMap: a new folder, and `..data` swapped to it at once."""
    folder = mount / f"..{version}"
    folder.mkdir()
    (folder / "policy.yaml").write_text(text, encoding="utf-8")
    link = mount / "..data_tmp"
    link.symlink_to(folder.name)
    link.replace(mount / "..data")
    if not (mount / "policy.yaml").is_symlink():
        (mount / "policy.yaml").symlink_to("..data/policy.yaml")


FOLLOWED: list[Live[Policies]] = []
"""What the correlators of these tests follow."""


class Rig:
    """A correlator whose policies follow a mount; it looks at them often."""

    def __init__(self, mount: Path, own: Path | None = None) -> None:
        self.mount = mount
        self.own = own or mount
        self.metrics = Metrics()
        self.seen = 0

    async def __aenter__(self) -> Self:
        environ = {"CORRELATOR_POLICY": str(self.own)}
        self.function: Function = new(environ, self.metrics, store=MemoryStore(), publisher=Sink())
        self.live = FOLLOWED.pop()
        await self.function.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.function.stop()

    @property
    def failed(self) -> float:
        return self.metrics.value("tidings_policies_load_failed_total")

    async def see(self) -> Result:
        """Let a further pod have trouble: `waits` gives it no ticket, `at-once` does."""
        self.seen += 1
        data = trouble(self.seen, pod(self.seen), "not-ready").model_dump(mode="json")
        event = CloudEvent(str(self.seen), "tidings/classifier", "dev.tidings.infrastructure.v1", data=data)
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + 10))

    async def ticketed(self) -> bool:
        result = await self.see()
        assert result.outcome == Done()
        assert result.reply is not None
        return Episode.model_validate(result.reply.data).ticket


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the watch tells nobody when it has looked
            await asyncio.sleep(0.01)


def play(work: Callable[[Rig], Awaitable[None]], mount: Path, own: Path | None = None) -> None:
    async def inside() -> None:
        async with Rig(mount, own) as rig:
            await work(rig)

    asyncio.run(inside())


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def often(own: Path | None, metrics: Metrics) -> Live[Policies]:
        FOLLOWED.append(live.live_policies(own, metrics, every=0.01))
        return FOLLOWED[-1]

    monkeypatch.setattr("functions.correlator.handler.live_policies", often)
    folder = tmp_path / "mount"
    folder.mkdir()
    return folder


def no_inhibitions() -> str:
    """Return policies that give each pod its ticket at once: nothing can take it in."""
    names = {inhibition.name for inhibition in live.load_policies().inhibitions}
    return AT_ONCE % ", ".join(f"{{name: {name}, enabled: false}}" for name in sorted(names))


def test_f30_broken_policies_pushed_live_keep_the_last_good_ones(mount: Path, caplog: pytest.LogCaptureFixture) -> None:
    """F30, word for word, for policies as for rules.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`
    """

    async def work(rig: Rig) -> None:
        assert not await rig.ticketed()

        swap(mount, "2", BROKEN)
        await until(lambda: rig.failed)
        assert rig.function.readiness().ready
        assert not await rig.ticketed(), "by the last good ones"
        said = [record.getMessage() for record in caplog.records]
        assert "policies refused, the last good policies stay in force: 1 problem" in said
        assert any("policy.yaml:2: `group_wait`: `soon` is no duration" in one for one in said)
        await asyncio.sleep(0.1)  # looked at many times more, counted once
        assert rig.failed == 1

        before = rig.live.value
        swap(mount, "3", no_inhibitions())
        await until(lambda: rig.live.value is not before)
        assert await rig.ticketed(), "in force without a start"

    swap(mount, "1", WAITS)
    play(work, mount)


def test_f30_broken_policies_at_the_first_start_are_not_ready_until_mended(mount: Path) -> None:
    """F30, word for word, for policies as for rules.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`
    """

    async def work(rig: Rig) -> None:
        assert rig.function.readiness().problems == ("the policies cannot be loaded: run `tidings validate`",)
        assert isinstance((await rig.see()).outcome, Retry)
        assert rig.failed == 1
        swap(mount, "2", WAITS)
        await until(lambda: rig.function.readiness().ready)
        assert not await rig.ticketed()

    swap(mount, "1", BROKEN)
    play(work, mount)


def test_f30_a_policy_file_that_vanishes_keeps_the_last_good_ones(mount: Path) -> None:
    """F30, word for word, for policies as for rules.

    broken rules ConfigMap pushed live | keeps last good set, not-ready only on first start; metric `rules_load_failed`
    """
    file = mount / "policy.yaml"

    async def work(rig: Rig) -> None:
        assert not await rig.ticketed()
        file.unlink()
        await until(lambda: rig.failed)
        assert rig.function.readiness().ready
        assert not await rig.ticketed()
        file.write_text(WAITS.replace("99", "98"), encoding="utf-8")
        await asyncio.sleep(0.1)
        assert rig.failed == 1

    file.write_text(WAITS, encoding="utf-8")
    play(work, mount, file)


def test_policies_that_are_given_stay_whatever_the_settings_say(tmp_path: Path) -> None:
    async def inside() -> None:
        function = new({"CORRELATOR_POLICY": str(tmp_path / "none")}, Metrics(), store=MemoryStore(),
                       publisher=Sink(), rules=Policies())  # fmt: skip
        await function.start()
        assert function.readiness().ready
        event = CloudEvent("1", "s", "dev.tidings.infrastructure.v1", data=problem().model_dump(mode="json"))
        result = await function.handle(event, Call(asyncio.get_running_loop().time() + 10))
        assert result.outcome == Done()
        await function.stop()

    asyncio.run(inside())
