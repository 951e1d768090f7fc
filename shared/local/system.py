"""The embedded system: broker, functions, stand-ins and feed in one process on one port (architecture.md §7)."""

import asyncio
import contextlib
import logging
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from shared.bus.protocol import BusUnavailableError
from shared.delivery.claims import abandon_all
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.identity import digest
from shared.events.problem import Problem
from shared.local import lock
from shared.local.broker.broker import IN_FLIGHT, Broker
from shared.local.broker.caller import Caller, EdgeCaller
from shared.local.broker.http_caller import HttpCaller
from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology, is_url
from shared.local.bus import prepared
from shared.local.feed import Feed, assignment_groups
from shared.local.hosted import hosted
from shared.local.listening import ListenError, listen, url_of
from shared.local.settings import UpSettings
from shared.local.substitutes import DEFAULT_GROUP, Standins, open_standins
from shared.local.visitors import keep_pages_out
from shared.local.web import new_standins, new_web
from shared.runtime.edge import Edge
from shared.runtime.function import Function
from shared.runtime.handover import Acceptance
from shared.runtime.hosts import StartError, behind_gate, gate_of
from shared.runtime.ingress import NAME as INGRESS
from shared.runtime.registry import canonical
from shared.runtime.serve import context_of
from shared.settings.addresses import exposure_refusal, is_loopback
from shared.stores.protocol import Store
from shared.stores.registry import open_store, sqlite_url
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.up")

_TICK_SECONDS = 10.0
_LOOPBACK = "127.0.0.1"
_GROUP_LABEL = "tidings.dev/assignment-group"


class UpError(Exception):
    """The system cannot start; `problems` say why and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class System:
    """One embedded system. Use: `await start()`, look on, `await stop()`; one event loop owns it."""

    broker: Broker
    store: Store

    def __init__(self, settings: UpSettings) -> None:
        """Raises UpError, SettingsError for settings or manifests that cannot work."""
        refusal = exposure_refusal(settings.host, settings.environ.get("AUTH", ""))
        if refusal:
            raise UpError([refusal])
        self.settings = settings
        self.metrics = Metrics()
        self._gate = gate_of(settings.environ, self.metrics, INGRESS)
        self._tls = _tls(settings.environ)
        self.topology = _topology(settings)
        self.functions: dict[str, Function] = {}
        self.services: dict[str, str] = {}
        self.edges: dict[str, Edge] = {}
        self.feed: Feed | None = None
        self.address = ""
        self.ready = False
        self._ticked = False
        self._standins: Standins | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = contextlib.AsyncExitStack()

    @property
    def standins(self) -> Standins:
        """Return the stand-ins that run."""
        if self._standins is None:
            raise RuntimeError("the system is not started")
        return self._standins

    async def start(self) -> None:
        """Open everything and go on where it was; where something fails, close again what was opened before it.

        Raises UpError, SettingsError, FeedError, InUseError, OSError, sqlite3.Error.
        """
        async with contextlib.AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()
        self.ready = True

    async def _open(self, opened: contextlib.AsyncExitStack) -> None:
        """Open everything; what is open is in `opened`, to be closed in the opposite order."""
        data = self.settings.data.resolve()  # a store's URL takes an absolute path
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # the log holds what was posted, unmasked
        opened.callback(lock.give_back, lock.take(data / "lock"))
        self._standins = open_standins(self._stood_in_for(), data, self._groups())
        opened.callback(self._standins.close)
        inside = await self._listen(opened)
        self.store = open_store(sqlite_url(data / "state.db"), self.settings.environ)
        opened.push_async_callback(self.store.close)
        environ = {**self.settings.environ, **self._standins.settings(inside), **await self._bus(data)}
        callers = {**self._host(environ), **self._remote(opened)}
        self.broker = Broker(replace(self.topology, ticks=()), callers, data / "broker.db", self.metrics)
        await abandon_all(self.store)
        watch = self.functions.get("watch")
        for function in self.functions.values():
            if function is not watch:
                opened.push_async_callback(function.stop)
                await function.start()
        opened.push_async_callback(self.broker.stop)
        await self.broker.start()
        if watch is not None:  # a source begins last and ends first: the broker takes what it hands over
            opened.push_async_callback(watch.stop)
            await watch.start()
        self._begin_feed()
        opened.push_async_callback(self._end_tasks)
        self._tasks += [asyncio.create_task(self._run_feed()), asyncio.create_task(self.broker.failed())]

    async def wait(self, *, until_idle: bool = False) -> None:
        """Return when the feed has ended and nothing waits, or never; raises what ended a part of the system."""
        while True:
            for task in self._tasks:
                if task.done():
                    task.result()
            # The first tick comes once the feed has ended: what it ends is told, too, before all is quiet.
            if until_idle and self._ticked and not self.broker.waiting():
                return
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Finish what is in flight, keep the rest for the next start, and close everything, whatever of it fails."""
        self.ready = False
        await self._opened.aclose()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _stood_in_for(self) -> set[str]:
        """Return the functions that run and whose foreign system is not configured."""
        return {canonical(one.function) for one in self.topology.services.values()} - set(self.settings.real)

    async def _bus(self, data: Path) -> Mapping[str, str]:
        """Return the settings of a bus of our own, its topics made, where one is needed and none is configured."""
        if "archive" not in self.settings.components:
            return {}
        try:
            return await prepared(self.settings.environ, data)
        except BusUnavailableError as error:
            raise UpError([str(error)]) from None

    def _groups(self) -> list[str]:
        recording = self.settings.recording
        return [DEFAULT_GROUP, *(assignment_groups(recording, _GROUP_LABEL) if recording else ())]

    async def _listen(self, opened: contextlib.AsyncExitStack) -> str:
        """Listen, and return where the functions reach the stand-ins."""
        host, port = self.settings.host, self.settings.port
        app = behind_gate(new_web(self), self._gate)
        if not self.settings.environ.get("AUTH"):  # so it is a loopback address, which browsers reach, too
            app = keep_pages_out(app)
        try:
            bound = await listen(app, host, port, self._tls, opened)
        except ListenError as error:
            raise UpError([f"cannot listen on {host}:{port}: {error}; another address goes by --listen"]) from None
        self.address = url_of(host, bound, secure=self._tls is not None)
        if self._gate is None and self._tls is None and is_loopback(host):
            return self.address
        # What we send ourselves shows no credentials, and plain HTTP goes to this machine alone.
        return url_of(_LOOPBACK, await listen(keep_pages_out(new_standins(self)), _LOOPBACK, 0, None, opened))

    def _host(self, environ: Mapping[str, str]) -> dict[str, Caller]:
        """Build every function, and return what calls them by service. Raises SettingsError."""
        broker = _Later(self)
        parts = {"store": self.store, "publisher": broker, "handover": broker}
        callers: dict[str, Caller] = {}
        for one in hosted(self.topology, environ, self.metrics, parts, kubeconfig=self.settings.kubeconfig):
            self.functions[one.name] = one.function
            self.services[one.name] = one.service
            self.edges[one.name] = one.edge
            callers[one.service] = EdgeCaller(one.edge)
        return callers

    def _remote(self, opened: contextlib.AsyncExitStack) -> dict[str, Caller]:
        """Return what calls the subscribers that are URLs: functions in processes of their own."""
        found: dict[str, list[float]] = {}
        for trigger in self.topology.triggers:
            if is_url(trigger.subscriber):
                found.setdefault(trigger.subscriber, []).append(trigger.delivery.timeout)
        callers: dict[str, Caller] = {}
        for url, seconds in found.items():
            callers[url] = caller = HttpCaller(url, max(seconds), len(seconds) * IN_FLIGHT, self.metrics)
            opened.push_async_callback(caller.close)
        return callers

    def _begin_feed(self) -> None:
        if self.settings.recording is None:
            return
        self.feed = Feed(
            self.settings.recording,
            broker=self.broker,
            position=self.settings.data / "feed.json",
            metrics=self.metrics,
            speed=self.settings.speed,
            again=self.settings.again,
        )

    async def _run_feed(self) -> None:
        """Play the recording by its own clock, then tick by ours (docs/decisions/0005)."""
        if self.feed is not None:
            await self.feed.run()
        while True:
            now = datetime.now(UTC)
            await self.broker.publish(CloudEvent(digest("tick", now.isoformat()), "tidings/up", TICK, time=now))
            self._ticked = True
            await asyncio.sleep(_TICK_SECONDS)


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    try:
        return context_of(environ)
    except StartError as error:
        raise UpError(list(error.problems)) from None


class _Later:
    """A Publisher and Handover to the broker that is built after the functions that use it."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def publish(self, event: CloudEvent) -> bool:
        return await self._system.broker.publish(event)

    async def accept(self, events: Sequence[CloudEvent]) -> Acceptance:
        return await self._system.broker.accept(events)


def _topology(settings: UpSettings) -> Topology:
    if not settings.knative.is_dir():
        raise UpError([f"{settings.knative} is no folder: name the one with the Triggers by --knative"])
    topology = load_topology(settings.knative, [name.replace("_", "-") for name in settings.components])
    if topology.problems:
        raise UpError([_sentence(problem) for problem in topology.problems])
    if topology.part:
        raise UpError([f"{settings.knative}: there is no Broker: add base/broker.yaml"])
    for warning in topology.warnings:
        print(f"tidings: {_sentence(warning)}", file=sys.stderr)  # noqa: T201 - before any table is drawn
    return topology


def _sentence(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}: {problem.message}. {problem.suggestion}".strip()
