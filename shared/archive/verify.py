"""`trail verify`: is every segment that was sealed there as it was, and nothing taken out or put between?"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from shared.archive.catalogue import is_erased, manifest, sequences, topics
from shared.archive.check import body_problems, chain_problems
from shared.archive.manifest import LEAVES, LINES, Manifest, NoManifestError, erased_path, segment_name
from shared.archive.place import Place
from shared.archive.proof import Proof, proof_of
from shared.archive.seal import Judge
from shared.archive.sealing import SEALED

State = Literal["whole", "erased", "unsealed", "stray", "wrong"]
_STRAY: Final = "no manifest names it: an export that was killed left it, or somebody put it there"


@dataclass(slots=True)
class Finding:
    """What became of one segment. `stray` is a file that belongs to none, which nothing ever reads."""

    segment: str
    state: State
    records: int = 0
    said: list[str] = field(default_factory=list)
    """What is wrong; of a segment that was erased, when and why."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A segment as it was found: None what is not there, or does not count."""

    sequence: int
    manifest: Manifest | None
    proof: Proof


class Verifier:
    """Reads all of an archive, one segment after the other. `judge` knows whose seals count."""

    def __init__(self, place: Place, roots: Place, judge: Judge) -> None:
        self._place = place
        self._roots = roots
        self._judge = judge

    async def topics(self) -> list[str]:
        """Return the topics that the archive or the roots know. Raises PlaceError."""
        return sorted({*await topics(self._place), *await topics(self._roots)})

    async def verify(self, topic: str) -> AsyncGenerator[Finding, None]:
        """Look at each segment of a topic in order. Raises PlaceError where the archive or the roots are away."""
        sealed = max(await sequences(self._roots, topic, SEALED), default=0)
        there = await self._there(topic)
        for gap in _gaps(topic, there):
            yield gap
        named: set[str] = set()
        last: _Seen | None = None
        for sequence in there:
            seen, problems = await self._seen(topic, sequence)
            if seen.proof.seal is None and not seen.proof.problems and sequence <= sealed:
                problems.append("its seal is missing among the roots")
            before = last if last is not None and last.sequence == sequence - 1 else None
            problems += _links(seen, before)
            problems += await self._body(seen, before)
            yield _finding(topic, seen, problems, is_sealed=sequence <= sealed)
            if seen.manifest is not None:
                named |= seen.manifest.files
            last = seen
        async for name in self._place.names(topic):
            if name.endswith((LINES, LEAVES)) and name not in named:
                yield Finding(name, "stray", said=[_STRAY])

    async def _there(self, topic: str) -> list[int]:
        """Return the numbers that the archive or the roots know."""
        return sorted({*await sequences(self._place, topic), *await sequences(self._roots, topic, SEALED)})

    async def _seen(self, topic: str, sequence: int) -> tuple[_Seen, list[str]]:
        proof = await proof_of(self._roots, self._judge, topic, sequence)
        problems = list(proof.problems)
        one = None
        try:
            one = await manifest(self._place, topic, sequence)
        except NoManifestError as error:
            problems.append(f"its manifest: {error}")
        else:
            problems += ["its manifest is missing"] if one is None else proof.against(one)
        return _Seen(sequence, one, proof), problems

    async def _body(self, seen: _Seen, before: _Seen | None) -> list[str]:
        """Return what is wrong with what the segment holds."""
        one = seen.manifest
        if one is None:
            return []
        if seen.proof.erased is None:
            claimed = (
                ["the archive says that it was erased, the roots do not"] if await is_erased(self._place, one) else []
            )
            return [*claimed, *await body_problems(self._place, one, before.manifest if before else None)]
        found = []
        if one.files & {path async for path in self._place.names(one.topic)}:
            found.append("it was erased and is still there: erase it again")
        told = await self._place.read(erased_path(one.topic, one.sequence))
        same = told == seen.proof.erased.to_bytes()
        return (
            found if same else [*found, "the archive does not say as the roots do that it was erased: erase it again"]
        )


def _gaps(topic: str, there: list[int]) -> list[Finding]:
    """Return a finding for each stretch of numbers of which nothing is left."""
    found = []
    for before, sequence in pairwise([0, *there]):
        if sequence > before + 1:
            last = f" to {segment_name(topic, sequence - 1)}" if sequence > before + 2 else ""
            said = ["neither its manifest nor its seal is there"]
            found.append(Finding(f"{segment_name(topic, before + 1)}{last}", "wrong", said=said))
    return found


def _links(seen: _Seen, before: _Seen | None) -> list[str]:
    """Return what is wrong with a segment's place behind the one before it, as far as both are known."""
    if seen.sequence > 1 and before is None:
        return []
    found = []
    if seen.manifest is not None and (before is None or before.manifest is not None):
        found += chain_problems(seen.manifest, before.manifest if before else None)
    seal = seen.proof.seal
    earlier = before.proof.seal if before else None
    if seal is not None and (before is None or earlier is not None):
        told = earlier.digest() if earlier is not None else ""
        found += [] if seal.statement.previous == told else ["its seal is not the one that followed the seal before it"]
    return found


def _finding(topic: str, seen: _Seen, problems: list[str], *, is_sealed: bool) -> Finding:
    name = segment_name(topic, seen.sequence)
    records = seen.manifest.records if seen.manifest else 0
    if problems:
        return Finding(name, "wrong", records, problems)
    if (erased := seen.proof.erased) is not None:
        return Finding(name, "erased", records, [f"{erased.statement.at:%Y-%m-%d}: {erased.statement.why}"])
    return Finding(name, "whole" if is_sealed else "unsealed", records)
