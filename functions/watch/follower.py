"""Follows one kind of one cluster: compares it with what was seen, then goes on with a watch, for ever."""

import asyncio
import logging
import random
from contextlib import aclosing

from shared.cluster.api import Api, ApiError
from shared.cluster.changes import Change, Said, changes
from shared.cluster.comparison import Comparison
from shared.cluster.emitter import Emitter, batches
from shared.cluster.kinds import Kind, Resource, find
from shared.cluster.memory import Memory
from shared.cluster.parts import Parts
from shared.cluster.trouble import CAUSES, Backoff, needs_people, reason_of, words_of
from shared.telemetry.metrics import Metrics

log = logging.getLogger("tidings.watch")

NAME = "watch"
_AGAIN = 300.0  # seconds after which a kind that the cluster does not serve is looked for again
_SHORT = 0.5  # seconds within which no server should end a watch
_SOON = 2


class Follower:
    """Use: `run` as a task; `problem` says what is wrong, in words, and nothing while all is well."""

    def __init__(  # noqa: PLR0913 - everything that it works with, none of it its own
        self,
        api: Api,
        kind: Kind,
        *,
        parts: Parts,
        metrics: Metrics,
        silence: float,
        lists: asyncio.Semaphore,
    ) -> None:
        """`silence` is in seconds; `lists` bounds how many compare at a time."""
        self.kind = kind
        self._api = api
        self._parts = parts
        self._metrics = metrics
        self._silence = silence
        self._lists = lists
        self._backoff = Backoff()
        self._heard: float | None = None
        self._trouble: Exception | None = None

    @property
    def cluster(self) -> str:
        """Return the cluster's name."""
        return self._api.cluster

    def problem(self, now: float) -> str:
        """Return what is wrong at this time of the loop's clock: what needs people at once, all else after a while."""
        if self._trouble is not None and needs_people(self._trouble):
            return words_of(self._trouble)
        if self._heard is not None and now - self._heard <= self._silence:
            return ""
        if self._heard is None and self._trouble is None:
            return "not looked at yet"
        if self._trouble is None or reason_of(self._trouble) == "broken":
            return "nothing was heard for too long"
        return words_of(self._trouble)

    async def run(self) -> None:
        """Follow, whatever fails, until cancelled."""
        while True:
            wanted = 0.0
            try:
                await self._follow()
                continue
            except CAUSES as error:
                self._failed(error)
                wanted = error.after if isinstance(error, ApiError) else 0.0
            except Exception as error:
                # A mistake of ours in one kind: the others go on, and it is tried again as everything is.
                log.exception("a kind cannot be watched by a mistake", extra={"kind": str(self.kind)})
                self._failed(error)
            await asyncio.sleep(self._backoff.seconds(wanted))

    async def _follow(self) -> None:
        resource = await find(self._api, self.kind)
        if resource is None:
            self._lives()
            await self._rest()
            return
        selector, memory, emitter = self._parts.of(self._api, resource)
        version = await memory.cursor()
        while True:
            if not version:
                version = await self._compare(resource, selector, memory, emitter)
            try:
                version = await self._watch(resource, version, selector, memory, emitter)
            except ApiError as error:
                if error.why != "expired":
                    raise
                self._metrics.count("tidings_source_relists_total", function=NAME, kind=self.kind.name)
                log.info("a watch is too old to go on", extra={"cluster": self.cluster, "kind": str(self.kind)})
                version = ""
                await memory.move(version)
                await asyncio.sleep(self._backoff.seconds())

    async def _compare(self, resource: Resource, selector: str, memory: Memory, emitter: Emitter) -> str:
        async with self._lists:
            comparison = Comparison(self._api, resource, selector, memory, emitter)
            await comparison.go_on()
        await memory.move(comparison.version)
        self._lives()
        return comparison.version

    async def _watch(self, resource: Resource, version: str, selector: str, memory: Memory, emitter: Emitter) -> str:
        """Watch until the server ends it; return the version to go on from."""
        began = asyncio.get_running_loop().time()
        seconds = self._seconds()
        async with aclosing(changes(self._api, resource, version, selector, seconds=seconds)) as stream:
            async for said in stream:
                await self._take(said, memory, emitter)
                if said.version:
                    version = said.version
                    await memory.move(version)
                    self._lives()  # that a stream opens says nothing: what is not taken, or never said, comes now
        if asyncio.get_running_loop().time() - began < _SHORT:
            raise ApiError("busy", "the server ends each watch at once")
        self._lives()
        return version

    def _seconds(self) -> int:
        """Return how long a watch shall last: not all end at once, and each one's end comes before a silence too long.

        The first one, and that after a trouble, is short: its end is a sign of life, and of Events the API server sends
        no bookmarks that would be one.
        """
        if self._trouble is not None or self._heard is None:
            return _SOON if self._silence > 2 * _SOON else 1
        return max(1, int(self._silence * random.uniform(0.5, 0.75)))  # noqa: S311 - spreads load, hides nothing

    async def _take(self, said: Said, memory: Memory, emitter: Emitter) -> None:
        if said.too_large:
            log.error("an object is larger than any is read", extra={"cluster": self.cluster, "kind": str(self.kind)})
            self._metrics.count(
                "tidings_dropped_total", said.too_large, function=NAME, reason="too_large", intentional="false"
            )
        for batch in batches(said.changes):
            fresh = await self._fresh(batch, memory)
            if fresh:
                await emitter.emit(fresh)
                await memory.note(fresh)

    async def _fresh(self, batch: list[Change], memory: Memory) -> list[Change]:
        """Return what was not emitted in just this version before, as by a comparison that came first."""
        known = await memory.versions([change.uid for change in batch])
        return [one for one in batch if one.operation == "delete" or known.get(one.uid) != one.version]

    async def _rest(self) -> None:
        """Wait until a kind that is not there is looked for again; waiting is no silence."""
        end = asyncio.get_running_loop().time() + _AGAIN
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(min(_AGAIN, self._silence / 2))
            self._lives()

    def _lives(self) -> None:
        if self._trouble is not None:
            log.warning("a kind can be watched again", extra={"cluster": self.cluster, "kind": str(self.kind)})
        self._heard = asyncio.get_running_loop().time()
        self._trouble = None
        self._backoff.reset()

    def _failed(self, error: Exception) -> None:
        self._metrics.count("tidings_source_failures_total", function=NAME, reason=reason_of(error))
        if self._trouble is None or reason_of(self._trouble) != reason_of(error):
            log.warning(
                "a kind cannot be watched now",
                extra={"cluster": self.cluster, "kind": str(self.kind), "why": words_of(error), "detail": str(error)},
            )
        self._trouble = error
