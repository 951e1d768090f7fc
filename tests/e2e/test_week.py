"""Half a day of simulated life through the real functions; the week, only made here, is `make endurance ARGS=week`."""

import time
from collections import Counter

import pytest

from tests.endurance.week import main
from tests.support.week.report import judged, text
from tests.support.week.week import week

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


def test_a_week_is_made_at_20_000_events_a_second_and_has_what_is_wanted_of_it() -> None:
    made = week(3)
    begun = time.process_time()
    number = sum(not event.type.endswith("delete") for _, event in made.sent)
    assert number / (time.process_time() - begun) > 20_000
    assert number >= 200_000
    assert len(made.truth.wanted) >= 300
    stories = Counter(problem.story.partition(": ")[2].partition(" ")[0] for problem in made.truth.wanted)
    assert len(stories) > 10
