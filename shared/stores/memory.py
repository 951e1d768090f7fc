"""The store in memory: for tests and for trying out; it forgets everything with its process."""

import bisect
import time
from collections.abc import AsyncIterator, Callable

from shared.stores.limits import check
from shared.stores.protocol import Entry, StoreUnavailableError

_PURGE_EVERY = 1000  # writes between two looks for what expired
_CLOSED = "the store is closed"


class MemoryStore:
    """A store of one event loop. `clock` returns seconds of the wall clock."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: dict[str, Entry] = {}
        self._keys: list[str] = []  # sorted, so that a scan never sorts
        self._revision = 0  # of the whole store: a key that was deleted and made again has a new one
        self._writes = 0
        self._closed = False

    async def get(self, key: str) -> Entry | None:
        """Return the entry, or None where there is none or it expired."""
        self._open()
        check(key)
        return self._alive(key)

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        """Write if the key's revision is `expected`; return the new revision, or None where another was first."""
        self._open()
        check(key, value)
        found = self._alive(key)
        if (found.revision if found else 0) != expected:
            return None
        self._purge()
        self._revision += 1
        if key not in self._kept:
            bisect.insort(self._keys, key)
        expires = None if ttl is None else self._clock() + ttl
        self._kept[key] = Entry(key, value, self._revision, expires)
        return self._revision

    async def delete(self, key: str, *, expected: int) -> bool:
        """Delete if the key's revision is `expected`."""
        self._open()
        check(key)
        found = self._alive(key)
        if found is None or found.revision != expected:
            return False
        self._remove(key)
        return True

    async def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        """Iterate at most `limit` entries under `prefix` in key order, keys between `after` and `before` only."""
        self._open()
        last = after
        for _ in range(limit):
            entry = self._next(prefix, last)
            if entry is None or (before and entry.key >= before):
                return
            yield entry
            self._open()
            last = entry.key

    async def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._kept.clear()
        self._keys.clear()

    def _open(self) -> None:
        if self._closed:
            raise StoreUnavailableError(_CLOSED)

    def _alive(self, key: str) -> Entry | None:
        entry = self._kept.get(key)
        if entry is None or (entry.expires is not None and entry.expires <= self._clock()):
            return None
        return entry

    def _next(self, prefix: str, after: str) -> Entry | None:
        place = bisect.bisect_right(self._keys, after) if after >= prefix else bisect.bisect_left(self._keys, prefix)
        for index in range(place, len(self._keys)):  # no slice: a scan would copy the rest at each step
            key = self._keys[index]
            if not key.startswith(prefix):
                return None
            entry = self._alive(key)
            if entry is not None:
                return entry
        return None

    def _purge(self) -> None:
        self._writes += 1
        if self._writes % _PURGE_EVERY == 0:
            for key in [key for key in self._keys if self._alive(key) is None]:
                self._remove(key)

    def _remove(self, key: str) -> None:
        del self._kept[key]
        del self._keys[bisect.bisect_left(self._keys, key)]
