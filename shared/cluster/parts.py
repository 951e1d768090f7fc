"""What a source is made of besides clusters: where events go, and where is kept what was seen."""

from shared.cluster.api import Api
from shared.cluster.emitter import Emitter
from shared.cluster.kinds import Resource
from shared.cluster.memory import Memory
from shared.cluster.settings import ClusterSettings
from shared.runtime.handover import Handover
from shared.settings.environment import Environ, SettingsError
from shared.stores.protocol import Store
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics


class Parts:
    """Given by the host, or opened here by the settings; what was opened here is closed here."""

    def __init__(  # noqa: PLR0913 - each is one part
        self,
        function: str,
        settings: ClusterSettings,
        environ: Environ,
        metrics: Metrics,
        *,
        store: Store | None,
        handover: Handover | None,
    ) -> None:
        """Raises SettingsError."""
        self._function = function
        self._settings = settings
        self._metrics = metrics
        self._handover = _sink(settings) if handover is None else handover
        self._store = _store(settings, environ) if store is None else store
        self._owned = store is None

    def of(self, api: Api, resource: Resource) -> tuple[str, Memory, Emitter]:
        """Return the field selector, the memory and the emitter of one kind of one cluster."""
        return (
            self._settings.selector(namespaced=resource.namespaced),
            Memory(self._store, api.cluster, resource),
            Emitter(self._handover, self._metrics, self._function, api, resource),
        )

    async def close(self) -> None:
        """Close the connections to the broker, and the store where it is ours."""
        close = getattr(self._handover, "close", None)
        if close is not None:
            await close()
        if self._owned:
            await self._store.close()


def _sink(settings: ClusterSettings) -> Handover:
    if not settings.sink:
        raise SettingsError(["K_SINK is not set: set it to the broker's address, as a SinkBinding does"])
    from shared.runtime.sink import HttpPublisher  # the HTTP client, only where it is used

    return HttpPublisher(settings.sink)


def _store(settings: ClusterSettings, environ: Environ) -> Store:
    try:
        return open_store(settings.store_url, environ)
    except ValueError as error:
        raise SettingsError([f"STORE_URL: {error}"]) from None
