"""The public keys of an issuer: asked for when they are first needed, kept, and asked for again within bounds.

One request at a time, however many senders wait for it, and at most one in ten seconds, whatever key ids they make up.
Keys that cannot be had are no sender's fault: then the answer is 503, which a broker repeats, and not 401, which it
does not.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from shared.runtime.auth.asked import UNAVAILABLE, Denied

_AGAIN: Final = 300.0
"""Seconds after which keys are asked for again while they are used: so long a key that is withdrawn may still count."""
_OLDEST: Final = 86_400.0
"""Seconds for which keys are used while their issuer does not answer."""
_PAUSE: Final = 10.0
"""Seconds between two questions."""


@dataclass(frozen=True, slots=True)
class Key:
    """One public key: `family` is RS for all of RS256 to RS512, else the one algorithm of its curve."""

    id: str
    family: str
    public: Any


@dataclass(frozen=True, slots=True)
class KeySet:
    """What an issuer says of itself: its name as tokens carry it, and its keys."""

    issuer: str
    keys: tuple[Key, ...]

    def of(self, key_id: str | None, family: str) -> tuple[Key, ...]:
        """Return the keys that may have signed: of a token that names none, all of its family."""
        return tuple(key for key in self.keys if key.family == family and key_id in {None, key.id})


class Keys:
    """The keys of one issuer; `fetch` returns them, None where they cannot be had. Belongs to one event loop."""

    def __init__(
        self, fetch: Callable[[], Awaitable[KeySet | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: KeySet | None = None
        self._known_at = 0.0
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[bool] | None = None

    async def find(self, key_id: str | None, family: str) -> tuple[KeySet, tuple[Key, ...]] | Denied:
        """Return the keys that may have signed, and the set they are of."""
        age = self._clock() - self._known_at
        known = self._known if age < _OLDEST else None
        if known is not None and (found := known.of(key_id, family)):
            if age >= _AGAIN:
                self._ask()  # nobody waits for it
            return known, found
        asking = self._ask()
        if asking is None or not await asyncio.shield(asking) or self._known is None:
            return UNAVAILABLE
        found = self._known.of(key_id, family)
        return (self._known, found) if found else Denied("key")

    def _ask(self) -> "asyncio.Task[bool] | None":
        """Return the question that is under way or begins now; None where it is too early for another one."""
        if self._asking is None or self._asking.done():
            now = self._clock()
            if now - self._asked_at < _PAUSE:
                return None
            self._asked_at = now
            self._asking = asyncio.get_running_loop().create_task(self._answered())
        return self._asking

    async def _answered(self) -> bool:
        found = await self._fetch()
        if found is None:
            return False
        self._known, self._known_at = found, self._clock()
        return True
