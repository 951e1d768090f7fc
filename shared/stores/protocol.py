"""The store protocol: a key-value map with compare-and-set, expiry and ordered scans.

Small on purpose: what NATS JetStream KV, SQLite and memory can all promise. Everything that needs atomicity is one
key's value; claims and episodes build on `put(..., expected=...)`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

ABSENT = 0
"""Expected revision of a key that must not exist."""
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored value and the revision to expect when replacing it (>= 1).

    `expires`: when it ends by the store's clock, seconds since the epoch, or None; only `scan` looks for that.
    """

    key: str
    value: bytes
    revision: int
    expires: float | None = None


class StoreUnavailableError(Exception):
    """The store cannot be asked now; what was asked may or may not have happened."""


class ValueTooLargeError(StoreUnavailableError):
    """This store takes no value so large, though it can be asked: nothing was written, nor will be by trying again."""


class Store(Protocol):
    """Keys match `[a-z0-9._-]+`, `.` separating their parts; values are at most 1 MiB."""

    async def get(self, key: str) -> Entry | None:
        """Return the entry, or None where there is none or it expired. Raises StoreUnavailableError."""

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        """Write if the key's revision is `expected` (ABSENT for a new key).

        Returns the new revision, or None where another writer was first. `ttl` is in seconds from now; None keeps the
        entry for ever, and replaces an earlier ttl. Raises StoreUnavailableError, as ValueTooLargeError where the
        server takes less than values may have.
        """

    async def delete(self, key: str, *, expected: int) -> bool:
        """Delete if the key's revision is `expected`; False where another writer was first or it is gone."""

    def scan(self, prefix: str, *, after: str = "", before: str = "", limit: int = 1000) -> AsyncIterator[Entry]:
        """Iterate entries whose key starts with `prefix`, in key order, at most `limit` of them.

        Only keys greater than `after` and, where it is not empty, less than `before`: whoever wants the few first of an
        index with many keys says where they end, since not every store has keys in order. Raises StoreUnavailableError.
        """

    async def close(self) -> None:
        """Release what it holds; a closed store raises StoreUnavailableError."""


async def each_entry(store: Store, prefix: str) -> AsyncIterator[Entry]:
    """Yield all entries below a prefix, page by page, in key order; who is given them may write them meanwhile."""
    after = ""
    while True:
        page = [entry async for entry in store.scan(prefix, after=after, limit=_PAGE)]
        for entry in page:
            yield entry
        if len(page) < _PAGE:
            return
        after = page[-1].key
