"""How many examples a property is tried with: a few, chosen anew in each run, or with TIDINGS_EXAMPLES so many."""

import os

USUAL = 40
"""Of a property that says nothing of its own."""


def asked() -> int:
    """Return how many are asked for, 0 where none are."""
    return int(os.environ.get("TIDINGS_EXAMPLES", "0"))


def examples(few: int = USUAL) -> int:
    """Return the number of examples."""
    return asked() or few
