"""Times in which tickets are quiet: schedules in their time zone, right on the two days on which clocks change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.episodes.spans import Span, last_start, moment
from shared.events.times import zone
from tests.support.examples import examples

BERLIN = "Europe/Berlin"  # to summer time on 2027-03-28 at 01:00Z, back on 2027-10-31 at 01:00Z
HOUR = 3600.0


def at(text: str) -> float:
    found = moment(text, "UTC")
    assert found is not None
    return found


def window(schedule: str, hours: float, timezone: str = BERLIN) -> Span:
    return Span("w", "why", schedule=schedule, duration=hours * HOUR, timezone=timezone)


def in_force(span: Span, begin: str, end: str) -> None:
    """Assert that it is in force from exactly one time to exactly another."""
    first, last = at(begin), at(end)
    assert span.end(first - 1) is None
    assert span.end(first) == last
    assert span.end(last - 1) == last
    assert span.end(last) is None


def test_a_window_is_in_force_by_the_clock_of_its_zone() -> None:
    in_force(window("30 2 * * SUN", 2), "2027-01-10T01:30:00Z", "2027-01-10T03:30:00Z")
    in_force(window("30 2 * * SUN", 2), "2027-07-11T00:30:00Z", "2027-07-11T02:30:00Z")
    in_force(window("30 2 * * SUN", 2, "UTC"), "2027-07-11T02:30:00Z", "2027-07-11T04:30:00Z")
    in_force(window("30 2 * * SUN", 2, "America/New_York"), "2027-07-11T06:30:00Z", "2027-07-11T08:30:00Z")


def test_a_window_in_the_hour_that_is_skipped_begins_right_after_it() -> None:
    in_force(window("30 2 * * *", 2), "2027-03-28T01:00:00Z", "2027-03-28T03:00:00Z")


def test_a_window_around_the_skipped_hour_is_as_long_as_it_says() -> None:
    in_force(window("0 1 * * *", 4), "2027-03-28T00:00:00Z", "2027-03-28T04:00:00Z")  # to 06:00 by the clock


def test_a_window_in_the_hour_that_is_there_twice_is_in_force_once() -> None:
    in_force(window("30 2 * * *", 0.5), "2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z")
    assert window("30 2 * * *", 0.5).end(at("2027-10-31T01:45:00Z")) is None


def test_a_long_window_that_began_in_the_first_of_two_equal_hours_goes_on_in_the_second() -> None:
    in_force(window("30 2 * * *", 2), "2027-10-31T00:30:00Z", "2027-10-31T02:30:00Z")
    # By the clock it is 02:10 for the second time, which lies before 02:30.
    assert window("30 2 * * *", 2).end(at("2027-10-31T01:10:00Z")) == at("2027-10-31T02:30:00Z")


def test_a_window_of_each_hour_is_there_in_each_hour_that_there_is() -> None:
    for hour in ("00", "01", "02"):
        in_force(window("15 * * * *", 0.25), f"2027-10-31T{hour}:15:00Z", f"2027-10-31T{hour}:30:00Z")
        in_force(window("15 * * * *", 0.25), f"2027-03-28T{hour}:15:00Z", f"2027-03-28T{hour}:30:00Z")


def test_a_window_that_begins_again_before_it_ends_is_one_to_the_later_end() -> None:
    assert window("0 * * * *", 1.5).end(at("2027-01-10T12:10:00Z")) == at("2027-01-10T13:30:00Z")
    assert window("* * * * *", 24 * 7).end(at("2027-01-10T12:10:30Z")) == at("2027-01-17T12:10:00Z")


def test_a_window_of_the_last_friday_or_of_a_rare_day_is_found() -> None:
    in_force(window("0 22 * * 5L", 1, "UTC"), "2027-01-29T22:00:00Z", "2027-01-29T23:00:00Z")
    in_force(window("0 0 29 2 *", 24, "UTC"), "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z")


_TIMES = st.datetimes(datetime(2027, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001 - made UTC below
    lambda time: time.replace(tzinfo=UTC, second=0, microsecond=0)
)
_CHANGES = st.sampled_from(["2027-03-28T01:00:00Z", "2027-10-31T01:00:00Z", "2027-04-03T15:00:00Z"]).flatmap(
    lambda text: st.integers(-300, 300).map(
        lambda minutes: datetime.fromtimestamp(at(text), UTC) + timedelta(minutes=minutes)
    )
)
_MINUTES = st.sampled_from(["0", "30", "10,50", "*/20", "59", "*"])
_HOURS = st.sampled_from(["*", "2", "1-3", "0", "*/2", "23", "2,14"])
_DAYS = st.sampled_from(["* * *", "* * SUN", "1 * *", "28-31 * *", "* 3,10 0", "L * *"])


def by_walking(schedule: str, timezone: str, time: datetime) -> float:
    """Return the last start by asking for one after the other from long before, which no change of clocks confuses."""
    from cronsim import CronSim

    begin = (time - timedelta(days=400)).astimezone(zone(timezone))
    last = None
    for start in CronSim(schedule, begin):
        if start.timestamp() > time.timestamp():
            break
        last = start.timestamp()
    assert last is not None
    return last


@settings(max_examples=examples(60), deadline=None)
@given(
    st.builds(lambda *parts: " ".join(parts), _MINUTES.filter(lambda text: text not in {"*", "*/20", "10,50"}), _HOURS,
              _DAYS.filter(lambda text: text != "* * *")),
    # Where clocks change by half an hour, cronsim going on leaves out what cronsim going back has: `30 * * * *`, twice.
    st.sampled_from([BERLIN, "America/New_York", "UTC"]),
    _TIMES | _CHANGES,
)  # fmt: skip
def test_the_last_start_is_the_one_that_walking_through_all_finds(schedule: str, timezone: str, time: datetime) -> None:
    assert last_start(schedule, timezone, int(time.timestamp() // 60)) == by_walking(schedule, timezone, time)


@settings(max_examples=examples(60), deadline=None)
@given(_MINUTES, _HOURS, st.sampled_from([BERLIN, "Australia/Lord_Howe", "UTC"]), _CHANGES)
def test_around_a_change_of_clocks_no_start_lies_ahead_and_none_is_missed(
    minutes: str, hours: str, timezone: str, time: datetime
) -> None:
    schedule = f"{minutes} {hours} * * *"
    begin = int(time.timestamp() // 60)
    found = [last_start(schedule, timezone, minute) for minute in range(begin, begin + 10)]
    assert all(one is not None and one <= minute * 60 for minute, one in enumerate(found, begin))
    assert found == sorted(found, key=lambda one: one or 0)


def test_once_is_once() -> None:
    once = Span("w", "why", 100.0, 200.0)
    assert [once.end(now) for now in (99.9, 100, 199.9, 200)] == [None, 200.0, 200.0, None]


@pytest.mark.parametrize(
    ("written", "timezone", "seconds"),
    [
        ("2027-01-15T08:00:00Z", BERLIN, 1_800_000_000),
        ("2027-01-15T09:00:00+01:00", "UTC", 1_800_000_000),
        ("2027-01-15 09:00", BERLIN, 1_800_000_000),
        ("2027-01-15T09:00:00", BERLIN, 1_800_000_000),
        ("2027-01-15", "UTC", 1_800_000_000 - 8 * 3600),
        ("2027-01-15T09:00+01:00", BERLIN, None),
        ("tomorrow", BERLIN, None),
        ("", BERLIN, None),
        ("2027-02-30 09:00", BERLIN, None),
    ],
)
def test_a_time_is_exact_or_that_of_a_clock_on_the_wall(written: str, timezone: str, seconds: int | None) -> None:
    assert moment(written, timezone) == seconds


@pytest.mark.parametrize("name", ["Europe/Berlim", "", "../etc/passwd", "/etc/passwd", "x" * 5000, "\0", "Europe"])
def test_a_zone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone(name)
