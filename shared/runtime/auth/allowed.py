"""What a sender may send, once it is known: its paths, and the sources and types of its events (F51)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

_KEYS: Final = ("path", "source", "type")
_EXAMPLE: Final = "falco path=/falco; system:serviceaccount:shop:* source=https://10.96.0.1:443 type=dev.knative.*"


@dataclass(frozen=True, slots=True)
class Allowance:
    """One entry: patterns with `*` for any text; of paths, sources and types none means any."""

    sender: str
    paths: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `SENDER [path=…] [source=…] [type=…]`, each as often as wanted. Raises ValueError."""
        sender, *rest = text.split()
        found: dict[str, list[str]] = {key: [] for key in _KEYS}
        for word in rest:
            key, equals, value = word.partition("=")
            if key not in found or not equals or not value:
                raise ValueError(f"takes SENDER and then path=, source= and type=, entries apart by `;`, as {_EXAMPLE}")
            found[key].append(value)
        return cls(sender, *(tuple(found[key]) for key in _KEYS))


@dataclass(frozen=True, slots=True)
class Allowed:
    """All that one sender is allowed."""

    entries: tuple[Allowance, ...]

    def may_send(self, source: str, type_: str) -> bool:
        """Return whether it may send an event of this source and type."""
        return any(_fits(entry.sources, source) and _fits(entry.types, type_) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Allowances:
    """The entries of a setting: who is in none of them may send nothing."""

    entries: tuple[Allowance, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read entries, each on a line or apart by `;`; what follows `#` is a comment. Raises ValueError."""
        lines = [line.split(" #")[0] for line in text.splitlines() if not line.lstrip().startswith("#")]
        parts = [part for line in lines for part in line.split(";") if part.strip()]
        if not parts:
            raise ValueError("names no sender")
        return cls(tuple(map(Allowance.parse, parts)))

    def of(self, sender: str, path: str) -> Allowed | None:
        """Return what a sender may send to a path, None for nothing."""
        found = tuple(e for e in self.entries if _fits((e.sender,), sender) and _fits(e.paths, path))
        return Allowed(found) if found else None


EVERYTHING: Final = Allowed((Allowance("*"),))


def _fits(patterns: Iterable[str], text: str) -> bool:
    """Return whether one of the patterns fits the whole text, or there is none."""
    patterns = tuple(patterns)
    return not patterns or any(_fit(pattern, text) for pattern in patterns)


def _fit(pattern: str, text: str) -> bool:
    """Return whether a pattern fits: `*` is any text, all else itself. Linear, whatever stands in either."""
    first, *rest = pattern.split("*")
    if not rest:
        return first == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
