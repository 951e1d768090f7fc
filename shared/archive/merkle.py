"""Merkle trees as RFC 6962 §2.1 defines them: one hash over many records, made as they come. Pure.

Leaves and nodes are hashed with a byte of their own before them, so that no node can be passed off as a record.
"""

import hashlib
from functools import reduce
from typing import Final

HASH_BYTES: Final = 32
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def leaf(record: bytes) -> bytes:
    """Return the hash of a record, 32 bytes."""
    return hashlib.sha256(_LEAF + record).digest()


class Tree:
    """A tree that grows by a leaf at a time. It keeps a hash for each power of two in its size, however large it is."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []  # whole subtrees from left to right: height, hash
        self.size = 0

    def add(self, hashed: bytes) -> None:
        """Add the leaf that `leaf` made."""
        height = 0
        while self._peaks and self._peaks[-1][0] == height:
            hashed = _node(self._peaks.pop()[1], hashed)
            height += 1
        self._peaks.append((height, hashed))
        self.size += 1

    def root(self) -> bytes:
        """Return the hash of all leaves so far; of none, that of nothing."""
        if not self._peaks:
            return hashlib.sha256().digest()
        *others, last = (peak for _, peak in self._peaks)
        return reduce(lambda right, left: _node(left, right), reversed(others), last)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
