"""RE2 in one place: every pattern of a rule is linear in the text, bounded in memory, and quiet (F29)."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import re2

MAX_PROGRAM = 4_000  # RE2 instructions; the longest pattern of the shipped packs has 240
MAX_PATTERN = 1_000  # characters

_SET_MEMORY = 16 << 20  # RE2's bound for a set's automaton; it starts its cache anew when that is full
_SET_MEMORY_EACH = 16 << 10

PatternError: type[Exception] = re2.error


def escape(text: str) -> str:
    """Return a pattern that finds exactly this text."""
    return str(re2.escape(text))


def compiled(pattern: str) -> Any:
    """Compile one pattern. Raises PatternError where it is none, or where it is beyond what we allow."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"longer than {MAX_PATTERN} characters")
    made = re2.compile(pattern, _options(8 << 20))
    if made.programsize > MAX_PROGRAM:
        raise PatternError(f"too complex: {made.programsize} steps, at most {MAX_PROGRAM} are allowed")
    return made


@lru_cache(maxsize=1024)
def _kept(pattern: str) -> Any:
    return compiled(pattern)


def group(pattern: str, name: str, text: str) -> str:
    """Return what a named group found in the text, empty where it found nothing."""
    # Bytes in, bytes out: RE2 counts bytes, and translating its places into characters costs more than the search.
    found = _kept(pattern).search(text.encode(errors="replace"))
    value: bytes | None = found[name] if found is not None else None
    return "" if value is None else value.decode(errors="replace")


def finder(pattern: str) -> Callable[[str], bool]:
    """Return a test of whether the pattern is in a text. Raises PatternError.

    A set of one is several times faster than a search that reports where it matched.
    """
    slow = compiled(pattern).search
    fast = PatternSet((pattern,)).search

    def test(text: str) -> bool:
        found = fast(text)
        return slow(text) is not None if found is None else bool(found)

    return test


class PatternSet:
    """Many patterns, searched for in one pass; `memory` is what the automaton may take, and takes only as it needs."""

    def __init__(self, patterns: Iterable[str], memory: int = _SET_MEMORY) -> None:
        listed = list(patterns)
        self._count = len(listed)
        self._set = re2.Set.SearchSet(_options(memory + _SET_MEMORY_EACH * len(listed)))
        for pattern in listed:
            self._set.Add(pattern)
        # RE2 says "nothing" where its memory ran out. The empty pattern matches everything: without it, no answer.
        self._sentinel: int = self._set.Add("")
        self._set.Compile()

    def search(self, text: str) -> list[int] | None:
        """Return the places of the patterns that are in the text, in no order; None where RE2 could not tell."""
        try:
            found: list[int] = self._set.Match(text)
        except UnicodeEncodeError:
            return []
        if self._sentinel not in found:
            return None
        found.remove(self._sentinel)
        return found


def _options(memory: int) -> Any:
    made = re2.Options()
    made.log_errors = False
    made.max_mem = memory
    return made
