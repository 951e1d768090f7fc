"""Half a day of simulated life through the real functions; the week is `make endurance ARGS=week`."""

import pytest

from tests.endurance.week import main
from tests.support.week.report import judged, text

DAYS = 0.55


def test_the_functions_take_all_that_a_living_cluster_sends_and_tell_its_problems() -> None:
    found = judged(7, DAYS)
    assert found.events > 25_000
    assert found.classified > found.events / 2
    assert found.judgement.recall == 1.0, text(found)
    assert found.judgement.left_open == 0, text(found)


def test_the_report_names_the_figures_of_each_seed_and_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--days", "0.45", "--seeds", "8"])
    printed = capsys.readouterr().out
    assert "seed 8: " in printed
    assert "the worst of 1: precision " in printed
    assert ("as it should be" in printed) == (code == 0)
