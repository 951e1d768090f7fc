"""Back-off and durations as the Kafka Broker computes them (reference/knative.md §4)."""

import pytest

from shared.local.broker.delivery_spec import DeliverySpec, parse_duration


def test_exponential_back_off_doubles_from_twice_the_delay_on() -> None:
    spec = DeliverySpec(retry=4, backoff_delay=0.5)
    assert [spec.delay(attempt) for attempt in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]


def test_linear_back_off_grows_by_the_delay() -> None:
    spec = DeliverySpec(retry=3, backoff_policy="linear", backoff_delay=10.0)
    assert [spec.delay(attempt) for attempt in (1, 2, 3)] == [10.0, 20.0, 30.0]


def test_what_is_unset_means_no_retry_and_ten_minutes_for_a_request() -> None:
    assert DeliverySpec() == DeliverySpec(0, "exponential", 0.0, 600.0, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT10S", 10), ("PT0.2S", 0.2), ("PT1M30S", 90), ("P1DT2H", 93_600), ("P2W", 1_209_600), ("PT0S", 0)],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "10s", "PT1", "P1M", "P1Y", "pt10s", "PT-1S", "PT1S "])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert parse_duration(text) is None
