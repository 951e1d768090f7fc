"""What the roots say of one segment, as far as its signatures are right."""

from dataclasses import dataclass, field
from typing import Literal

from shared.archive.manifest import Manifest, NoManifestError, erased_path
from shared.archive.place import Place
from shared.archive.seal import Judge, Signed, sealed_path


@dataclass(slots=True)
class Proof:
    """Its seal, and that it was erased; `problems` are of statements that are there and do not count."""

    seal: Signed | None = None
    erased: Signed | None = None
    problems: list[str] = field(default_factory=list)

    def against(self, one: Manifest) -> list[str]:
        """Return where the statements and the manifest do not speak of the same segment."""
        found = []
        if self.seal is not None and not self.seal.statement.fits(one):
            found.append("it is not the one that was sealed")
        if self.erased is not None and not self.erased.statement.fits(one):
            found.append("it is not the one that was erased")
        return found


async def proof_of(roots: Place, judge: Judge, topic: str, sequence: int) -> Proof:
    """Return what the roots say of a segment. Raises PlaceError."""
    found = Proof()
    found.seal = await _statement(roots, sealed_path(topic, sequence), "sealed", judge, found.problems)
    found.erased = await _statement(roots, erased_path(topic, sequence), "erased", judge, found.problems)
    return found


async def _statement(
    roots: Place, path: str, kind: Literal["sealed", "erased"], judge: Judge, problems: list[str]
) -> Signed | None:
    data = await roots.read(path)
    if data is None:
        return None
    try:
        found = Signed.from_bytes(data)
    except NoManifestError as error:
        problems.append(f"that it was {kind}: {error}")
        return None
    problem = judge.problem(found) or ("" if found.statement.kind == kind else "it says something else")
    if problem:
        problems.append(f"that it was {kind}: {problem}")
        return None
    return found
