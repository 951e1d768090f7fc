"""qradar_forwarder played against a receiver, for tests of what is special to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import uvloop

from shared.local.standins import qradar
from shared.local.standins.qradar import Options, Qradar
from shared.runtime.registry import load
from shared.telemetry.metrics import Metrics
from tests.support.rigs.place import Delivering
from tests.support.rigs.qradar import own_certificate

T = TypeVar("T")


@contextmanager
def receiving(**options: object) -> Iterator[Qradar]:
    """Run a receiver over TLS; the options are those of the stand-in."""
    app = qradar.new_app(options=Options(**{"certificate": own_certificate(), **options}))
    try:
        yield app
    finally:
        app.close()


@dataclass
class Played:
    """What a scenario is run with: settings, and the metrics that it leaves."""

    settings: dict[str, str]
    metrics: Metrics = field(default_factory=Metrics)

    def run(self, main: Callable[[Delivering], Awaitable[T]]) -> T:
        async def scenario() -> T:
            function = load("qradar_forwarder", self.settings, self.metrics)
            await function.start()
            try:
                return await main(Delivering(function))
            finally:
                await function.stop()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as functions are served
            return runner.run(scenario())


def play(app: Qradar, main: Callable[[Delivering], Awaitable[T]], **settings: str) -> T:
    """Run a scenario with a started function that speaks to this receiver."""
    return played(app, **settings).run(main)


def played(app: Qradar, **settings: str) -> Played:
    return Played({"QRADAR_ADDRESS": app.address, "QRADAR_CA_FILE": str(own_certificate()), **settings})
