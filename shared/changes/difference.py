"""What tells two shapes of one object apart, field by field and short."""

from typing import Any, Final, NamedTuple

from shared.changes.kinds import NOISE_ANNOTATIONS
from shared.changes.projection import Shape, is_hash_of
from shared.events.difference import MAX_PATH, MOST, NOT_SHOWN, what
from shared.events.redaction_patterns import MASK

_ABSENT: Final = object()
_MAX_KEY = 80
_ONE_BY_ONE: Final = frozenset({"annotations", "labels"})
"""Where it matters which one came, the first one, too: a level of Pod Security, a restart that was asked for."""


class Difference(NamedTuple):
    """One field. A value is None where the field was not there, NOT_SHOWN where it is a hash, masked, or has parts."""

    path: str
    before: str | None
    after: str | None


class Differences(NamedTuple):
    """The first MOST differences in the order of their paths, and how many there are in all."""

    told: tuple[Difference, ...]
    number: int

    def __str__(self) -> str:
        return what(self.told, self.number)


def compare(before: Shape, after: Shape) -> Differences:
    """Return what differs between two shapes that are folded at the same depth."""
    found: list[Difference] = []
    number = 0 if before == after else _compare(before, after, "", found)
    return Differences(tuple(found), number)


def _without_noise(kept: Shape, path: str) -> Shape:
    """Return annotations without those that an earlier release took for news, and this one no longer keeps."""
    if path != "metadata.annotations":
        return kept
    return {name: told for name, told in kept.items() if name not in NOISE_ANNOTATIONS}


def _compare(before: Shape, after: Shape, path: str, found: list[Difference]) -> int:
    """Note what differs between two shapes that are not equal, and return how much that is."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if is_hash_of(before, after):
            return 0
        return _note(Difference(path[:MAX_PATH], *_both(before, after)), found)
    number = 0
    # Equal parts are left out by one comparison each: of a large object little changes at once.
    for key in sorted(key for key in {**before, **after} if before.get(key, _ABSENT) != after.get(key, _ABSENT)):
        here = _below(path, key)
        if key in _ONE_BY_ONE and isinstance(before.get(key, {}), dict) and isinstance(after.get(key, {}), dict):
            number += _compare(_without_noise(before.get(key, {}), here), after.get(key, {}), here, found)
        elif key not in before:
            number += _note(Difference(here[:MAX_PATH], None, _shown(after[key])), found)
        elif key not in after:
            number += _note(Difference(here[:MAX_PATH], _shown(before[key]), None), found)
        else:
            number += _compare(before[key], after[key], here, found)
    return number


def _note(difference: Difference, found: list[Difference]) -> int:
    if len(found) < MOST:
        found.append(difference)
    return 1


def _both(before: Shape, after: Shape) -> tuple[str, str]:
    """Return two values for people; where one of them is not shown, the other says nothing by itself."""
    old, new = _shown(before), _shown(after)
    return (NOT_SHOWN, NOT_SHOWN) if NOT_SHOWN in {old, new} or old == new else (old, new)


def _below(path: str, key: str) -> str:
    if key.startswith("["):
        return f"{path}{key[:_MAX_KEY]}"
    if not path:
        return key[:_MAX_KEY]
    return f"{path}[{key[:_MAX_KEY]}]" if "." in key or "/" in key else f"{path}.{key[:_MAX_KEY]}"


def _shown(shape: Any) -> str:
    if shape is None:
        return "null"
    if isinstance(shape, bool):
        return "true" if shape else "false"
    if isinstance(shape, dict | list) or shape == MASK:
        return "{}" if shape == {} else NOT_SHOWN
    return str(shape) if shape != "" else '""'
