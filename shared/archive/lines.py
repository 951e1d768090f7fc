"""The file of a segment, written and read line by line: gzip, in memory that does not grow with it."""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from shared.archive.facts import Facts
from shared.archive.manifest import Manifest, file_name
from shared.archive.merkle import HASH_BYTES, Tree
from shared.archive.record import to_line
from shared.bus.protocol import Record
from shared.events.gunzip import Gunzip
from shared.events.line_cutter import LineCutter

LONGEST: Final = 32 * 1024 * 1024
"""Bytes of a line, written or read: of the 16 MiB that RabbitMQ takes by itself, base64 makes 22."""

_PIECE: Final = 64 * 1024
_GZIP: Final = 31  # zlib's word for gzip with its largest window


class DamagedError(ValueError):
    """A file that cannot be read to its end as a segment's lines; the text says why."""


class TooLongError(ValueError):
    """A record that makes a longer line than is ever read again; the text says which."""


class Writer:
    """Writes one segment's two files into a folder; what it is to be named is only known at the end."""

    def __init__(self, folder: Path, previous: Manifest | None) -> None:
        self.body = folder / "lines"
        self.leaves = folder / "leaves"
        self.size = 0
        """Bytes of the lines so far, before they are compressed."""
        self.facts = Facts(previous)
        self._previous = previous
        self._pack = zlib.compressobj(wbits=_GZIP)
        self._hash = hashlib.sha256()
        self._body = self.body.open("wb")
        self._leaves = self.leaves.open("wb")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._body.close()
        self._leaves.close()

    def add(self, record: Record) -> None:
        """Write a record, unless it or one behind it was written before. Raises OSError, TooLongError."""
        if not self.facts.follows(record):
            return
        line = to_line(record)
        if len(line) > LONGEST:
            where = f"partition {record.partition}, position {record.offset}"
            raise TooLongError(f"{where}: a line of {len(line)} bytes, and an archive takes {LONGEST}")
        self._leaves.write(self.facts.add(record, line))
        self._write(self._pack.compress(line + b"\n"))
        self.size += len(line) + 1

    def end(self, topic: str, source: str) -> Manifest:
        """Write the rest and return the manifest of what was written. Raises OSError."""
        self._write(self._pack.flush())
        self._body.flush()
        self._leaves.flush()
        facts, previous = self.facts, self._previous
        assert facts.first is not None  # noqa: S101 - nobody ends what holds nothing
        assert facts.last is not None  # noqa: S101
        sequence = previous.sequence + 1 if previous else 1
        sha256 = self._hash.hexdigest()
        return Manifest(
            topic=topic,
            sequence=sequence,
            source=source,
            records=facts.records,
            first=facts.first,
            last=facts.last,
            positions=facts.positions,
            after=facts.after,
            ends=facts.ends,
            file=file_name(topic, sequence, facts.first, sha256),
            size=self.body.stat().st_size,
            sha256=sha256,
            root=facts.root,
            previous=previous.digest() if previous else "",
        )

    def _write(self, packed: bytes) -> None:
        self._body.write(packed)
        self._hash.update(packed)


def lines(file: Path) -> Iterator[bytes]:
    """Yield the lines of a segment's file without their ends. Raises OSError, and DamagedError at the damage."""
    gunzip = Gunzip()
    cutter = LineCutter()
    try:
        for piece in pieces(file):
            for part in gunzip.feed(piece):
                whole = cutter.feed(part)
                if max(cutter.pending, len(whole[0]) if whole else 0) > LONGEST:
                    raise DamagedError("a line of it has no end")
                yield from whole
    except zlib.error:
        raise DamagedError("it cannot be decompressed from there on") from None
    if cutter.pending or not gunzip.complete:
        raise DamagedError("it is cut off")


def digest(file: Path) -> str:
    """Return the SHA-256 of a file, in hex. Raises OSError."""
    found = hashlib.sha256()
    for piece in pieces(file):
        found.update(piece)
    return found.hexdigest()


def pieces(file: Path, size: int = _PIECE) -> Iterator[bytes]:
    """Yield a file's bytes, so many at a time. Raises OSError."""
    with file.open("rb") as stream:
        while piece := stream.read(size):
            yield piece


def leaves_of(file: Path) -> Iterator[bytes]:
    """Yield the hashes that a file of leaves holds, a last one shorter where it is cut off. Raises OSError."""
    for piece in pieces(file, HASH_BYTES * 2048):
        for begin in range(0, len(piece), HASH_BYTES):
            yield piece[begin : begin + HASH_BYTES]


def root_of(leaves: Iterator[bytes]) -> str:
    """Return the root over leaves, in hex."""
    tree = Tree()
    for one in leaves:
        tree.add(one)
    return tree.root().hex()
