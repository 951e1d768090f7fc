"""Keeps and finds the labels of namespaces in the store."""

from collections.abc import Mapping, Sequence

from shared.episodes.namespaces import decode, encode, is_namespace, key_of, project
from shared.events.model import Observation
from shared.stores.protocol import ABSENT, Store

_TRIES = 5
_DELETED_SECONDS = 86_400.0  # long enough that an update which comes late does not bring the labels back


class Namespaces:
    """The projections of namespaces."""

    def __init__(self, store: Store, wanted: Sequence[str]) -> None:
        self._store = store
        self._wanted = wanted

    async def remember(self, seen: Observation) -> None:
        """Keep what a Namespace observation says, unless a newer one was here. Raises StoreUnavailableError."""
        if not is_namespace(seen):
            return
        new = project(seen, self._wanted)
        key = key_of(seen.cluster, seen.object.name)
        ttl = _DELETED_SECONDS if seen.operation == "delete" else None
        for _ in range(_TRIES):
            entry = await self._store.get(key)
            if entry is not None:
                known = decode(entry.value)
                if known.time > new.time or known == new:
                    return
            expected = ABSENT if entry is None else entry.revision
            if await self._store.put(key, encode(new), expected=expected, ttl=ttl) is not None:
                return

    async def labels(self, seen: Observation) -> Mapping[str, str]:
        """Return the labels of the observed object's namespace, empty where unknown. Raises StoreUnavailableError."""
        name = seen.object.name if seen.object.kind == "Namespace" else seen.object.namespace
        if not name:
            return {}
        entry = await self._store.get(key_of(seen.cluster, name))
        return {} if entry is None else decode(entry.value).labels
