"""What lies in an archive: its topics, and their segments in order."""

import re
from collections.abc import AsyncIterator

from shared.archive.manifest import (
    LEAVES,
    LINES,
    Manifest,
    NoManifestError,
    check_topic,
    erased_path,
    manifest_path,
    parsed_name,
)
from shared.archive.place import Place, UnsoundError

_MANIFEST = ".json"
_NUMBERED = re.compile(r"\.(\d{8})\.\d{8}T")
_ABOVE = 10**8


async def topics(place: Place) -> list[str]:
    """Return the topics that something is kept of. Raises PlaceError."""
    found = []
    async for name in place.folders():
        try:
            found.append(check_topic(name))
        except ValueError:  # a folder of somebody else's, or the roots
            continue
    return found


async def sequences(place: Place, topic: str, suffix: str = _MANIFEST) -> list[int]:
    """Return the numbers of a topic's segments, in order: those of files that end so. Raises PlaceError."""
    found = []
    async for path in place.names(topic):
        parsed = parsed_name(path.removeprefix(f"{topic}/").removesuffix(suffix)) if path.endswith(suffix) else None
        if parsed is not None and parsed[0] == topic:
            found.append(parsed[1])
    return found


async def manifest(place: Place, topic: str, sequence: int) -> Manifest | None:
    """Return a manifest, None where there is none. Raises PlaceError, and NoManifestError for what is none."""
    data = await place.read(manifest_path(topic, sequence))
    if data is None:
        return None
    found = Manifest.from_bytes(data)
    if (found.topic, found.sequence) != (topic, sequence):
        raise NoManifestError("it is the manifest of another segment")
    return found


async def manifests(place: Place, topic: str, begin: int = 1) -> AsyncIterator[Manifest]:
    """Iterate the manifests of a topic in order, from a number on.

    Raises PlaceError, and UnsoundError where one is damaged or missing.
    """
    there = [sequence for sequence in await sequences(place, topic) if sequence >= begin]
    for number, sequence in enumerate(there, begin):
        if sequence != number:
            raise UnsoundError(f"{topic}: segment {number} is missing: tidings trail verify says more")
        yield await known(place, topic, sequence)


async def newest(place: Place, topic: str) -> Manifest | None:
    """Return the last manifest of a topic, None where there is none. Raises PlaceError, UnsoundError."""
    found = await sequences(place, topic)
    return await known(place, topic, found[-1]) if found else None


async def known(place: Place, topic: str, sequence: int) -> Manifest:
    """Return a manifest that must be there. Raises PlaceError, and UnsoundError where it is not, or is damaged."""
    try:
        found = await manifest(place, topic, sequence)
    except NoManifestError as error:
        raise UnsoundError(f"{manifest_path(topic, sequence)}: {error}") from error
    if found is None:
        raise UnsoundError(f"{manifest_path(topic, sequence)}: it is missing")
    return found


async def is_erased(place: Place, one: Manifest) -> bool:
    """Return True where the archive says that a segment was erased. Raises PlaceError."""
    return await place.read(erased_path(one.topic, one.sequence)) is not None


async def holding(place: Place, topic: str) -> AsyncIterator[Manifest]:
    """Iterate the manifests of segments that were not erased, or not to the end. Raises PlaceError, UnsoundError."""
    names = {path async for path in place.names(topic)}
    async for one in manifests(place, topic):
        if erased_path(topic, one.sequence) not in names or not names.isdisjoint(one.files):
            yield one


async def strays(place: Place, topic: str) -> list[str]:
    """Return the files that no manifest names, of numbers that have one: an export at work has none of them.

    Raises PlaceError, UnsoundError.
    """
    named: set[str] = set()
    last = 0
    async for one in manifests(place, topic):
        named |= one.files
        last = one.sequence
    files = [path async for path in place.names(topic) if path.endswith((LINES, LEAVES))]
    return [path for path in files if path not in named and _number(path) <= last]


def _number(path: str) -> int:
    """Return the number of the segment that a file's name begins with; of another name, one above all."""
    found = _NUMBERED.search(path)
    return int(found[1]) if found else _ABOVE
