"""Compares all objects of a kind with what was seen of them, and emits what differs: also that some are gone.

This is how a watch begins and how it goes on once its version is too old, and what `reconcile` does all the time.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime

from shared.cluster.api import Api, ApiError
from shared.cluster.changes import Change
from shared.cluster.emitter import Emitter, batches
from shared.cluster.kinds import Resource
from shared.cluster.memory import Memory, Record, is_newer
from shared.cluster.pages import Page
from shared.events.listed import Listed

_PAGE_SECONDS = 120.0
_AT_ONCE = 64
_MOST_BYTES = 1024 * 1024


class Comparison:
    """One comparison, begun with the first `go_on`. Of each object that there is it holds a number, no more."""

    def __init__(self, api: Api, resource: Resource, selector: str, memory: Memory, emitter: Emitter) -> None:
        self.version = ""
        self._api = api
        self._resource = resource
        self._selector = selector
        self._memory = memory
        self._emitter = emitter
        self._begin()

    async def go_on(self, until: float = float("inf")) -> bool:
        """Work until all is done (True), or until this time of the running loop's clock (False).

        Raises ApiError, BrokerFullError, StoreUnavailableError; it may be called again after any of them.
        """
        while not self._listed:
            try:
                if not await self._page(until):
                    return False
            except ApiError as error:
                if error.why == "broken" and _late(until):
                    return False  # it was cut off by us: the next time has more time for this page
                if error.why == "expired":  # the pages that follow are those of a list that the server has forgotten
                    self._begin()
                raise
        if not self._complete:
            return await self._end()
        while not self._swept:
            if _late(until):
                return False
            await self._sweep()
        return await self._end()

    def _begin(self) -> None:
        self.version = ""
        self._following = ""
        self._there: set[int] = set()
        self._after = ""
        self._listed = self._swept = False
        self._complete = True
        self._changed = self._gone = 0
        self._started = datetime.now(UTC)

    async def _page(self, until: float) -> bool:
        """Compare one page; False where time is up, and then the page comes again, of which the most is known."""
        loop = asyncio.get_running_loop()
        if _late(until):
            return False
        page = Page(self._api, self._resource, self._selector, self._following)
        found: list[Change] = []
        waiting = 0
        async with aclosing(page.objects(min(_PAGE_SECONDS, until - loop.time()))) as objects:
            async for thing, size in objects:
                found.append(Change("update", thing, size))
                waiting += size
                if len(found) == _AT_ONCE or waiting > _MOST_BYTES:
                    await self._compare(found)
                    found, waiting = [], 0
                    if _late(until):
                        return False
        await self._compare(found)
        self.version = self.version or page.version  # of the first page: what came later is nobody's loss
        self._complete = self._complete and not page.unreadable
        self._following = page.following
        self._listed = not page.following
        return True

    async def _compare(self, found: list[Change]) -> None:
        known = await self._memory.versions([change.uid for change in found])
        for batch in batches(self._new(found, known)):
            await self._emitter.emit(batch)
            await self._memory.note(batch)
            self._changed += len(batch)
        self._there.update(hash(self._memory.key(change.uid)) for change in found)

    def _new(self, found: list[Change], known: dict[str, str]) -> Iterator[Change]:
        for change in found:
            version = known.get(change.uid)
            if version is None:
                yield change._replace(operation="add")
            elif is_newer(change.version, version):
                yield change

    async def _sweep(self) -> None:
        """Emit that some of what is remembered is gone: what the list had not, though it was there before the list."""
        records = await self._memory.all(self._after)
        gone = [record for record in records if hash(record.key) not in self._there and self._is_before(record)]
        if self._resource.remembered:
            for batch in batches(map(self._ended, gone)):
                await self._emitter.emit(batch)
        await self._memory.forget(gone)
        self._gone += len(gone)
        self._swept = not records
        self._after = records[-1].key if records else self._after

    def _is_before(self, record: Record) -> bool:
        return record.version.isdecimal() and self.version.isdecimal() and not is_newer(record.version, self.version)

    def _ended(self, record: Record) -> Change:
        """Return the end of an object of which no state is left."""
        metadata = {"name": record.name, "uid": record.uid, "resourceVersion": record.version}
        if record.namespace:
            metadata["namespace"] = record.namespace
        kind = self._resource.kind
        return Change("delete", {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}, 0)

    async def _end(self) -> bool:
        kind = self._resource.kind
        listed = Listed(
            cluster=self._api.cluster,
            api_version=kind.api_version,
            kind=kind.name,
            resource_version=self.version,
            objects=len(self._there),
            changed=self._changed,
            gone=self._gone,
            complete=self._complete,
            started=self._started,
            ended=datetime.now(UTC),
        )
        await self._emitter.listed(listed)
        return True


def _late(until: float) -> bool:
    return asyncio.get_running_loop().time() > until - 0.1
