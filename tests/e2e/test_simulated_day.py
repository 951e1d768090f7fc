"""A small simulated day on the real parts; the whole one is `make endurance ARGS=day`."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.endurance.day import Sample, judge, run
from tests.endurance.generated import events
from tests.endurance.simulated import Clock

LEVEL = [
    Sample(hour, int(hour * 1000), 90.0, 40, 30.0, 5.0 + hour, 1000 + int(hour * 200), 0, 0, 0, hour * 20)
    for hour in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
]


def test_six_simulated_hours_lose_and_repeat_nothing_and_nothing_grows(tmp_path: Path) -> None:
    samples, problems = asyncio.run(run(tmp_path, 1500, 6.0, 7, keep=500))
    assert problems == []
    assert judge(samples) == []
    assert samples[-1].tickets > 0
    assert [sample.hour for sample in samples] == [1, 2, 3, 4, 5, 6]


def test_a_day_in_which_only_what_is_kept_grows_is_good() -> None:
    assert judge(LEVEL) == []


@pytest.mark.parametrize(
    ("growing", "word"),
    [("rss", "rss grew"), ("files", "files grew"), ("broker", "broker grew"), ("state", "faster than its rows")],
)
def test_what_grows_without_end_is_named(growing: str, word: str) -> None:
    grown = [replace(sample, **{growing: int(getattr(sample, growing) * sample.hour)}) for sample in LEVEL]
    assert any(word in problem for problem in judge(grown))


def test_rows_that_outlive_their_end_and_a_day_that_takes_too_long_are_named() -> None:
    assert any("have expired" in problem for problem in judge([replace(sample, expired=2000) for sample in LEVEL]))
    assert any("took" in problem for problem in judge([replace(sample, seconds=700.0) for sample in LEVEL]))


def test_the_same_seed_gives_the_same_day_in_order_and_every_event_is_new() -> None:
    first, again = (list(events(3, 1e9, 6.0, 2000)) for _ in range(2))
    assert first == again
    assert len(first) == 2000
    assert [at for at, _ in first] == sorted(at for at, _ in first)
    assert len({event.id for _, event in first}) == 2000
    assert len({event.id for seed in (3, 4) for _, event in events(seed, 1e9, 6.0, 2000)}) == 4000


def test_who_sleeps_on_the_simulated_clock_wakes_in_order_each_at_its_own_time() -> None:
    woken: list[tuple[str, float]] = []

    async def sleeper(clock: Clock, name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async def play() -> None:
        clock = Clock(100.0)
        tasks = [
            asyncio.create_task(sleeper(clock, name, seconds)) for name, seconds in (("b", 7), ("a", 2), ("c", 90))
        ]
        await asyncio.sleep(0)
        await clock.move(110.0)
        assert woken == [("a", 102.0), ("b", 107.0)]
        clock.jump(1000.0)
        assert len(woken) == 2
        await clock.move(1000.0)
        assert woken[-1] == ("c", 1000.0)
        await asyncio.gather(*tasks)

    asyncio.run(play())
