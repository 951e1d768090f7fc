"""A credential that was refused is left in peace for a while: repeating it would lock the account (F36)."""

import asyncio
from typing import Final

CALM: Final = 60.0
"""Seconds before a refused credential is tried again; one that changed is tried at once."""


class Refusals:
    """Remembers the last credential that a system refused, of any type that compares. Belongs to one event loop."""

    def __init__(self) -> None:
        self._refused: object = None
        self._until = float("-inf")

    def note(self, credential: object) -> None:
        """Take note that this one was refused just now; None is one that could not be read."""
        self._refused, self._until = credential, asyncio.get_running_loop().time() + CALM

    def holds(self, credential: object) -> bool:
        """Return True while this one, and no other, is to be left in peace."""
        return asyncio.get_running_loop().time() < self._until and credential == self._refused
