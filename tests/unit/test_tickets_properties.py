"""Tickets over generated histories: the real correlator against the oracle, in any order, however often.

`make endurance ARGS=histories` tries 10,000 of them.
"""

from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support.histories_of_tickets import PROPERTIES

EXAMPLES = 4


@pytest.mark.parametrize("name", PROPERTIES)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=(Phase.generate,))
@given(chance=st.randoms(use_true_random=True))
def test_histories_make_the_tickets_that_they_must(name: str, chance: Random) -> None:
    make, check = PROPERTIES[name]
    case = make(chance)
    assert not check(case), case
