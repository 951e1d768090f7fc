"""Times: what Kubernetes and Go write is read; anything else is None and never an exception."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.times import of_milliseconds, parse_time, to_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T20:59:00Z", datetime(2026, 11, 23, 20, 59, tzinfo=UTC)),
        ("2026-11-23t20:59:00z", datetime(2026, 11, 23, 20, 59, tzinfo=UTC)),
        ("2026-11-23 20:59:00Z", datetime(2026, 11, 23, 20, 59, tzinfo=UTC)),
        ("2026-11-23T20:59:00.5Z", datetime(2026, 11, 23, 20, 59, 0, 500_000, UTC)),
        ("2026-11-23T20:59:00.123456789Z", datetime(2026, 11, 23, 20, 59, 0, 123_456, UTC)),
        ("2026-11-23T20:59:00.000001999999999Z", datetime(2026, 11, 23, 20, 59, 0, 1, UTC)),
        ("2026-11-23T20:59:00+05:30", datetime(2026, 11, 23, 15, 29, tzinfo=UTC)),
        ("2026-11-23T20:59:00-00:30", datetime(2026, 11, 23, 21, 29, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2300-01-01T00:00:00Z", datetime(2300, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read(text: str, expected: datetime) -> None:
    found = parse_time(text)
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "yesterday", "2026-11-23", "2026-11-23T20:59:00", "20:59:00Z", "2026-11-23T20:59Z"),
        *("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-23T24:00:00Z"),
        *("2026-11-23T20:60:00Z", "2026-11-23T20:59:61Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z"),
        *("2026-11-23T20:59:00+99:00", "2026-11-23T20:59:00+24:00", "0001-01-01T00:00:00+01:00"),
        *("9999-12-31T23:59:59-01:00", "2026-11-23T20:59:00.Z", "2026-11-23T20:59:00Z\n", " 2026-11-23T20:59:00Z"),
        *("\uff12\uff10\uff12\uff16-11-23T20:59:00Z", "2026-11-23T20:59:00Zjunk", "-026-11-23T20:59:00Z"),
        *(None, 0, 1_700_000_000, 1.5, True, [], {}, b"2026-11-23T20:59:00Z"),
    ],
)
def test_what_is_no_timestamp_is_none(wrong: Any) -> None:
    assert parse_time(wrong) is None


@given(st.datetimes(timezones=st.timezones().map(lambda _zone: UTC)))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert parse_time(to_text(moment)) == moment


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.integers(-1439, 1439))  # noqa: DTZ001 - the zone is drawn too
def test_a_zone_changes_the_text_and_not_the_moment(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_time(moment.isoformat()) == moment
    assert to_text(moment).endswith("Z")


@given(
    st.one_of(
        st.text(), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})")
    )
)
def test_no_text_raises(text: str) -> None:
    found = parse_time(text)
    assert found is None or found.tzinfo is UTC


def test_milliseconds_since_1970_are_a_time() -> None:
    assert of_milliseconds(1_772_323_200_250) == datetime(2026, 3, 1, 0, 0, 0, 250_000, UTC)
    assert of_milliseconds(0) == datetime(1970, 1, 1, tzinfo=UTC)


@given(st.one_of(st.integers(), st.floats()))
def test_no_number_of_milliseconds_raises(value: float) -> None:
    assert of_milliseconds(value).tzinfo is UTC


@pytest.mark.parametrize("absurd", [2**62, -(2**62), 10**400, float("nan"), float("inf")])
def test_milliseconds_that_no_date_can_have_are_those_of_1970(absurd: float) -> None:
    assert of_milliseconds(absurd) == datetime(1970, 1, 1, tzinfo=UTC)
