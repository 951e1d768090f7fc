"""Which row of `outcome_rows` decides on what was heard in an event."""

from functools import cache, lru_cache
from typing import NamedTuple

from shared.events.vocabulary import Subcategory
from shared.rules.outcome import Outcome
from shared.rules.outcome_rows import ROWS
from shared.rules.words import KINDS, STATES, Signals, Vocabulary

STATE_WORDS = Vocabulary(STATES)
_IN_MESSAGES = frozenset(name for row in ROWS for name in f"{row.message} {row.text}".split())
MESSAGE_WORDS = Vocabulary(STATES, _IN_MESSAGES)
"""The words that some row looks for in a message; a message is long, and seldom the same twice."""
KIND_WORDS = Vocabulary(KINDS)


_TYPES = {"W": ("", "W", "WA"), "N": ("", "N"), "A": ("", "N", "A", "WA")}


class _Test(NamedTuple):
    """The conditions of a row as sets of words; an empty one holds always."""

    row: Outcome
    reason: Signals
    message: Signals
    text: Signals
    unless: Signals
    about: Signals


@cache
def _tests(subcategory: Subcategory, sort: str) -> tuple[_Test, ...]:
    """Return the tests of the rows that can hold for this place and type at all."""
    return tuple(
        _Test(
            row,
            STATE_WORDS.mask(row.reason),
            STATE_WORDS.mask(row.message),
            STATE_WORDS.mask(row.text),
            STATE_WORDS.mask(row.unless),
            KIND_WORDS.mask(row.about),
        )
        for row in ROWS
        if row.type in _TYPES[sort] and (not row.at or subcategory in row.at.split())
    )


@lru_cache(maxsize=4096)
def outcome_of(reason: Signals, message: Signals, kind: Signals, subcategory: Subcategory, sort: str) -> Outcome:
    """Return the row that decides on these words; `sort` is W for a Warning, N for a Normal event, A for an alert."""
    for row, in_reason, in_message, in_text, unless, about in _tests(subcategory, sort):
        if (
            not unless & reason
            and (not in_reason or in_reason & reason)
            and (not in_message or in_message & message)
            and (not about or about & kind)
            and (not in_text or in_text & (reason | message))
        ):
            return row
    raise AssertionError("the last row holds always")
