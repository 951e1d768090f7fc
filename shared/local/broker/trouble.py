"""Trouble that lasts, as a full disk: said when it begins, when its cause changes and when it is over."""

import logging
from pathlib import Path

_LOG = logging.getLogger("tidings.broker")


class Trouble:
    """One kind of trouble with one file; who tries again each second does not say so each second."""

    def __init__(self, what: str, path: Path) -> None:
        """`what` is what cannot be done with it, as "written"."""
        self._what = what
        self._path = path
        self._cause = ""

    def go_on(self, error: Exception) -> None:
        """Say it in the words of who failed, where these are new."""
        cause = str(error) or type(error).__name__
        if cause != self._cause:
            _LOG.error("the broker's log %s cannot be %s: %s", self._path, self._what, cause)
        self._cause = cause

    def end(self) -> None:
        """Say that it works again, where it did not."""
        if self._cause:
            _LOG.warning("the broker's log %s works again: before, it could not be %s", self._path, self._what)
        self._cause = ""
