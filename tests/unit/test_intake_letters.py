"""What `intake` makes of items that are too large: letters that are told apart, and known again."""

from datetime import UTC, datetime

import pytest

from functions.intake.items import Reader
from functions.intake.paths import PATHS
from shared.events.json_items import Cutter, Lines
from shared.sources.context import Context

CONTEXT = Context("c", datetime(2026, 11, 24, 10, tzinfo=UTC))
MOST = 100
HEAD = b'{"a":"' + b"x" * MOST
ALIKE = [HEAD + b'1"}', HEAD + b'2"}']
OTHER = b'{"b":"' + b"y" * MOST + b'"}'


def letters(body: bytes, cut_by: type[Cutter | Lines], size: int = 64) -> list[str]:
    """Return the ids of the letters of one request that came in pieces of that size."""
    cutter, reader = cut_by(MOST), Reader(PATHS["/logs"], CONTEXT, None, lambda _source, _type: True)
    items = [item for at in range(0, len(body), size) for item in cutter.feed(body[at : at + size])]
    found = [reader.read(item) for item in [*items, *cutter.end()]]
    assert {read.why for read in found} == {"large"}
    return [event.id for read in found for event in read.events]


@pytest.mark.parametrize("cut_by", [Cutter, Lines])
def test_each_item_that_is_too_large_becomes_a_letter_of_its_own(cut_by: type[Cutter | Lines]) -> None:
    ids = letters(b"\n".join([*ALIKE, OTHER]), cut_by)
    assert len(set(ids)) == 3
    assert letters(OTHER, cut_by) != letters(ALIKE[0], cut_by), "of different requests, too"


@pytest.mark.parametrize("cut_by", [Cutter, Lines])
def test_a_request_that_is_sent_again_within_the_minute_makes_the_same_letters(cut_by: type[Cutter | Lines]) -> None:
    body = b"\n".join([*ALIKE, OTHER])
    assert letters(body, cut_by, 64) == letters(body, cut_by, 7) == letters(body, cut_by, len(body))
