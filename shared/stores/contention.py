"""What to do where another replica was first with a key: come again, a little later each time, and not together.

Whoever writes by compare-and-set tries `for attempt in range(TRIES)`, and ends each round that others won by a `pause`.
"""

import asyncio
import random
from typing import Final

TRIES: Final = 20
"""Rounds until it is somebody else's turn to say that it did not go: a second of them, in the worst case."""
_PAUSE: Final = 0.005


async def pause(attempt: int) -> None:
    """Wait after the round `attempt`, counted from 0: not at all after the first, up to 0.15 s after the last."""
    await asyncio.sleep(_PAUSE * attempt * random.uniform(0.5, 1.5))  # noqa: S311 -- no secret
