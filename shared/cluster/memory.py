"""What was seen of one kind of one cluster, in the store: each object's version, and up to where the watch has come.

An object takes about 150 bytes under `seen.<kind>.<object>`, both hashed. What was accepted by the broker is written
here afterwards, so a crash in between makes something come twice, and never not at all.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from shared.cluster.changes import Change
from shared.cluster.kinds import Resource
from shared.events.identity import digest
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Entry, Store

_PAGE = 500
_DAY = 86_400.0  # for Events, which the cluster itself forgets after an hour or some


class Record(NamedTuple):
    """An object that was seen: where its record is, and enough to say that it is gone."""

    key: str
    version: str
    namespace: str
    name: str
    uid: str


class Memory:
    """The memory of one kind of one cluster; several processes may share it. Raises StoreUnavailableError."""

    def __init__(self, store: Store, cluster: str, resource: Resource) -> None:
        self._store = store
        kind = digest("watched", cluster, str(resource.kind))
        self._prefix = f"seen.{kind}."
        self._cursor = f"cursor.{kind}"
        self._ttl = None if resource.remembered else _DAY

    def key(self, uid: str) -> str:
        """Return the key of an object."""
        return self._prefix + digest("uid", uid)

    async def versions(self, uids: Sequence[str]) -> dict[str, str]:
        """Return the version that was last seen of each of these objects that was ever seen."""
        entries = await asyncio.gather(*(self._store.get(self.key(uid)) for uid in uids))
        return {uid: _read(entry).version for uid, entry in zip(uids, entries, strict=True) if entry is not None}

    async def note(self, changes: Sequence[Change]) -> None:
        """Remember what the broker has accepted; of one object there is one change at most among them."""
        await asyncio.gather(*(self._note(change) for change in changes))

    async def forget(self, records: Sequence[Record]) -> None:
        """Forget objects that are gone, but for one that somebody has seen anew meanwhile."""
        await asyncio.gather(*(self._forget(record.key, record.version) for record in records))

    async def all(self, after: str = "") -> list[Record]:
        """Return some of what is remembered, in the order of keys; the next ones come after the last of these."""
        found = self._store.scan(self._prefix, after=after, limit=_PAGE)
        return [_read(entry) async for entry in found]

    async def cursor(self) -> str:
        """Return the version from which the watch goes on, empty where there is none."""
        entry = await self._store.get(self._cursor)
        return "" if entry is None else entry.value.decode()

    async def move(self, version: str) -> None:
        """Set the version from which the watch goes on; empty where it must begin with a list."""
        for attempt in range(TRIES):
            entry = await self._store.get(self._cursor)
            expected = ABSENT if entry is None else entry.revision
            if await self._store.put(self._cursor, version.encode(), expected=expected) is not None:
                return
            await pause(attempt)

    async def _note(self, change: Change) -> None:
        key = self.key(change.uid)
        if change.operation == "delete":
            await self._forget(key, change.version)
            return
        record = [change.version, change.namespace, change.name, change.uid]
        for attempt in range(TRIES):
            entry = await self._store.get(key)
            if entry is not None and not is_newer(change.version, _read(entry).version):
                return
            expected = ABSENT if entry is None else entry.revision
            if await self._store.put(key, orjson.dumps(record), expected=expected, ttl=self._ttl) is not None:
                return
            await pause(attempt)

    async def _forget(self, key: str, version: str) -> None:
        entry = await self._store.get(key)
        if entry is not None and not is_newer(_read(entry).version, version):
            await self._store.delete(key, expected=entry.revision)


def is_newer(version: str, than: str) -> bool:
    """Return True where a version is later than another one of the same kind; versions are decimal numbers.

    Where they are not (a server that does not keep to Kubernetes 1.35's word), any other one counts as later.
    """
    if version.isdecimal() and than.isdecimal():
        return int(version) > int(than)
    return version != than


def _read(entry: Entry) -> Record:
    version, namespace, name, uid, *_ = orjson.loads(entry.value)  # a newer release may have put more behind
    return Record(entry.key, version, namespace, name, uid)
