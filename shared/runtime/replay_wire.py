"""What a replay and the process that hands its events over say to each other: lines of JSON. Pure.

There goes an event a line, in CloudEvents' JSON format; its number is its place in that order. `STOP` says that the run
ends early: what has not begun is given back. Back comes first how the start ended, then lists of answers, each
`[number, label, {…}]` with what the outcome says besides.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from shared.events.outcome import LABELS, Outcome, Retry, label

STOP: Final = b""
"""The line, without its end, that no event can be."""

LEFT: Final = Retry("the run ended before its turn came")

Answer = tuple[int, Outcome]
"""Which event it was, counted from 0, and what became of it."""

_KINDS = {word: kind for kind, word in LABELS.items()}


def start_line(problems: Sequence[str] = ()) -> bytes:
    """Return how a start ended: with problems of the settings, or with none."""
    return json.dumps(problems).encode() + b"\n"  # also a file's name that is no UTF-8


def problems_of(line: bytes) -> list[str]:
    """Return what `start_line` was given."""
    problems: list[str] = json.loads(line)
    return problems


def answers_line(answers: Iterable[Answer]) -> bytes:
    """Return several answers as one line."""
    return orjson.dumps([(number, label(outcome), outcome) for number, outcome in answers]) + b"\n"


def answers_of(line: bytes) -> list[Answer]:
    """Return what `answers_line` was given."""
    return [(number, _KINDS[word](**said)) for number, word, said in orjson.loads(line)]
