"""Conditions that begin by time alone, as a certificate's end comes near: kept in an index by time, looked at by ticks.

`expiry.<second>.<version>` holds the redacted version that said so; it is written before that version is answered. When
its time has come the condition is put down in the object's record, then published, and only then the entry goes:
whoever dies in between tells the same once more.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.changes import record
from shared.changes.findings import Transition, due_at
from shared.changes.made import observations
from shared.changes.record import Answer
from shared.changes.step import NONE, Seen, seen_of
from shared.events.attributes import clean
from shared.events.cloudevent import CloudEvent
from shared.events.codec import from_json, to_json
from shared.events.identity import digest
from shared.events.model import Observation
from shared.sources.registry import decode
from shared.stores.protocol import ABSENT, Entry, Store

_PREFIX = "expiry."
_DIGITS = 12
_MOST = 50  # entries that one tick looks at; the next one goes on
_SPARE = 90 * 86_400.0  # how long an entry outlives its time, where no tick comes
_SET_ASIDE = 600  # seconds until an unreadable entry is looked at again: a newer replica may have written it
_LOG = logging.getLogger("tidings.changes")

Publish = Callable[[Sequence[Observation], CloudEvent], Awaitable[bool]]


class Expiries:
    """The index of what begins by time."""

    def __init__(self, store: Store, certificate_days: int) -> None:
        self._store = store
        self._days = certificate_days

    async def remember(self, seen: Seen, event: CloudEvent) -> None:
        """Put down when a condition of this version will begin by itself. Raises StoreUnavailableError."""
        observation = seen.observation
        due = due_at(seen.thing, observation.object.kind, self._days)
        if due is None or due <= observation.received or observation.operation == "delete":
            return
        version = digest("expiry", observation.identity)
        key = f"{_PREFIX}{int(due.timestamp()) + 1:0{_DIGITS}d}.{version}"
        named = event.with_extensions(cluster=clean(observation.cluster))
        value = to_json(named._replace(data=observation.original))
        ttl = (due - observation.received).total_seconds() + _SPARE
        await self._store.put(key, value, expected=ABSENT, ttl=ttl)  # where it is there, it is this very one

    async def work(self, now: datetime, publish: Publish) -> bool:
        """Publish what has begun by now; False where not all of it could be told. Raises StoreUnavailableError."""
        end = f"{_PREFIX}{int(now.timestamp()) + 1:0{_DIGITS}d}"
        due = [entry async for entry in self._store.scan(_PREFIX, before=end, limit=_MOST)]
        complete = True
        for entry in due:  # one that cannot be told now keeps no other one waiting
            try:
                told = await self._begin(entry, now, publish)
            except ValueError:
                _LOG.error("an expiry cannot be read, and is set aside", extra={"key": entry.key})
                await self._put_off(entry, now)
                continue
            complete = complete and told
            if told:
                await self._store.delete(entry.key, expected=entry.revision)
        return complete

    async def _put_off(self, entry: Entry, now: datetime) -> None:
        version = entry.key.rpartition(".")[2]
        later = f"{_PREFIX}{int(now.timestamp()) + _SET_ASIDE:0{_DIGITS}d}.{version}"
        await self._store.put(later, entry.value, expected=ABSENT, ttl=_SPARE)
        await self._store.delete(entry.key, expected=entry.revision)

    async def _begin(self, entry: Entry, now: datetime, publish: Publish) -> bool:
        """Put the condition of one entry down and publish it, unless the object has a newer version since."""
        event = from_json(entry.value)._replace(time=now)
        decoded = decode(event, cluster="", now=now)
        if not isinstance(decoded, list):
            return True
        seen = seen_of(decoded[0], event.data, self._days)
        observation = seen.observation
        key = record.key_of(observation.cluster, observation.object)
        held = await self._store.get(key)
        known = None if held is None else record.decode(held.value)
        if held is None or known is None or known.version != observation.resource_version:
            return True  # the newer version has an entry of its own
        begun = [one for one in seen.findings if one.bad and one.row.how == "expiry"]
        conditions = {**known.conditions, **{one.key: one.marker for one in begun}}
        noted = record.encode(replace(known, conditions=conditions))
        if await self._store.put(key, noted, expected=held.revision, ttl=record.KEPT_SECONDS) is None:
            return False
        told = tuple(Transition(one.key, began=True) for one in begun)
        answer = Answer(digest("expired", observation.identity), known=True, differences=NONE, transitions=told)
        found = [one for one in observations(seen, answer) if one.reason]
        return await publish([one.model_copy(update={"identity": answer.identity}) for one in found], event)
