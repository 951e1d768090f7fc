"""What looks random in an observation, masked where a setting asks for it (F42): off unless somebody turns it on.

A token without a name beside it, as `connect to x9Kq…`, matches no pattern. It has more bits of entropy for each
character than words have, but so have some names that people need, so that this is an option and not the rule.
"""

import math
from collections import Counter
from typing import Any

import re2

from shared.events.model import Observation
from shared.events.redaction_patterns import MASK

MIN_LENGTH = 20
"""Shortest word that is looked at, in characters: in shorter ones chance says too little."""
_MAX_PATHS = 50
_WORD = re2.compile(rf"[A-Za-z0-9+/=_-]{{{MIN_LENGTH},}}")
_MIXED = tuple(re2.compile(some) for some in ("[a-z]", "[A-Z]", "[0-9]"))


def without_random(observation: Observation, bits: float) -> Observation:
    """Return the observation with words masked that have `bits` of entropy for each character and more.

    Only words of at least 20 characters count that mix both cases and digits: uids, digests, paths and names of objects
    do not. Keys and the names that identify an object stay; `masked` tells the paths, of kind `entropy`.
    """
    found: dict[str, Any] = {}
    paths = dict(observation.masked)
    for name in ("message", "component", "host", "action", "labels", "annotations", "original"):
        old = getattr(observation, name)
        new = _without(old, (name,), bits, paths)
        if new is not old:
            found[name] = new
    return observation.model_copy(update={**found, "masked": paths}) if found else observation


def _without(value: Any, path: tuple[str, ...], bits: float, paths: dict[str, str]) -> Any:
    """Return the value itself where nothing in it looks random. It was redacted before, so that it is no deeper."""
    if isinstance(value, str):
        text = _masked(value, bits)
        if text != value and len(paths) < _MAX_PATHS:
            paths[".".join(path)[-200:]] = "entropy"
        return value if text == value else text
    if isinstance(value, dict):
        members = {key: _without(item, (*path, key), bits, paths) for key, item in value.items()}
        return members if any(members[key] is not item for key, item in value.items()) else value
    if isinstance(value, list):
        items = [_without(item, (*path, str(index)), bits, paths) for index, item in enumerate(value)]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _masked(text: str, bits: float) -> str:
    if len(text) < MIN_LENGTH:
        return text
    return str(_WORD.sub(lambda word: MASK if _is_random(word.group(), bits) else word.group(), text))


def _is_random(word: str, bits: float) -> bool:
    return all(some.search(word) for some in _MIXED) and _entropy(word) >= bits


def _entropy(word: str) -> float:
    """Return the bits of entropy of each character (Shannon), by how often each stands in the word itself."""
    size = len(word)
    return -sum(times / size * math.log2(times / size) for times in Counter(word).values())
