"""All that a store holds as JSON lines, and back: for backups, and to move from one store to another.

    {"format": "tidings.state", "version": 1, "time": "2026-11-29T12:00:00+00:00"}
    {"key": "claim.…", "value": "{…}", "expires": 1800000000.0}
    {"entries": 1, "sha256": "…"}

The value is text; what is none stands in `base64` instead. `expires` is missing where an entry stays. The last line
counts the entries and has the digest of all bytes before it: a file that was cut off, or changed, is not read.
"""

import asyncio
import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Final

from shared.stores.limits import check
from shared.stores.protocol import ABSENT, Entry, Store, each_entry

FORMAT: Final = "tidings.state"
VERSION: Final = 1
_AT_ONCE: Final = 64  # writes on their way: at most as many MiB
_LONGEST: Final = 8 * 1024 * 1024  # bytes of a line: a value of 1 MiB with every character escaped has less


class DumpError(Exception):
    """What is wrong with a file, in words."""


@dataclass
class Loaded:
    """What became of a file's entries, by the first word of their keys: written, there already, over already."""

    written: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)


async def lines(store: Store, time: str, last: str) -> AsyncIterator[tuple[str, bytes]]:
    """Yield each line with the family of its key, "" for the first and the last one. Raises StoreUnavailableError.

    Entries that begin with `last` come after all others: where a store is in use meanwhile, an index that is read after
    what it leads to has an entry too many at worst.
    """
    digest, entries = hashlib.sha256(), 0
    head = _line({"format": FORMAT, "version": VERSION, "time": time})
    digest.update(head)
    yield "", head
    for prefix, left_out in (("", last), (last, "")):
        async for entry in each_entry(store, prefix):
            if left_out and entry.key.startswith(left_out):
                continue
            line = _line(_written(entry))
            digest.update(line)
            entries += 1
            yield family(entry.key), line
    yield "", _line({"entries": entries, "sha256": digest.hexdigest()})


def verify(file: IO[bytes]) -> int:
    """Return how many entries a file holds. Raises DumpError where it is not whole, or not one of ours."""
    digest, number, line = hashlib.sha256(), 0, b""
    for number, line in enumerate(_raw(file), 1):
        parsed = _parsed(line, number)
        if number == 1:
            _check_head(parsed)
        elif "sha256" in parsed:
            break
        else:
            _entry(parsed, number)
        digest.update(line)
    else:
        raise DumpError("it ends too early: its last line is missing" if number else "it is empty")
    end = _parsed(line, number)
    if end.get("entries") != number - 2 or end["sha256"] != digest.hexdigest():
        raise DumpError("it is not what was exported: its checksum differs")
    if file.readline():
        raise DumpError(f"line {number + 1}: something follows the last line")
    return number - 2


async def load(store: Store, file: IO[bytes], now: float) -> AsyncIterator[Loaded]:
    """Write a file that was verified; what is there already stays. Yields what was done so far, now and then.

    `now` is the time in seconds by which entries have expired. Raises StoreUnavailableError.
    """
    done = Loaded()
    entries = _entries(file)
    while batch := list(islice(entries, _AT_ONCE)):
        await asyncio.gather(*(_put(store, entry, now, done) for entry in batch))
        yield done
    yield done


async def is_empty(store: Store) -> bool:
    """Return whether nothing is in a store. Raises StoreUnavailableError."""
    return not [entry async for entry in store.scan("", limit=1)]


def family(key: str) -> str:
    """Return the first word of a key."""
    return key.partition(".")[0]


async def _put(store: Store, entry: Entry, now: float, done: Loaded) -> None:
    ttl = None if entry.expires is None else entry.expires - now
    if ttl is not None and ttl <= 0:
        done.expired[family(entry.key)] += 1
        return
    written = await store.put(entry.key, entry.value, expected=ABSENT, ttl=ttl)
    (done.kept if written is None else done.written)[family(entry.key)] += 1


def _entries(file: IO[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(_raw(file), 1):
        parsed = _parsed(line, number)
        if "key" in parsed:
            yield _entry(parsed, number)


def _raw(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(_LONGEST):
        yield line


def _parsed(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not line.endswith(b"\n"):
        raise DumpError(f"line {number} is no line of an export")
    return found


def _check_head(head: dict[str, Any]) -> None:
    if head.get("format") != FORMAT:
        raise DumpError("line 1: it is no export of `tidings state export`")
    if head.get("version") != VERSION:
        raise DumpError(f"line 1: it has version {head.get('version')}, this Tidings reads {VERSION}")


def _entry(parsed: dict[str, Any], number: int) -> Entry:
    """Return the entry of a line. Raises DumpError."""
    try:
        text = parsed.get("value")
        value = base64.b64decode(parsed["base64"], validate=True) if text is None else text.encode()
        expires = parsed.get("expires")
        check(parsed["key"], value)
        return Entry(parsed["key"], value, ABSENT, None if expires is None else float(expires))
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error):
        raise DumpError(f"line {number} holds no entry") from None


def _written(entry: Entry) -> dict[str, Any]:
    line: dict[str, Any] = {"key": entry.key}
    try:
        line["value"] = entry.value.decode()
    except UnicodeDecodeError:
        line["base64"] = base64.b64encode(entry.value).decode()
    if entry.expires is not None:
        line["expires"] = entry.expires
    return line


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
