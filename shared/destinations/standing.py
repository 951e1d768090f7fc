"""Whether a foreign system can be reached, said in the log when that changes: normal operation says nothing."""

import logging
import time
from collections.abc import Callable

_log = logging.getLogger("tidings.destinations")

_QUIET = 60.0  # seconds after it was reached again in which a new failure is not said: a system that comes and goes


class Standing:
    """How one foreign system stands. `clock` gives seconds that only go forward."""

    def __init__(self, place: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`place` is what people know it by: host and port."""
        self._place = place
        self._clock = clock
        self._since: float | None = None
        self._said = False
        self._quiet_until = float("-inf")

    def failed(self, why: str) -> None:
        """Note that a call had no answer, or could not be made, as without credentials."""
        now = self._clock()
        if self._since is None:
            self._since = now
        if not self._said and now >= self._quiet_until:
            self._said = True
            _log.warning(
                "a foreign system cannot be used now; its events wait", extra={"place": self._place, "why": why}
            )

    def answered(self) -> None:
        """Note that a call was answered."""
        if self._since is None:
            return
        now = self._clock()
        if self._said:
            self._quiet_until = now + _QUIET
            seconds = round(now - self._since)
            _log.warning("a foreign system can be used again", extra={"place": self._place, "after_seconds": seconds})
        self._since, self._said = None, False


class Unsaid(Standing):
    """How a system stands that a command asks: the command says what became of it, and no events wait."""

    def failed(self, why: str) -> None:
        """Say nothing."""

    def answered(self) -> None:
        """Say nothing."""
