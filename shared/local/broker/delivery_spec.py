"""A Trigger's or Broker's `delivery`: how often and when to try again, and where the dead letters go. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

BackoffPolicy = Literal["exponential", "linear"]
DEFAULT_TIMEOUT = 600.0
"""Seconds for one request where `delivery.timeout` is unset (reference/knative.md §4)."""

_DURATION = re.compile(
    r"^P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:[.,]\d+)?)S)?)?$"
)
_SECONDS = {"weeks": 604_800.0, "days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}
_MAX_EXPONENT = 60  # beyond it a wait is longer than anything lives; keeps the power small


@dataclass(frozen=True, slots=True)
class DeliverySpec:
    """`timeout` and `backoff_delay` in seconds; `dead_letter_sink` names the sink, None where there is none."""

    retry: int = 0
    backoff_policy: BackoffPolicy = "exponential"
    backoff_delay: float = 0.0
    timeout: float = DEFAULT_TIMEOUT
    dead_letter_sink: str | None = None

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait before retry number `attempt`, counted from 1; no cap and no jitter, as Kafka."""
        if self.backoff_policy == "linear":
            return self.backoff_delay * attempt
        return self.backoff_delay * float(2 ** min(attempt, _MAX_EXPONENT))


def parse_duration(text: str) -> float | None:
    """Return the seconds of an ISO 8601 duration of weeks, days and times, or None for anything else.

    Years and months have no fixed length and are refused.
    """
    found = _DURATION.match(text)
    if found is None or text.endswith("T"):
        return None
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    if not parts:
        return None
    return sum(float(value.replace(",", ".")) * _SECONDS[name] for name, value in parts.items())
