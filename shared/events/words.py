"""Counts in words, for sentences that people read."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun, as "1 error", "2 errors"; `many` is a plural without the usual s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
