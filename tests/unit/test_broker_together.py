"""Triggers by `filter.attributes` alone, each of one type: together they bring a subscriber what a prefix would."""

from pathlib import Path
from typing import get_args

import pytest

from shared.events.cloudevent import type_of_transition
from shared.events.episode import Transition
from tests.support.trigger_files import HEAD, TO_TICKETS, load

ALL = [type_of_transition(transition) for transition in get_args(Transition)]


def exact(types: list[str], subscriber: str = TO_TICKETS, *, name: str = "one", rest: str = "") -> str:
    """Return a Trigger for each type; all ask for the rest, too."""
    return "---\n".join(
        f"{HEAD.replace('one', f'{name}-{number}')}  filter: {{attributes: {{type: {kind}{rest}}}}}\n{subscriber}"
        for number, kind in enumerate(types)
    )


def warned(folder: Path, *triggers: str) -> int:
    found = load(folder, "---\n".join(triggers))
    assert found.problems == ()
    assert all("names single transitions" in warning.message for warning in found.warnings)
    return len(found.warnings)


def test_triggers_that_name_all_transitions_together_miss_none(tmp_path: Path) -> None:
    assert warned(tmp_path, exact(ALL)) == 0
    assert warned(tmp_path, exact(ALL, rest=", category: security")) == 0


@pytest.mark.parametrize("left_out", ALL)
def test_one_that_is_forgotten_is_told_by_each_of_the_others(tmp_path: Path, left_out: str) -> None:
    assert warned(tmp_path, exact([kind for kind in ALL if kind != left_out])) == len(ALL) - 1


def test_what_asks_for_something_else_or_goes_elsewhere_does_not_complete_them(tmp_path: Path) -> None:
    most, last = exact(ALL[:-1]), ALL[-1:]
    assert warned(tmp_path, most, exact(last, name="other", rest=", category: security")) == len(ALL)
    elsewhere = "  subscriber: {uri: https://shop.example.com/events}\n"
    assert warned(tmp_path, most, exact(last, elsewhere, name="other")) == len(ALL)
    prefixed = exact(last, name="other").replace("filter: {attributes: {", "filters: [{prefix: {")
    assert warned(tmp_path, most, prefixed.replace("}}\n", "}}]\n", 1)) == len(ALL) - 1
