"""The process that hands a replay's events over: real processes, and Splunk's stand-in."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import pytest
from typer.testing import CliRunner

from shared.bus.protocol import Topic
from shared.bus.topology import KUBERNETES
from shared.cli import replaying
from shared.cli.commands import build
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Done, Ignored, Outcome, Rejected
from shared.local.standins import splunk
from shared.local.standins.faults import Rule
from shared.local.standins.splunk import Splunk
from shared.runtime import replay_apart, replay_worker
from shared.runtime.replay import Hand
from shared.runtime.replay_apart import GONE, Worker, begun, handed
from shared.runtime.replay_target import at_once
from shared.runtime.replay_wire import LEFT
from shared.settings.environment import SettingsError
from tests.support.buses.registry import RIGS
from tests.support.buses.use import run
from tests.support.functions import environment
from tests.support.records import classified, classified_event
from tests.support.servers import serve

T = TypeVar("T")
WHOSE_WORKER = """
import os, sys, time
from shared.runtime.replay_apart import begun
with begun("splunk", os.environ) as worker:
    print(worker.process.pid, flush=True)
    time.sleep(60)
"""


class Place(NamedTuple):
    app: Splunk
    settings: Mapping[str, str]


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_apart, "_cores", lambda: 2)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    app = splunk.new_app()
    with serve(app) as url:
        yield Place(app, environment({"SPLUNK_HEC_URL": url, "SPLUNK_TOKEN": splunk.TOKENS[0].value}))
    app.close()


def told() -> None:
    raise AssertionError("the worker ended before it should")


def working(
    settings: Mapping[str, str], work: Callable[[Hand, Worker], Awaitable[T]], lost: Callable[[], None] = told
) -> T:
    async def run(worker: Worker) -> T:
        async with handed(worker, asyncio.Event(), lost) as hand:
            return await work(hand, worker)

    with begun("splunk", settings) as worker:
        assert worker is not None
        found = asyncio.run(run(worker))
    assert worker.process.returncode is not None, "it is gone with the replay"
    return found


def event(identity: str) -> CloudEvent:
    return classified_event(classified(identity))


def has_ended(pid: int) -> bool:
    """Return whether a process that is nobody's child here has ended, or is about to be buried."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    return stat.rpartition(") ")[2].startswith("Z")


def test_each_event_arrives_once_and_each_has_its_own_answer(place: Place) -> None:
    wanted = [f"w-{number}" for number in range(1500)]
    strange = CloudEvent("x", "tests", "com.example.none", data={})
    broken = CloudEvent("y", "tests", "dev.tidings.security.v1", data={"ä": "\n"})

    async def work(hand: Hand, worker: Worker) -> list[Outcome]:
        assert worker.process.pid != os.getpid()
        return await asyncio.gather(*map(hand, [strange, *map(event, wanted), broken]))

    first, *others, last = working(place.settings, work)
    assert first == Ignored("not a classified observation")
    assert others == [Done()] * len(wanted)
    assert last == Rejected("decode", "the data is not a classified observation")
    assert sorted(one for one in place.app.event_ids() if one.startswith("w-")) == sorted(wanted)


def test_settings_that_cannot_work_are_told_as_by_the_function_itself(place: Place) -> None:
    settings = {name: value for name, value in place.settings.items() if name != "SPLUNK_HEC_URL"}

    async def work(_hand: Hand, _worker: Worker) -> None:
        raise AssertionError("it has no hand to give")

    with pytest.raises(SettingsError, match="SPLUNK_HEC_URL"):
        working(settings, work)


@pytest.mark.parametrize("way", ["killed", "a mistake of ours"])
def test_a_process_that_ends_too_soon_leaves_its_events_to_the_next_run(place: Place, way: str) -> None:
    lost: list[str] = []

    async def work(hand: Hand, worker: Worker) -> list[Outcome]:
        assert await hand(event(f"before-{way}")) == Done()
        if way == "killed":
            worker.process.send_signal(signal.SIGSTOP)  # so that it has not answered when it is killed
            under_way = asyncio.ensure_future(hand(event("s-1")))
            await asyncio.sleep(0.05)
            worker.process.kill()
        else:
            unreadable = CloudEvent("u", "tests", "t", extensions={"number": 5})  # type: ignore[dict-item] # as no bus has it
            under_way = asyncio.ensure_future(hand(unreadable))
        return [await under_way, await hand(event("s-2"))]

    assert working(place.settings, work, lambda: lost.append("told")) == [GONE, GONE]
    assert lost == ["told"]


def test_one_that_ends_at_its_start_leaves_all_to_the_next_run(place: Place) -> None:
    lost: list[str] = []

    async def run(worker: Worker) -> Outcome:
        async with handed(worker, asyncio.Event(), lambda: lost.append("told")) as hand:
            return await hand(event("n-1"))

    with begun("splunk", place.settings) as worker:
        assert worker is not None
        worker.process.kill()
        assert asyncio.run(run(worker)) == GONE
    assert lost == ["told"]


def test_a_run_says_so_where_it_had_no_event_on_its_way(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def killed(target: str, environ: Mapping[str, str]) -> Iterator[Worker | None]:
        with begun(target, environ) as worker:
            assert worker is not None
            worker.process.kill()
            yield worker

    monkeypatch.setattr(replaying, "begun", killed)
    with RIGS["embedded"](tmp_path) as rig:

        async def made() -> None:
            bus = rig.bus()
            await bus.ensure(Topic(KUBERNETES))
            await bus.close()

        run(made())
        options = ("--source", "embedded", "--target", "splunk", "--topics", KUBERNETES)
        settings = {**place.settings, **rig.environment(), "COLUMNS": "200"}
        ended = CliRunner().invoke(build(["replay"]), ["replay", *options], env=settings)
    assert (ended.exit_code, GONE.reason in ended.stderr) == (1, True), ended.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_of_a_service_does_not_end_what_is_under_way(place: Place, number: int) -> None:
    wanted = [event(f"t-{number}-{one}") for one in range(600)]

    async def work(hand: Hand, worker: Worker) -> list[Outcome]:
        assert await hand(event(f"t-{number}")) == Done()
        under_way = asyncio.gather(*map(hand, wanted))
        await asyncio.sleep(0)
        worker.process.send_signal(number)
        async with asyncio.timeout(10):
            return await under_way

    assert working(place.settings, work) == [Done()] * len(wanted)


def test_a_run_that_ends_early_waits_only_for_what_has_begun(place: Place) -> None:
    """Else it would wait for three times as many, and longer than a platform lets it where nothing answers."""
    most = at_once("splunk")

    async def ends(worker: Worker) -> tuple[list[Outcome], Outcome]:
        stop = asyncio.Event()
        async with asyncio.timeout(10), handed(worker, stop, told) as hand:
            under_way = asyncio.gather(*(hand(event(f"e-{one}")) for one in range(3 * most)))
            await asyncio.sleep(0.05)
            stop.set()
            await asyncio.sleep(0.01)
            last = await hand(event("e-last"))
            return await under_way, last

    place.app.faults.add(Rule(do="delay", seconds=1, count=0))
    with begun("splunk", place.settings) as worker:
        assert worker is not None
        outcomes, last = asyncio.run(ends(worker))
    place.app.faults.clear()
    assert outcomes == [Done()] * most + [LEFT] * 2 * most
    assert last == LEFT


@pytest.mark.parametrize("missing", ["", "SPLUNK_HEC_URL"])
def test_a_run_that_ends_before_it_is_ready_hears_nothing_of_it(
    place: Place, missing: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with begun("splunk", {name: value for name, value in place.settings.items() if name != missing}) as worker:
        assert worker is not None
    assert worker.process.returncode == 0
    assert capfd.readouterr().err == ""


def test_an_answer_that_cannot_be_written_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def alone(_target: str, _environ: Mapping[str, str]) -> AsyncIterator[Hand]:
        async def hand(_event: CloudEvent) -> Outcome:
            return Rejected("tests", "\udcff")

        yield hand

    async def answered() -> Outcome:
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(0)
        process = cast("subprocess.Popen[bytes]", None)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            tasks.create_task(replay_worker._work("splunk", theirs))
            async with handed(Worker(process, ours), asyncio.Event(), lambda: None) as hand:
                return await hand(event("u-1"))

    monkeypatch.setattr(replay_worker, "alone", alone)
    assert asyncio.run(answered()) == GONE


def test_it_does_not_outlive_a_replay_that_is_killed(place: Place) -> None:
    command = (sys.executable, "-c", WHOSE_WORKER)
    with subprocess.Popen(command, env=dict(place.settings), stdout=subprocess.PIPE, text=True) as replay:
        assert replay.stdout is not None
        pid = int(replay.stdout.readline())
        replay.kill()
    until = time.monotonic() + 20
    while not has_ended(pid):
        assert time.monotonic() < until, "it still works for nobody"
        time.sleep(0.02)


def test_there_is_none_where_it_would_gain_nothing(monkeypatch: pytest.MonkeyPatch, place: Place) -> None:
    for target in ("broker", "kafka", "webhook"):
        with begun(target, place.settings) as worker:
            assert worker is None, f"{target} is waited for most of the time"
    monkeypatch.setattr(replay_apart, "_cores", lambda: 1)
    with begun("splunk", place.settings) as worker:
        assert worker is None
