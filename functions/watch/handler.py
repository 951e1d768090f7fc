"""The function `watch`: a source. It follows kinds of clusters and hands what happens to the broker.

It runs as a ContainerSource or within `tidings up --kubeconfig`; events that are sent to it are none of its business.
"""

import asyncio

from pydantic import Field

from functions.watch.follower import NAME, Follower
from shared.cluster.access import Cluster
from shared.cluster.api import Api
from shared.cluster.parts import Parts
from shared.cluster.settings import ClusterSettings, clusters
from shared.cluster.trouble import together
from shared.events.cloudevent import CloudEvent
from shared.events.outcome import Ignored
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.handover import Handover
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

_LISTS_AT_ONCE = 4  # what they hold at a time is some MiB each


class WatchSettings(ClusterSettings):
    """Settings of watch."""

    silence: float = Field(
        default=300.0,
        alias="WATCH_SILENCE",
        ge=2,
        le=3600,
        description="Seconds without a sign of life of a watch after which it is not ready. Watches are begun anew "
        "more often than that.",
    )


class Watch:
    """Follows each kind of each cluster by a task of its own."""

    name = NAME

    def __init__(self, settings: WatchSettings, named: tuple[Cluster, ...], metrics: Metrics, parts: Parts) -> None:
        self._parts = parts
        kinds = settings.parsed_kinds
        self._apis = [Api(cluster, connections=len(kinds) + _LISTS_AT_ONCE) for cluster in named]
        lists = asyncio.Semaphore(_LISTS_AT_ONCE)
        self._followers = [
            Follower(api, kind, parts=parts, metrics=metrics, silence=settings.silence, lists=lists)
            for api in self._apis
            for kind in kinds
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to follow; where a cluster cannot be reached, readiness says so until it can."""
        self._tasks = [asyncio.create_task(follower.run()) for follower in self._followers]

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - it takes none
        """Take no event."""
        return Result(Ignored("it is a source"))

    def readiness(self) -> Readiness:
        """Return what is not seen now, and why."""
        if not self._tasks:
            return Readiness(("it has not begun",))
        now = self._tasks[0].get_loop().time()
        found = ((one.cluster, str(one.kind), one.problem(now)) for one in self._followers)
        return Readiness(together(problem for problem in found if problem[2]))

    async def stop(self) -> None:
        """Stop following; what was not handed over yet is found at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for api in self._apis:
            await api.close()
        await self._parts.close()


def new(environ: Environ, metrics: Metrics, *, store: Store | None = None, handover: Handover | None = None) -> Watch:
    """Build the function from the environment; of files it looks at the kubeconfig alone. Raises SettingsError."""
    settings = read(WatchSettings, environ)
    return Watch(
        settings,
        clusters(settings, environ),
        metrics,
        Parts(NAME, settings, environ, metrics, store=store, handover=handover),
    )
