"""A foreign system that is away while events come for it: all arrive by themselves, and nobody else waits.

Small: a minute with 5,000 events, and how much slower the others are, is `make endurance ARGS=outage`.
"""

from pathlib import Path

import pytest

from tests.support.harness.outage import How, Outage, play
from tests.support.harness.processes import SERVICENOW, SPLUNK

_SECONDS = 5.0


@pytest.mark.parametrize(("down", "how"), [(SPLUNK, "refuse"), (SERVICENOW, "kill"), (SPLUNK, "freeze")])
def test_f10_what_waited_for_a_system_that_was_away_arrives_once_and_the_other_system_never_waits(
    tmp_path: Path, down: str, how: How
) -> None:
    """F10: sink 500/502/503; bounded retries with jitter, then Retry; after recovery drains without operator."""
    report = play(Outage(down, how, _SECONDS, events=300, problems=30, within=60), tmp_path / "run")
    assert report.wrong == []
    assert report.waiting > (200 if down == SPLUNK else 15), "it was really away"
    assert max(report.waited) < _SECONDS / 2, "the other system waited for nothing"
    assert report.cancelled == 0
    assert how == "freeze" or report.repeats == 0, "who answers, or is not there, can be told nothing twice"
