"""The function `reconcile`: at ticks it lists what there is, compares with what was seen, and emits the difference.

What a best-effort source lost is told then, and what is gone without a word is told to be deleted, so that its problems
end. It emits what that source would have sent: whoever had it already knows it by its identity.
"""

import asyncio

from pydantic import Field

from functions.reconcile.rounds import NAME, Rounds
from shared.cluster.access import Cluster
from shared.cluster.api import Api
from shared.cluster.parts import Parts
from shared.cluster.settings import ClusterSettings
from shared.cluster.settings import clusters as named_clusters
from shared.cluster.trouble import together
from shared.events.cloudevent import TICK, CloudEvent
from shared.events.outcome import Done, Ignored
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.handover import Handover
from shared.settings.environment import Environ, read
from shared.stores.protocol import Store
from shared.telemetry.metrics import Metrics

_TICKS = frozenset({TICK, "dev.knative.sources.ping"})  # a PingSource cannot choose its type
_SPARE = 3.0  # seconds before the deadline at which a tick ends: a batch that is under way ends, too
_CONNECTIONS = 4


class ReconcileSettings(ClusterSettings):
    """Settings of reconcile."""

    every: float = Field(
        default=300.0,
        alias="RECONCILE_EVERY",
        ge=0,
        le=86_400,
        description="Seconds from the beginning of one round over all kinds to that of the next.",
    )


class Reconcile:
    """Goes round by round; one tick at a time is at work."""

    name = NAME

    def __init__(self, settings: ReconcileSettings, named: tuple[Cluster, ...], metrics: Metrics, parts: Parts) -> None:
        self._parts = parts
        self._every = settings.every
        self._apis = [Api(cluster, _CONNECTIONS) for cluster in named]
        self._rounds = Rounds(self._apis, settings.parsed_kinds, parts, metrics)
        self._busy = asyncio.Lock()
        self._due = float("-inf")

    async def start(self) -> None:
        """Open nothing: connections are opened by the first tick."""

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Go on with a round, or begin one that is due."""
        if event.type not in _TICKS:
            return Result(Ignored("no tick"))
        if not self._apis:
            return Result(Ignored("no cluster is known"))
        if self._busy.locked():
            return Result(Ignored("an earlier tick is at work"))
        async with self._busy:
            now = asyncio.get_running_loop().time()
            if not self._rounds.under_way:
                if now < self._due:
                    return Result(Ignored("the next round is not due yet"))
                self._due = now + self._every
            # What fails is told by readiness, log and metrics: the next tick comes soon, and this one would be stale.
            await self._rounds.go_on(call.deadline - _SPARE)
        return Result(Done())

    def readiness(self) -> Readiness:
        """Return what could not be looked at the last time."""
        return Readiness(together(self._rounds.problems()))

    async def stop(self) -> None:
        """Close the connections."""
        for api in self._apis:
            await api.close()
        await self._parts.close()


def new(
    environ: Environ,
    metrics: Metrics,
    *,
    store: Store | None = None,
    handover: Handover | None = None,
    clusters: tuple[Cluster, ...] | None = None,
) -> Reconcile:
    """Build the function; of files it looks at the kubeconfig alone. `clusters` go before those of the settings.

    Raises SettingsError.
    """
    settings = read(ReconcileSettings, environ)
    named = named_clusters(settings, environ) if clusters is None else clusters
    return Reconcile(settings, named, metrics, Parts(NAME, settings, environ, metrics, store=store, handover=handover))
