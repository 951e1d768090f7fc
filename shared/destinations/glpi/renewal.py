"""When coming in again is worth a try: never with credentials that were just refused, never without end (F36, F37)."""

import asyncio
from collections import deque

from shared.delivery.failure import Failure
from shared.destinations.refusals import Refusals

_PAUSE = 60.0
_MOST = 3


class Renewal:
    """The memory of one door. Belongs to one event loop."""

    def __init__(self) -> None:
        self._refusals = Refusals()
        self._failure: Failure | None = None
        self._renewed: deque[float] = deque(maxlen=_MOST)

    def refuse(self, credentials: object, failure: Failure) -> Failure:
        """Note that these were refused, and return why: repeating them would lock the account."""
        self._refusals.note(credentials)
        self._failure = failure
        return failure

    def refusal(self, credentials: object) -> Failure | None:
        """Return why these very credentials need not be tried for now, if so."""
        return self._failure if self._refusals.holds(credentials) else None

    def spend(self) -> bool:
        """Return True where a lost session or token may be renewed: three times a minute at most."""
        now = asyncio.get_running_loop().time()
        if len(self._renewed) == _MOST and now - self._renewed[0] < _PAUSE:
            return False
        self._renewed.append(now)
        return True
