"""Metrics: declared once in one table, counted in plain dictionaries, rendered by prometheus-client when asked.

prometheus-client costs 50 ms to import, a fifth of a function's cold start; counting does not need it, only a scrape
does (docs/decisions/0003-metrics-without-prometheus-at-start.md).
"""

import bisect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

Kind = Literal["counter", "gauge", "histogram"]
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_MAX_SERIES = 500  # for each metric: labels come from our own closed sets; this is the net below them (F53)


class Declared(NamedTuple):
    """One metric: its kind, its labels in order, and what it means.

    Of the `optional` labels those that are left out are empty, which to Prometheus means that they are not there.
    """

    kind: Kind
    labels: tuple[str, ...]
    help: str
    optional: tuple[str, ...] = ()


METRICS: dict[str, Declared] = {
    "tidings_events_received_total": Declared("counter", ("function",), "Events that reached the edge."),
    "tidings_events_total": Declared("counter", ("function", "outcome"), "Events handled, by outcome."),
    "tidings_requests_refused_total": Declared(
        "counter", ("function", "reason"), "Requests that the edge refused before any function ran."
    ),
    "tidings_intake_items_total": Declared(
        "counter", ("path", "result"), "Items that producers posted: `read`, `empty`, `refused` (dead letters), `lost`."
    ),
    "tidings_request_duration_seconds": Declared("histogram", ("function",), "Time from request to answer."),
    "tidings_deliveries_total": Declared(
        "counter", ("destination", "operation", "result"), "Deliveries by how they ended."
    ),
    "tidings_delivery_duration_seconds": Declared("histogram", ("destination",), "Time of one delivery."),
    "tidings_delivery_batch_events": Declared("histogram", ("destination",), "Events that shared one call."),
    "tidings_dropped_total": Declared(
        "counter", ("function", "reason", "intentional"), "Events that ended here without effect."
    ),
    "tidings_duplicates_total": Declared("counter", ("function",), "Events whose effect was there before."),
    "tidings_retries_total": Declared("counter", ("destination", "reason"), "Deliveries that must come again."),
    "tidings_second_tries_total": Declared(
        "counter",
        ("destination", "result"),
        "Second tries within a call: `made`, or `refused` by the retry budget and left to the broker.",
    ),
    "tidings_degraded_total": Declared(
        "counter", ("store",), "Deliveries that asked the destination because the store was down."
    ),
    "tidings_auth_failures_total": Declared(
        "counter",
        ("destination", "function", "reason"),
        "Credentials refused: ours by a destination, or a sender's by a function, which has a reason.",
        optional=("destination", "function", "reason"),
    ),
    "tidings_addresses_refused_total": Declared(
        "counter", ("destination", "why"), "Connections refused for where they would have led."
    ),
    "tidings_redactions_total": Declared("counter", ("kind",), "Values masked, by what they were."),
    "tidings_rules_loaded": Declared("gauge", ("pack",), "Rules in force, by pack."),
    "tidings_rules_load_failed_total": Declared("counter", (), "Rule sets refused; the last good one stays."),
    "tidings_unknown_reasons_total": Declared("counter", ("category",), "Observations that no rule names."),
    "tidings_policies_load_failed_total": Declared("counter", (), "Policies refused; the last good ones stay."),
    "tidings_hooks_load_failed_total": Declared("counter", (), "Hooks refused; the last good ones stay."),
    "tidings_acts_total": Declared(
        "counter",
        ("do", "result"),
        "What hooks did, by verb: `done`, `dry_run`, `refused` by a cooldown or another bound, or how the event ended.",
    ),
    "tidings_episodes_total": Declared("counter", ("transition",), "Episodes by transition."),
    "tidings_baseline_episodes_total": Declared(
        "counter", (), "Episodes that began before first contact with their cluster: known, not ticketed."
    ),
    "tidings_records_set_aside_total": Declared(
        "counter", (), "Due records that cannot be read, put off for ten minutes."
    ),
    "tidings_source_changes_total": Declared(
        "counter", ("function", "kind", "operation"), "What was seen in clusters and handed to the broker."
    ),
    "tidings_source_relists_total": Declared(
        "counter", ("function", "kind"), "Watches that were too old to go on: all objects were looked at instead."
    ),
    "tidings_source_failures_total": Declared(
        "counter", ("function", "reason"), "Lists and watches that failed and are tried again."
    ),
    "tidings_end_to_end_lag_seconds": Declared(
        "histogram", ("destination",), "Time from the cluster's sending to the destination's acceptance."
    ),
    "tidings_broker_waiting": Declared("gauge", ("trigger",), "Events that a trigger has not finished."),
    "tidings_broker_delivered_total": Declared("counter", ("trigger",), "Events that a subscriber took."),
    "tidings_broker_retries_total": Declared("counter", ("trigger",), "Tries that failed and are made again."),
    "tidings_broker_dead_letters_total": Declared("counter", ("trigger",), "Events given to the dead letters."),
    "tidings_broker_unrouted_total": Declared(
        "counter", (), "Events from outside, in `tidings up`, of types that no Trigger takes."
    ),
    "tidings_build_info": Declared("gauge", ("version",), "Always 1."),
}


class Metrics:
    """The counts of one process. Not thread-safe: one event loop owns it."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[str, ...], Any]] = {name: {} for name in METRICS}

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter. Raises KeyError for a metric or label that is not declared."""
        series, key = self._series(name, labels)
        series[key] = series.get(key, 0.0) + amount

    def counter(self, name: str, /, **labels: str) -> Callable[[], None]:
        """Return what counts one more of these labels, for where it is counted often. Raises KeyError as `count`."""
        series, key = self._series(name, labels)

        def add() -> None:
            series[key] = series.get(key, 0.0) + 1

        return add

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        series, key = self._series(name, labels)
        series[key] = value

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add one observation to a histogram, in the metric's own unit."""
        self.histogram(name, **labels)(value)

    def histogram(self, name: str, /, **labels: str) -> Callable[[float], None]:
        """Return what observes values of these labels, for where it is done often. Raises KeyError as `observe`."""
        series, key = self._series(name, labels)

        def add(value: float) -> None:
            found = series.get(key)
            if found is None:
                found = series[key] = [[0] * (len(_BUCKETS) + 1), 0.0]
            found[0][bisect.bisect_left(_BUCKETS, value)] += 1
            found[1] += value

        return add

    def value(self, name: str, /, **labels: str) -> float:
        """Return a counter's or gauge's value, 0 where nothing was counted: for the console and for tests."""
        series, key = self._series(name, labels)
        return float(series.get(key, 0.0))

    def total(self, name: str, /, **labels: str) -> float:
        """Return the sum over all series of a counter that carry these labels."""
        declared = METRICS[name].labels
        return sum(
            float(value)
            for key, value in self._values[name].items()
            if all(key[declared.index(label)] == wanted for label, wanted in labels.items())
        )

    def series(self, name: str, by: str, /, **labels: str) -> dict[str, float]:
        """Return a counter's sums by the values of one label, of the series that carry these labels."""
        declared = METRICS[name].labels
        place = declared.index(by)
        found: dict[str, float] = {}
        for key, value in self._values[name].items():
            if all(key[declared.index(label)] == wanted for label, wanted in labels.items()):
                found[key[place]] = found.get(key[place], 0.0) + float(value)
        return found

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the exposition and its content type: OpenMetrics where `accept` asks for it, else Prometheus text."""
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return encode(self), content_type

    def collect(self) -> Iterator["Metric"]:
        """Yield metric families: the collector protocol of prometheus-client."""
        from prometheus_client import core

        families = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }
        self.gauge("tidings_build_info", 1, version=installed_version())
        for name, declared in METRICS.items():
            family = families[declared.kind](name, declared.help, labels=declared.labels)
            for key, value in self._values[name].items():
                if declared.kind == "histogram":
                    family.add_metric(key, _cumulative(value[0]), value[1])
                else:
                    family.add_metric(key, value)
            yield family

    def _series(self, name: str, labels: dict[str, str]) -> tuple[dict[tuple[str, ...], Any], tuple[str, ...]]:
        declared = METRICS[name].labels
        if len(labels) != len(declared):
            labels = dict.fromkeys(METRICS[name].optional, "") | labels
        if len(labels) != len(declared):
            raise KeyError(f"{name} has the labels {declared}, not {tuple(labels)}")
        series = self._values[name]
        key = tuple(labels[label] for label in declared)
        if key not in series and len(series) >= _MAX_SERIES:
            key = ("other",) * len(declared)
        return series, key


def installed_version() -> str:
    """Return the version that is installed, "unknown" where the code runs without being so."""
    from importlib.metadata import PackageNotFoundError, version  # 10 ms, only where somebody looks

    try:
        return version("function")
    except PackageNotFoundError:
        return "unknown"


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*_BUCKETS, float("inf")), counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
    return buckets
