"""The seal job: reads what is not sealed yet in order, and signs what it found whole; and the erasing of segments."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from shared.archive.catalogue import manifests, sequences
from shared.archive.check import body_problems, chain_problems
from shared.archive.manifest import Manifest, NoManifestError, erased_path, segment_name
from shared.archive.place import Place, PlaceError, UnsoundError
from shared.archive.seal import Sealer, Signed, Statement, sealed_path

SEALED = ".sealed.json"


async def seal(place: Place, roots: Place, topic: str, sealer: Sealer) -> AsyncGenerator[Signed, None]:
    """Seal a topic's segments that have no seal, in order; each seal is durable once it is yielded.

    Raises UnsoundError at the first one that is not whole or does not follow the one before it, or at the end where one
    that was sealed is not there any more, and PlaceError.
    """
    there = await sequences(roots, topic, SEALED)
    last = await signed(roots, sealed_path(topic, there[-1])) if there else None
    previous: Manifest | None = None
    async for one in manifests(place, topic, there[-1] if there else 1):
        if last is None or one.sequence > last.statement.sequence:
            if problems := [*chain_problems(one, previous), *await body_problems(place, one, previous)]:
                raise UnsoundError(f"{one.name}: {'; '.join(problems)}")
            last = await _sealed(roots, one, last, sealer)
            yield last
        elif not last.statement.fits(one):
            raise UnsoundError(f"{one.name}: it is not the one that was sealed")
        previous = one
    if missing := sorted(set(there) - set(await sequences(place, topic))):
        raise UnsoundError(f"{segment_name(topic, missing[0])}: it was sealed, and its manifest is missing")


async def _sealed(roots: Place, one: Manifest, last: Signed | None, sealer: Sealer) -> Signed:
    made = sealer.sign(
        Statement(
            kind="sealed",
            topic=one.topic,
            sequence=one.sequence,
            manifest=one.digest(),
            root=one.root,
            records=one.records,
            at=datetime.now(UTC),
            previous=last.digest() if last else "",
        )
    )
    if not await roots.put(sealed_path(one.topic, one.sequence), made.to_bytes()):
        raise PlaceError(f"{one.name} was sealed by another job just now: one at a time is enough")
    return made


async def signed(roots: Place, path: str) -> Signed:
    """Return a statement of the roots that must be there. Raises UnsoundError, PlaceError."""
    data = await roots.read(path)
    if data is None:
        raise UnsoundError(f"{path}: it is missing among the roots")
    try:
        return Signed.from_bytes(data)
    except NoManifestError as error:
        raise UnsoundError(f"{path}: {error}") from error


async def erase(place: Place, roots: Place, one: Manifest, why: str, sealer: Sealer) -> None:
    """Sign that a segment is erased, say so in the archive, then remove what it held; its manifest stays.

    Killed in between it is done again by the same call. Raises UnsoundError where it is not sealed, and PlaceError.
    """
    path = sealed_path(one.topic, one.sequence)
    own = await signed(roots, path)
    if not own.statement.fits(one):
        raise UnsoundError(f"{one.name}: it is not the one that was sealed")
    said = own.statement.model_copy(
        update={"kind": "erased", "why": why, "previous": own.digest(), "at": datetime.now(UTC)}
    )
    gone = erased_path(one.topic, one.sequence)
    await roots.put(gone, sealer.sign(said).to_bytes())
    told = await roots.read(gone)  # where it was said before, that counts
    if told is not None:
        await place.put(gone, told)
    await place.remove(one.lines_path)
    await place.remove(one.leaves_path)
