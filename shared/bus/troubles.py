"""What keeps a consumer from working, as news: a bus that is down for hours is worth one line, not one a second."""

import time

_OVER_SECONDS = 30.0  # above what one try takes with its pause


class Troubles:
    """Each reason is new once; and again after it has not come for half a minute, for then it had been over."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def is_new(self, why: str) -> bool:
        """Take note of a reason, one of a few; return whether it is to be said."""
        now = time.monotonic()
        before, self._last[why] = self._last.get(why), now
        return before is None or now - before > _OVER_SECONDS
