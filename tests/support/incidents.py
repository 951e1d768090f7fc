"""The servicenow_incident function against the stand-in over real HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from functions.servicenow_incident.handler import new
from shared.events.cloudevent import CloudEvent, type_of_transition
from shared.events.episode import Episode
from shared.events.outcome import InProgress, Retry
from shared.local.standins import servicenow
from shared.runtime.function import Call, Result
from shared.runtime.ticketing import Ticketing
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.servers import serve
from tests.support.tickets import Clock, episode


class Instance:
    """A stand-in that is served, and functions that deliver to it."""

    def __init__(self, url: str, app: Any) -> None:
        self.url = url
        self.app = app
        self.metrics = Metrics()
        self.clock = Clock()
        self.store = MemoryStore(self.clock)

    def function(self, **settings: str) -> Ticketing:
        environ = {
            "SERVICENOW_INSTANCE": self.url,
            "SERVICENOW_USERNAME": "tidings",
            "SERVICENOW_PASSWORD": "tidings",
            **settings,
        }
        function = new({name: value for name, value in environ.items() if value}, self.metrics, store=self.store)
        function._tickets._claims.clock = self.clock
        return function

    def play(self, main: Callable[["Delivering"], Awaitable[Any]], **settings: str) -> Any:
        """Run a scenario with a started function."""

        async def scenario() -> Any:
            function = self.function(**settings)
            await function.start()
            try:
                return await main(Delivering(function))
            finally:
                await function._system.close()

        return asyncio.run(scenario())

    def incidents(self) -> list[dict[str, str]]:
        return list(self.app.records("incident"))

    def active(self) -> list[dict[str, str]]:
        return [row for row in self.incidents() if row["state"] in {"1", "2", "3"}]

    def notes(self, row: dict[str, str]) -> list[str]:
        return [entry["value"] for entry in self.app.journal(row["sys_id"])]


class Delivering:
    """A started function, called as the edge calls it."""

    def __init__(self, function: Ticketing) -> None:
        self.function = function

    async def __call__(self, one: Episode, seconds: float = 10.0) -> Result:
        event = CloudEvent(
            id=f"{one.id}-{one.revision}",
            source="tidings/correlator",
            type=type_of_transition(one.transition),
            extensions={"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"},
            data=one.model_dump(mode="json"),
        )
        return await self.function.handle(event, Call(asyncio.get_running_loop().time() + seconds))


@contextmanager
def instance(**options: Any) -> Iterator[Instance]:
    """Serve a stand-in with these options of its instance."""
    app = servicenow.new_app(database=":memory:", options=servicenow.Options(**options))
    try:
        with serve(app) as url:
            yield Instance(url, app)
    finally:
        app.close()


async def settle(deliver: Delivering, clock: Clock, turns: int = 6, seconds: float = 10.0) -> list[type]:
    """Deliver again as a broker does until the answer is final."""
    outcomes: list[type] = []
    for _ in range(turns):
        outcomes.append(type((await deliver(episode(), seconds)).outcome))
        if outcomes[-1] not in {Retry, InProgress}:
            break
        clock.now += 30
    return outcomes


def settling(sn: Instance) -> Callable[[Delivering], Coroutine[Any, Any, list[type]]]:
    """Return `settle` for an instance."""

    async def main(deliver: Delivering) -> list[type]:
        return await settle(deliver, sn.clock)

    return main
