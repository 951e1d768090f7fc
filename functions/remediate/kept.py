"""What is kept: the ledger of each cluster, and the newest revision of each episode that hooks have to do with."""

from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from functions.remediate.hook import Hook
from functions.remediate.ledger import (
    KEPT,
    VERSION,
    Act,
    Answer,
    Busy,
    Granted,
    Ledger,
    Phase,
    ended,
    judge,
    released,
)
from shared.events.episode import Episode
from shared.events.identity import digest
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError

LEASE: Final = 30.0
"""Seconds after which an act whose end nobody wrote down is looked at by whoever comes: longer than a request takes."""


class UnreadableError(Exception):
    """The ledger cannot be read, or a newer release wrote it: nothing may be done without it."""


class Kept:
    """The rim around the ledger. All raise StoreUnavailableError and UnreadableError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ledger(self, cluster: str) -> Ledger:
        """Return what was done in a cluster."""
        return (await self._read(_key(cluster)))[0]

    async def claim(self, cluster: str, wanted: Act, hook: Hook) -> Answer:
        """Ask for an act; where it is granted, it stands in the ledger already."""
        key = _key(cluster)
        for attempt in range(TRIES):
            ledger, revision = await self._read(key)
            answer = judge(ledger, wanted, hook, LEASE)
            if not isinstance(answer, Granted):
                return answer
            if await self._write(key, answer.ledger, revision):
                return answer
            await pause(attempt)
        return Busy()

    async def end(self, cluster: str, act: Act, phase: Phase, said: str) -> None:
        """Write down how an act ended."""
        await self._change(_key(cluster), lambda ledger: ended(ledger, act, phase, said))

    async def release(self, cluster: str, act: Act) -> None:
        """Take an act back that certainly changed nothing."""
        await self._change(_key(cluster), lambda ledger: released(ledger, act))

    async def is_newest(self, episode: Episode) -> bool:
        """Remember a revision; return False where a newer one of the episode came before."""
        key = f"remedy-seen.{episode.id}"
        for attempt in range(TRIES):
            entry = await self._store.get(key)
            seen = int(entry.value) if entry is not None and entry.value.isdigit() else 0
            if seen >= episode.revision:
                return seen == episode.revision
            expected = entry.revision if entry is not None else ABSENT
            if await self._store.put(key, str(episode.revision).encode(), expected=expected, ttl=KEPT) is not None:
                return True
            await pause(attempt)
        raise StoreUnavailableError("others write it all the time")

    async def _change(self, key: str, change: Callable[[Ledger], Ledger]) -> None:
        for attempt in range(TRIES):
            ledger, revision = await self._read(key)
            if await self._write(key, change(ledger), revision):
                return
            await pause(attempt)
        raise StoreUnavailableError("others write it all the time")

    async def _read(self, key: str) -> tuple[Ledger, int]:
        entry = await self._store.get(key)
        if entry is None:
            return Ledger(), ABSENT
        try:
            ledger = Ledger.model_validate_json(entry.value)
        except ValidationError:
            raise UnreadableError from None
        if ledger.version != VERSION:
            raise UnreadableError
        return ledger, entry.revision

    async def _write(self, key: str, ledger: Ledger, expected: int) -> bool:
        written = await self._store.put(key, ledger.model_dump_json().encode(), expected=expected, ttl=2 * KEPT)
        return written is not None


def _key(cluster: str) -> str:
    return f"remedy.{digest(cluster)}"
