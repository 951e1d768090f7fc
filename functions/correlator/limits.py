"""The limit of tickets: who has one of the places of a time, counted in the store so that all replicas share them."""

import orjson

from shared.episodes.policy import Limit
from shared.runtime.turns import Turns
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Store

LIMITS = "limit."


class Limits:
    """Places under limits of tickets. One key's places are taken in turn within a process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = Turns()

    async def take(self, key: str, who: str, limit: Limit, now: float) -> bool:
        """Return True where `who` has a place at `now` (seconds); asking again takes no second one.

        Where other replicas are first each time it has none. Raises StoreUnavailableError.
        """
        async with self._turns.of(key):
            for attempt in range(TRIES):
                entry = await self._store.get(LIMITS + key)
                taken = [] if entry is None else _read(entry.value)
                kept = [(time, name) for time, name in taken if time > now - limit.within]
                if any(name == who for _, name in kept):
                    return True
                if len(kept) >= limit.tickets:
                    return False
                value = orjson.dumps([*kept, (now, who)])
                expected = ABSENT if entry is None else entry.revision
                if await self._store.put(LIMITS + key, value, expected=expected, ttl=2 * limit.within) is not None:
                    return True
                await pause(attempt)
        return False


def _read(value: bytes) -> list[tuple[float, str]]:
    """Return the places that are taken; what cannot be read is forgotten: a ticket too many is seen at least."""
    try:
        return [(float(time), str(who)) for time, who in orjson.loads(value)]
    except (ValueError, TypeError):
        return []
