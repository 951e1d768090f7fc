"""Slips of the pen in filters: a word that nobody means, for it is one letter away from one of ours."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from shared.events.cloudevent import APISERVER_PREFIX, CLASSIFIED_PREFIX
from shared.events.vocabulary import CATEGORIES, PHASES, SEVERITIES, SUBCATEGORIES

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "category": CATEGORIES,
    "subcategory": tuple(word for words in SUBCATEGORIES.values() for word in words),
    "severity": SEVERITIES,
    "phase": PHASES,
}
"""The attributes of our events whose values are a closed set."""

FAMILIES: Final = (CLASSIFIED_PREFIX, APISERVER_PREFIX)
"""What the types of events begin with that nobody else sends."""

_NEAR = 0.85  # of difflib: a letter too many, too few or another one, in a word of six and more


def is_slip(word: str, known: Iterable[str]) -> bool:
    """Return whether a word is none of the known ones and yet nearly one, or one but for upper and lower case."""
    words = {*known}
    if word in words:
        return False
    near = [other for other in words if abs(len(other) - len(word)) <= 1]
    return bool(difflib.get_close_matches(word.lower(), [other.lower() for other in near], n=1, cutoff=_NEAR))


def is_slip_of_type(value: str) -> bool:
    """Return whether an event type, or how it begins, is nearly of one of our families: `dev.tiding.problem.`."""
    labels = value.split(".")
    for family in FAMILIES:
        head = family.rstrip(".")
        if is_slip(".".join(labels[: head.count(".") + 1]), (head,)):
            return True
    return False
