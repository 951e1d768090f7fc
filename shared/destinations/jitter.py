"""How long to wait before a second try."""

import random
from typing import Final

_AGAIN: Final = (0.1, 0.4)
"""Seconds before a second try, drawn at random; before the third the double."""


def jitter(attempt: int = 1) -> float:
    """Return the seconds to wait after so many tries, so that those who failed together do not come together."""
    return random.uniform(*_AGAIN) * attempt  # noqa: S311 -- jitter, not a secret
