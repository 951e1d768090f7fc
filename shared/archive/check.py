"""What is wrong with one segment's files, and with which of its records: told by the root that a manifest promises."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from shared.archive.facts import Facts
from shared.archive.lines import DamagedError, digest, leaves_of, lines, root_of
from shared.archive.manifest import Manifest
from shared.archive.merkle import leaf
from shared.archive.place import Place
from shared.archive.record import from_line
from shared.bus.protocol import Record


def chain_problems(manifest: Manifest, previous: Manifest | None) -> list[str]:
    """Return what is wrong with a manifest's place behind the one before it."""
    told = previous.digest() if previous else ""
    if manifest.previous != told:
        return ["it is not the one that followed the segment before it"]
    before = previous.after if previous else {}
    again = [part for part, (begin, _) in manifest.positions.items() if part in before and begin <= before[part]]
    return [f"partition {part} begins with what the segments before it hold" for part in again]


async def body_problems(place: Place, manifest: Manifest, previous: Manifest | None) -> list[str]:
    """Return what is wrong with a segment's files. Raises PlaceError."""
    async with AsyncExitStack() as files:
        body = await files.enter_async_context(place.open(manifest.lines_path))
        leaves = await files.enter_async_context(place.open(manifest.leaves_path))
        if body is None:
            return ["its file is missing"]
        return await asyncio.to_thread(_problems, body, leaves, manifest, previous)


def _problems(body: Path, leaves: Path | None, manifest: Manifest, previous: Manifest | None) -> list[str]:
    found = _read(body, manifest, previous)
    known = leaves is not None and root_of(leaves_of(leaves)) == manifest.root
    if found and leaves is not None and known:
        found.append(_where(body, leaves, manifest))
    elif found:
        found.append("which record it is cannot be told: the file of its hashes is missing or damaged as well")
    elif not known:
        found.append("the file of its hashes is missing or damaged; its records are as they should be")
    return found


def _read(body: Path, manifest: Manifest, previous: Manifest | None) -> list[str]:
    """Read the whole file; return what is not as the manifest says."""
    wrong = [] if digest(body) == manifest.sha256 else ["its file is not the one that was written"]
    facts = Facts(previous)
    try:
        for number, line in enumerate(lines(body), 1):
            record = from_line(manifest.topic, line)
            if not facts.follows(record):
                wrong.append(f"{_named(number, record)} comes again")
                return wrong
            facts.add(record, line)
    except DamagedError as error:
        return [*wrong, str(error)]
    except ValueError as error:
        return [*wrong, f"record {facts.records + 1}: {error}"]
    return wrong + facts.differences(manifest)


def _where(body: Path, leaves: Path, manifest: Manifest) -> str:
    """Return which record is the first that is not as it was, of a segment whose leaves are."""
    told = leaves_of(leaves)
    number = 0
    read = lines(body)
    for number, hashed in enumerate(told, 1):
        line = _next(read)
        if line is None:
            return f"record {number} cannot be read or is missing, with all behind it"
        if leaf(line) != hashed:
            return f"{_described(manifest.topic, number, line)} {_what(line, hashed, told, read)}"
    line = _next(read)
    if line is not None:
        return f"{_described(manifest.topic, number + 1, line)} was put there"
    return "all its records are as they were: the file was compressed anew, or something stands behind them"


def _what(line: bytes, hashed: bytes, told: Iterator[bytes], read: Iterator[bytes]) -> str:
    """Say what became of a record that is not the one which was there, by the one behind it."""
    follows, beyond = next(told, None), _next(read)
    behind = None if beyond is None else leaf(beyond)
    if leaf(line) == follows:
        return "stands where another one was" if behind == hashed else "stands where one was taken out"
    return "was put there" if behind == hashed else "was changed"


def _next(read: Iterator[bytes]) -> bytes | None:
    try:
        return next(read, None)
    except DamagedError:
        return None


def _described(topic: str, number: int, line: bytes) -> str:
    try:
        return _named(number, from_line(topic, line))
    except ValueError:
        return f"record {number}"


def _named(number: int, record: Record) -> str:
    return f"record {number} (partition {record.partition}, position {record.offset})"
