"""Keeps and finds the labels of namespaces in the store."""

import asyncio
from collections.abc import Mapping, Sequence

from shared.episodes.namespaces import NAMESPACE, NODE, decode, encode, is_place, key_of, project
from shared.events.model import Observation
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Store

_READ_SECONDS = 2.0  # in a storm the same namespace is asked for at each observation
_MAX_READ = 1000
_DELETED_SECONDS = 86_400.0  # long enough that an update which comes late does not bring the labels back


class Namespaces:
    """The projections of namespaces. What another replica learns is used here a few seconds later."""

    def __init__(self, store: Store, wanted: Sequence[str]) -> None:
        self._store = store
        self._wanted = wanted
        self._read: dict[tuple[str, str, str], tuple[float, Mapping[str, str]]] = {}  # until when

    async def remember(self, seen: Observation) -> None:
        """Keep what an observation of a namespace or node says, unless a newer one was here.

        Raises StoreUnavailableError.
        """
        if not is_place(seen):
            return
        new = project(seen, self._wanted)
        key = key_of(seen.cluster, seen.object.kind, seen.object.name)
        ttl = _DELETED_SECONDS if seen.operation == "delete" else None
        for attempt in range(TRIES):
            entry = await self._store.get(key)
            if entry is None and not new.labels:
                return  # a node tells of itself every few minutes
            if entry is not None:
                known = decode(entry.value)
                if known.time > new.time or known == new:
                    return
            expected = ABSENT if entry is None else entry.revision
            if await self._store.put(key, encode(new), expected=expected, ttl=ttl) is not None:
                self._read.pop((seen.cluster, seen.object.kind, seen.object.name), None)
                return
            await pause(attempt)

    async def labels(self, seen: Observation) -> Mapping[str, str]:
        """Return the labels of the observed object's namespace, or of the node itself, empty where unknown.

        Raises StoreUnavailableError.
        """
        thing = seen.object
        if thing.kind in {NAMESPACE, NODE}:
            return await self.of(seen.cluster, thing.kind, thing.name)
        return await self.of(seen.cluster, NAMESPACE, thing.namespace)

    async def of(self, cluster: str, kind: str, name: str) -> Mapping[str, str]:
        """Return the labels of a namespace or node, empty where unknown. Raises StoreUnavailableError."""
        if not name:
            return {}
        now = asyncio.get_running_loop().time()
        until, labels = self._read.get((cluster, kind, name), (now, {}))
        if until > now:
            return labels
        entry = await self._store.get(key_of(cluster, kind, name))
        labels = {} if entry is None else decode(entry.value).labels
        if len(self._read) >= _MAX_READ:
            self._read.clear()
        self._read[cluster, kind, name] = (now + _READ_SECONDS, labels)
        return labels
