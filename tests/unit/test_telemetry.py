"""Logs, metrics and traces: what a scrape, a log collector and a tracer are given."""

import io
import json
import logging
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from shared.events.redaction import MASK
from shared.telemetry import logs
from shared.telemetry.logs import JsonFormatter
from shared.telemetry.metrics import METRICS, Metrics
from shared.telemetry.trace import continued

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
_NAME = re.compile(r"^tidings_[a-z][a-z0-9_]*$")
Sample = tuple[str, frozenset[tuple[str, str]]]


def rendered(metrics: Metrics) -> dict[Sample, float]:
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_named_after_the_rules_of_prometheus(name: str) -> None:
    declared = METRICS[name]
    assert _NAME.match(name)
    assert name.endswith("_total") == (declared.kind == "counter")
    assert declared.help.endswith(".")
    assert all(label.isidentifier() and label.islower() for label in declared.labels)
    assert not {"le", "quantile"} & set(declared.labels)


def test_what_was_counted_is_what_a_scrape_reads() -> None:
    metrics = Metrics()
    metrics.count("tidings_events_total", function="classifier", outcome="done")
    metrics.count("tidings_events_total", 2, function="classifier", outcome="done")
    metrics.gauge("tidings_broker_waiting", 7, trigger="t")
    metrics.gauge("tidings_broker_waiting", 4, trigger="t")
    for seconds in (0.001, 0.005, 0.2, 1000.0):
        metrics.observe("tidings_request_duration_seconds", seconds, function="classifier")
    samples = rendered(metrics)
    assert samples["tidings_events_total", frozenset({("function", "classifier"), ("outcome", "done")})] == 3
    assert samples["tidings_broker_waiting", frozenset({("trigger", "t")})] == 4
    function = ("function", "classifier")
    name = "tidings_request_duration_seconds"
    assert samples[f"{name}_count", frozenset({function})] == 4
    assert samples[f"{name}_sum", frozenset({function})] == pytest.approx(1000.206)
    buckets = {le: samples[f"{name}_bucket", frozenset({function, ("le", le)})] for le in ("0.005", "0.25", "+Inf")}
    assert buckets == {"0.005": 2, "0.25": 3, "+Inf": 4}
    assert metrics.value("tidings_events_total", function="classifier", outcome="done") == 3
    assert metrics.value("tidings_events_total", function="classifier", outcome="retry") == 0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_a_histogram_is_cumulative(values: list[float]) -> None:
    metrics = Metrics()
    for value in values:
        metrics.observe("tidings_delivery_duration_seconds", value, destination="splunk")
    found = {
        float(dict(labels)["le"]): count for (name, labels), count in rendered(metrics).items() if "_bucket" in name
    }
    for bound, count in found.items():
        assert count == sum(value <= bound for value in values)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_any_label_comes_through(value: str) -> None:
    metrics = Metrics()
    metrics.count("tidings_redactions_total", kind=value)
    wanted = value if "\r" not in value else None
    kinds = [dict(labels).get("kind") for name, labels in rendered(metrics) if name == "tidings_redactions_total"]
    assert wanted is None or kinds == [value]


def test_a_scrape_may_ask_for_openmetrics() -> None:
    metrics = Metrics()
    for name, declared in METRICS.items():
        labels = dict.fromkeys(declared.labels, "x")
        {"counter": metrics.count, "gauge": metrics.gauge, "histogram": metrics.observe}[declared.kind](
            name, 1.0, **labels
        )
    body, content_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    families = {family.name: family for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    assert families.keys() == {name.removesuffix("_total") for name in METRICS}
    assert all(family.samples for family in families.values())


def test_every_metric_is_there_before_anything_was_counted() -> None:
    """A dashboard and an alert can tell a metric that is zero from one that does not exist."""
    text = Metrics().render()[0].decode()
    for name in METRICS:
        assert f"# TYPE {name} " in text


def test_a_sum_goes_over_the_labels_that_are_not_named() -> None:
    metrics = Metrics()
    for destination, result, amount in (("a", "done", 1), ("a", "retry", 2), ("b", "done", 4)):
        metrics.count("tidings_deliveries_total", amount, destination=destination, operation="open", result=result)
    assert metrics.total("tidings_deliveries_total") == 7
    assert metrics.total("tidings_deliveries_total", destination="a") == 3
    assert metrics.total("tidings_deliveries_total", result="done", destination="b") == 4


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("tidings_invented_total", {}),
        ("tidings_events_total", {"function": "x"}),
        ("tidings_events_total", {"function": "x", "reason": "y"}),
        ("tidings_events_total", {"function": "x", "outcome": "y", "namespace": "z"}),
        ("tidings_rules_load_failed_total", {"pack": "x"}),
    ],
)
def test_what_is_not_declared_is_not_counted(name: str, labels: dict[str, str]) -> None:
    with pytest.raises(KeyError):
        Metrics().count(name, **labels)


def test_f53_a_label_with_many_values_stays_bounded_and_loses_no_count() -> None:
    """F53: label cardinality attack (10^5 namespaces): metrics keep bounded labels."""
    metrics = Metrics()
    for number in range(100_000):
        metrics.count("tidings_redactions_total", kind=f"k{number}")
    metrics.count("tidings_redactions_total", kind="k1")
    samples = {labels: value for (name, labels), value in rendered(metrics).items() if "redactions" in name}
    assert len(samples) <= 501
    assert sum(samples.values()) == 100_001
    assert samples[frozenset({("kind", "k1")})] == 2, "what was there before goes on"
    assert samples[frozenset({("kind", "other")})] > 99_000


def line(message: str, *arguments: object, level: int = logging.INFO, **extra: object) -> dict[str, Any]:
    record = logging.getLogger("tidings.test").makeRecord(
        "tidings.test", level, "file.py", 1, message, arguments, None, extra=extra
    )
    text = JsonFormatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_log_line_says_when_how_grave_who_and_what() -> None:
    found = line("delivered %s", "INC1", level=logging.WARNING, event_id="e-1", tries=3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", found.pop("time"))
    assert found == {
        "level": "warning",
        "logger": "tidings.test",
        "message": "delivered INC1",
        "event_id": "e-1",
        "tries": 3,
    }


SECRETS: list[Any] = [
    "password=hunter2x",
    {"password": "hunter2x"},
    {"deep": [{"url": "https://me:hunter2x@host/"}]},
    ("Authorization: Bearer hunter2xhunter2x",),
    ValueError("token=hunter2x"),
    {"kind": "Secret", "stringData": {"a": "hunter2x"}},
]


@pytest.mark.parametrize("value", SECRETS, ids=range(len(SECRETS)))
def test_f41_no_secret_gets_into_a_log_by_message_extra_or_exception(value: Any) -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    for found in (
        line("about", about=value),
        line("about %s", str(value) if isinstance(value, str | ValueError) else ""),
    ):
        assert "hunter2x" not in json.dumps(found)
    assert MASK in json.dumps(line("about", about=value))


def test_f41_a_traceback_is_one_line_and_masked() -> None:
    """F41: Secret object event, incl. last-applied annotation, `stringData`, nested in List/CR.

    no value leaves the process: ticket, SIEM, log, trace, metric, DLQ header; key names kept.
    """
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    log = logging.Logger("t")  # noqa: LOG001 -- one of its own, outside the process's tree
    log.addHandler(handler)
    try:
        int("api_key=hunter2x")
    except ValueError:
        log.exception("it failed\r\nforged: line")
    (only,) = stream.getvalue().splitlines()
    found = json.loads(only)
    assert "Traceback" in found["error"]
    assert "hunter2x" not in only
    assert found["message"] == "it failed\r\nforged: line"


Any_ = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary() | st.just(object()),
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.dictionaries(st.integers() | st.text(), inner) | st.sets(st.text())
    ),
    max_leaves=8,
)


@given(st.text(), Any_)
def test_any_message_and_any_extra_is_one_line_of_json(message: str, extra: Any) -> None:
    found = line("%s", message, about=extra)
    assert "about" in found
    assert isinstance(found["message"], str)


def test_an_extra_cannot_stand_in_for_the_line_itself() -> None:
    found = line("said", level=logging.ERROR, time="never", logger="forged")
    assert (found["level"], found["logger"], found["message"]) == ("error", "tidings.test", "said")
    assert found["time"] != "never"


def test_setup_sends_everything_to_stderr_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    logs.setup("warning")
    logs.setup("warning")
    logging.getLogger("tidings.x").warning("heard")
    logging.getLogger("tidings.x").info("not heard")
    caught = capsys.readouterr()
    assert caught.out == ""
    assert [json.loads(text)["message"] for text in caught.err.splitlines()] == ["heard"]
    with pytest.raises(ValueError, match="LOUD"):
        logs.setup("loud")


def test_a_trace_goes_on_with_a_new_span() -> None:
    following = continued({"traceparent": PARENT, "tracestate": "vendor=1"})
    version, trace, span, flags = following["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != "00f067aa0ba902b7"
    assert following["tracestate"] == "vendor=1"


def test_a_trace_that_is_not_sampled_stays_so() -> None:
    assert continued({"traceparent": PARENT[:-2] + "00"})["traceparent"].endswith("-00")


@pytest.mark.parametrize(
    "garbage",
    [
        *("", "x", PARENT.upper(), PARENT + "-more", PARENT + "\n", PARENT[:-1], "ff" + PARENT[2:]),
        *(f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}\r\n-00f067aa0ba902b7-01"),
    ],
)
def test_a_garbage_traceparent_begins_a_new_trace(garbage: str) -> None:
    following = continued({"traceparent": garbage, "tracestate": "vendor=1"})
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", following["traceparent"])
    assert TRACE not in following["traceparent"]
    assert "tracestate" not in following, "it belongs to the trace that it came with"
    assert continued({}).keys() == {"traceparent"}


@given(st.text(max_size=40), st.text(max_size=600))
def test_f46_no_trace_extension_can_break_out_of_its_header(parent: str, state: str) -> None:
    """F46: CE attribute with CR/LF to a response or dead letter header: rejected or percent-encoded."""
    for given_parent in (parent, PARENT):
        for value in continued({"traceparent": given_parent, "tracestate": state}).values():
            assert value.isascii()
            assert value.isprintable()
            assert len(value) <= 512
