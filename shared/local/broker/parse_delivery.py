"""Read a `delivery` block of a Broker or Trigger."""

from typing import cast

from shared.events.problem import did_you_mean
from shared.local.broker.delivery_spec import DEFAULT_TIMEOUT, BackoffPolicy, DeliverySpec, parse_duration
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import Report

_FIELDS = ("retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink", "format", "retryAfterMax")
_IGNORED_BY_KAFKA = ("format", "retryAfterMax")
_POLICIES = ("exponential", "linear")


def parse_delivery(block: Located | None, report: Report) -> DeliverySpec | None:
    """Return the spec, or None where there is no block; what is wrong is reported and left at its default."""
    if block is None:
        return None
    for name, child in block.mapping().items():
        if name not in _FIELDS:
            report(child, f'delivery has no field "{name}"', did_you_mean(name, _FIELDS))
        elif name in _IGNORED_BY_KAFKA:
            report(child, f"the Kafka Broker ignores {name}", "leave it out")
    return DeliverySpec(
        retry=_retry(block, report),
        backoff_policy=_policy(block, report),
        backoff_delay=_seconds(block, "backoffDelay", 0.0, report),
        timeout=_seconds(block, "timeout", DEFAULT_TIMEOUT, report),
        dead_letter_sink=_sink(block, report),
    )


def _retry(block: Located, report: Report) -> int:
    found = block.get("retry")
    if found is None:
        return 0
    if isinstance(found.value, bool) or not isinstance(found.value, int) or found.value < 0:
        report(found, "retry must be a whole number, 0 or more", "write `retry: 10`")
        return 0
    return found.value


def _policy(block: Located, report: Report) -> BackoffPolicy:
    found = block.get("backoffPolicy")
    if found is None:
        return "exponential"
    if found.value not in _POLICIES:
        report(found, f'there is no back-off policy "{found.value}"', did_you_mean(str(found.value), _POLICIES))
        return "exponential"
    return cast("BackoffPolicy", found.value)


def _seconds(block: Located, name: str, default: float, report: Report) -> float:
    found = block.get(name)
    if found is None:
        return default
    seconds = parse_duration(found.value) if isinstance(found.value, str) else None
    if seconds is None:
        report(found, f"{name} must be an ISO 8601 duration", "write PT10S for ten seconds")
        return default
    if name == "timeout" and seconds <= 0:
        report(found, "timeout must be more than nothing", "write PT30S for thirty seconds")
        return default
    return seconds


def _sink(block: Located, report: Report) -> str | None:
    found = block.get("deadLetterSink")
    if found is None:
        return None
    uri = found.text("uri")
    if uri:
        return uri
    kind, name = found.text("ref", "kind"), found.text("ref", "name")
    if not kind or not name:
        report(found, "deadLetterSink needs a ref with kind and name, or a uri", "name the KafkaSink of knative/base")
        return None
    return f"{kind}/{name}"
