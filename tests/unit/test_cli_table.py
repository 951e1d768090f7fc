"""Tables cut nothing, whatever the width; texts of strangers do not steer a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.table import drawn

WORDS = st.text(alphabet="ab -/é", max_size=40)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=4), st.integers(20, 120))
def test_nothing_is_cut_and_nothing_is_wider_than_the_terminal(cells: list[tuple[str, ...]], width: int) -> None:
    shown = drawn(("one", "two", "three"), cells, width).plain
    assert all(len(line) <= width for line in shown.splitlines())
    kept = "".join(shown.split())
    for word in (part for row in cells for cell in row for part in cell.split()):
        # A word wider than its place goes on below; its letters stay in order.
        assert all(letter in kept for letter in word)
    assert sum(map(len, "".join(cell for row in cells for cell in row).split())) + len("onetwothree") == len(kept)


def test_what_does_not_fit_beside_goes_below() -> None:
    cells = [("medium", "yes", "FailedMount", "Pod/identity/keycloak-59f7b8d6cc-vn4rb-and-so-on", "a-rule")]
    shown = drawn(("severity", "ticket", "reason", "object", "rule"), cells, 60).plain
    assert shown.splitlines() == [
        "severity  ticket  reason",
        "    object  rule",
        "medium    yes     FailedMount",
        "    Pod/identity/keycloak-59f7b8d6cc-vn4rb-and-so-on  a-rule",
    ]


def test_a_long_last_column_is_wrapped_in_its_place() -> None:
    shown = drawn(("system", "finding"), [("splunk", "the token is not known there: " * 2)], 40).plain
    assert shown.splitlines()[1:] == [
        "splunk  the token is not known there:",
        "        the token is not known there:",
    ]


@pytest.mark.parametrize("count", [1, 9])
def test_a_message_does_not_steer_the_terminal(count: int) -> None:
    event = (
        r'{"kind": "Event", "reason": "Odd\u001b[2J", "message": "\u001b]0;x\u0007", "involvedObject": {"name": "a"}}'
    )
    shown = CliRunner().invoke(app, ["explain"], input=f"{event}\n" * count)
    assert shown.exit_code == 0
    assert "\x1b" not in shown.stdout
    assert "\x07" not in shown.stdout
