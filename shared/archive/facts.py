"""What is known of records in the order in which they are written or read: the sums that a manifest tells. Pure."""

from datetime import UTC, datetime

from shared.archive.manifest import Manifest
from shared.archive.merkle import Tree, leaf
from shared.bus.protocol import Record


class Facts:
    """Grows by a record at a time, in memory that does not. `previous` is the manifest of the segment before."""

    def __init__(self, previous: Manifest | None) -> None:
        self.after = dict(previous.after) if previous else {}
        self.ends = dict(previous.ends) if previous else {}
        self.positions: dict[int, tuple[int, int]] = {}
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._tree = Tree()

    @property
    def records(self) -> int:
        """Return how many there are."""
        return self._tree.size

    @property
    def root(self) -> str:
        """Return the root over their lines, in hex."""
        return self._tree.root().hex()

    def follows(self, record: Record) -> bool:
        """Return True where its partition's position goes on; else it, or what stands for it, was there before."""
        return record.partition not in self.after or record.offset > self.after[record.partition]

    def add(self, record: Record, line: bytes) -> bytes:
        """Take one more; return the hash of its line."""
        at = record.at.astimezone(UTC)
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)
        begin, _ = self.positions.get(record.partition, (record.offset, record.offset))
        self.positions[record.partition] = (begin, record.offset)
        self.after[record.partition] = record.offset
        hashed = leaf(line)
        self.ends[record.partition] = hashed.hex()
        self._tree.add(hashed)
        return hashed

    def differences(self, manifest: Manifest) -> list[str]:
        """Return in words what a manifest says otherwise."""
        pairs = {
            "how many records": (self.records, manifest.records),
            "their times": ((self.first, self.last), (manifest.first, manifest.last)),
            "their positions": (self.positions, manifest.positions),
            "where the next one begins": (self.after, manifest.after),
            "the hashes of the last ones": (self.ends, manifest.ends),
            "the root of their hashes": (self.root, manifest.root),
        }
        return [f"the manifest says otherwise {what}" for what, (found, told) in pairs.items() if found != told]
