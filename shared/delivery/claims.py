"""Claims in a store: the rim around the pure claim machine."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from shared.delivery.claim import (
    Answer,
    Doubt,
    Held,
    Known,
    Memory,
    New,
    Record,
    claim,
    complete,
    doubt,
    look_later,
    release,
)
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError, each_entry
from shared.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_KEEP = 90 * 86_400.0
"""Seconds that a claim record is kept after its last change; after that the destination itself is asked."""
_PREFIX = "claim."
_RESERVE = 2.0
"""Seconds that a lease outlasts the holder's own deadline."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim that is ours: its record, and the store's revision that fences it.

    Where the store could not be asked there is no fence (`revision` is None), nothing is written back, and the
    destination alone says what is there. `in_doubt`: an earlier send may have taken effect, or may do so yet.
    """

    key: str
    record: Record
    revision: int | None
    in_doubt: bool

    @property
    def memory(self) -> Memory:
        """Return what was known when the claim was taken."""
        return self.record.memory


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing is to be done, and nothing to be asked: what is remembered says so. `memory` is what is known now."""

    memory: Memory
    why: str


Settle = Callable[[Memory], Settled | None]


class Claims:
    """The claims of one destination. `clock` gives seconds since the epoch; tests bring their own."""

    def __init__(
        self, store: Store | None, destination: str, metrics: Metrics, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._destination = destination
        self._metrics = metrics
        self.clock = clock

    async def take(
        self,
        episode_id: str,
        revision: int,
        seconds: float,
        settle: Settle = lambda _memory: None,
        *,
        attempt: bool = False,
    ) -> Taken | Known | Held | Settled:
        """Take the claim for `seconds` and a little more. Never raises: with the store down it is taken unfenced.

        `settle` is asked where no doubt is left and something is remembered; what it says is completed at once.
        With `attempt` the revision stands in the stored record from now on, so that whoever takes the claim over after
        a crash knows what may have been sent; for destinations that cannot be asked.
        """
        key = f"{_PREFIX}{self._destination}.{episode_id}"
        now = self.clock()
        if self._store is None:
            return self._unfenced(key, now)
        try:
            entry = await self._store.get(key)
            answer: Answer = claim(_read(entry.value) if entry is not None else None, revision, now, seconds + _RESERVE)
            if isinstance(answer, Known | Held):
                return answer
            settled = settle(answer.record.memory) if isinstance(answer, New) else None
            begun = _attempted(answer.record, revision) if attempt else answer.record
            record = begun if settled is None else complete(answer.record, settled.memory)
            expected = entry.revision if entry is not None else ABSENT
            written = await self._store.put(key, _bytes(record), expected=expected, ttl=_KEEP)
        except StoreUnavailableError:
            return self._unfenced(key, now)
        if written is None:
            return Held(now + seconds)  # another took it between our reading and our writing
        if settled is not None:
            return settled
        return Taken(key, answer.record, written, in_doubt=isinstance(answer, Doubt))

    async def complete(self, taken: Taken, memory: Memory) -> bool:
        """Remember that it took effect. False where another took the claim over meanwhile (the fence holds)."""
        return await self._write(taken, complete(taken.record, memory))

    async def release(self, taken: Taken) -> bool:
        """Give the claim back where this delivery certainly changed nothing; an earlier doubt stays."""
        return await self._write(taken, look_later(taken.record) if taken.in_doubt else release(taken.record))

    async def doubt(self, taken: Taken) -> bool:
        """Give the claim back as one whose send had no answer: what became of it must be asked for first."""
        return await self._write(taken, doubt(taken.record, self.clock()))

    async def look_later(self, taken: Taken, memory: Memory) -> bool:
        """Give the claim back as one to be looked at once more, though what is known is known."""
        return await self._write(taken, look_later(taken.record, memory))

    def since_doubt(self, taken: Taken) -> float:
        """Return how many seconds ago the send was given up that this claim is in doubt of."""
        return self.clock() - taken.record.doubted

    def _unfenced(self, key: str, now: float) -> Taken:
        self._metrics.count("tidings_degraded_total", store="claims")
        answer = claim(None, 1, now, 0.0)
        assert isinstance(answer, New)  # noqa: S101 - what `claim` says of no record
        return Taken(key, answer.record, None, in_doubt=True)

    async def _write(self, taken: Taken, record: Record) -> bool:
        if self._store is None or taken.revision is None:
            return True
        try:
            written = await self._store.put(taken.key, _bytes(record), expected=taken.revision, ttl=_KEEP)
        except StoreUnavailableError:
            self._metrics.count("tidings_degraded_total", store="claims")
            return True  # the claim runs out by itself, and whoever comes next asks the destination
        if written is None:
            _log.warning("a claim was taken over before it was given back", extra={"key": taken.key})
        return written is not None


async def abandon_all(store: Store, clock: Callable[[], float] = time.time) -> int:
    """Turn every held claim into one in doubt; return how many there were.

    For a host that knows that no holder lives any more, as the embedded system that starts on its own locked folder:
    what a crash left behind is asked for at once instead of when its lease runs out. Raises StoreUnavailableError.
    """
    found, now = 0, clock()
    async for entry in each_entry(store, _PREFIX):
        record = _read(entry.value)
        if record is not None and record.phase == "held":
            found += (
                await store.put(entry.key, _bytes(doubt(record, now)), expected=entry.revision, ttl=_KEEP) is not None
            )
    return found


async def numbers(store: Store) -> dict[str, tuple[str, ...]]:
    """Return by the id of an episode or change the numbers of its tickets, in all destinations that share the store.

    Raises StoreUnavailableError.
    """
    found: dict[str, tuple[str, ...]] = {}
    async for entry in each_entry(store, _PREFIX):
        record = _read(entry.value)
        if record is not None and record.memory.number:
            subject = entry.key.rpartition(".")[2]
            found[subject] = (*found.get(subject, ()), record.memory.number)
    return found


def _attempted(record: Record, revision: int) -> Record:
    seen = record.memory.model_copy(update={"revision": max(record.memory.revision, revision)})
    return record.model_copy(update={"memory": seen})


def _bytes(record: Record) -> bytes:
    return record.model_dump_json().encode()


def _read(value: bytes) -> Record | None:
    """Read a stored record; one that cannot be read is as good as none, for the destination is asked anyway."""
    try:
        return Record.model_validate_json(value)
    except ValidationError:
        _log.warning("a claim record could not be read and is replaced")
        return None
