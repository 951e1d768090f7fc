"""Expiry: whole segments that are old enough are erased, and what killed exports left is removed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from shared.archive.catalogue import holding, strays
from shared.archive.manifest import Manifest
from shared.archive.place import Place
from shared.archive.seal import Sealer
from shared.archive.sealing import erase


@dataclass(frozen=True, slots=True)
class Expiry:
    """Erases segments whose last record came before a time, saying `why`. Without a `sealer` it only says which."""

    place: Place
    roots: Place
    before: datetime
    why: str
    sealer: Sealer | None

    async def expire(self, topic: str) -> AsyncGenerator[Manifest | str, None]:
        """Remove each file that no manifest names, then erase each segment; each is gone once it is yielded.

        What was erased before and is still there is finished. Raises UnsoundError at a segment that is not as it was
        sealed, and PlaceError.
        """
        for path in await strays(self.place, topic):
            if self.sealer is not None:
                await self.place.remove(path)
            yield path
        async for one in holding(self.place, topic):
            if one.last < self.before:
                if self.sealer is not None:
                    await erase(self.place, self.roots, one, self.why, self.sealer)
                yield one
