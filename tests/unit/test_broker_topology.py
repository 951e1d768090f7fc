"""Reading Triggers: every mistake has its line and what to write instead."""

from pathlib import Path

import pytest

from shared.local.broker.loader import load_topology
from shared.local.broker.topology import Topology
from shared.runtime.registry import components
from tests.support.trigger_files import BROKER, FILTERS, HEAD, PING, SERVICES, TO_SIEM, TO_TICKETS, load


@pytest.mark.parametrize(
    ("rest", "line", "message", "suggestion"),
    [
        ("  filters:\n    - exakt: {type: a}\n", 7, 'no filter dialect "exakt"', 'did you mean "exact"?'),
        ("  filters:\n    - cesql: type = 'a\n", 7, "begins at column 8 has no end", "close it with '"),
        ("  filters:\n    - not:\n        cesql: LENGHT(type) = 1\n", 8, 'no function "LENGHT"', '"LENGTH"'),
        ("  filters:\n    - cesql: {type: a}\n", 7, "is a text", "in quotes"),
        ("  filters:\n    - exact: {Type: a}\n", 7, '"Type" is no attribute name', "lower-case"),
        ("  filters:\n    - exact: {type: 1}\n", 7, "must be a text", 'write "1" in quotes'),
        ('  filters:\n    - prefix: {type: ""}\n', 7, "is empty", "without the attribute"),
        ("  filters:\n    - exact: {type: a}\n      prefix: {type: b}\n", 7, "exactly one dialect", "one of"),
        ("  filters:\n    - any: []\n", 7, "needs a list", "dash"),
        ("  filters: {exact: {type: a}}\n", 6, "must be a list", "dash"),
        ("  filtres: []\n", 6, 'no field "filtres"', 'did you mean "filters"?'),
        ("  filter:\n    - exact: {type: a}\n", 6, "is no list", "filters:"),
        ("  filter: {attribute: {type: a}}\n", 6, 'no field "attribute"', 'did you mean "attributes"?'),
        ("  delivery:\n    retry: many\n", 7, "retry must be a whole number", "retry: 10"),
        ("  delivery:\n    backoffDelay: 10s\n", 7, "ISO 8601", "PT10S"),
        ("  delivery:\n    backoffPolicy: liner\n", 7, '"liner"', 'did you mean "linear"?'),
        ("  delivery:\n    timeout: PT0S\n", 7, "more than nothing", "PT30S"),
        ("  delivery:\n    deadletterSink: {}\n", 7, 'no field "deadletterSink"', 'did you mean "deadLetterSink"?'),
        ("  delivery:\n    deadLetterSink: {ref: {}}\n", 7, "kind and name", "KafkaSink"),
    ],
)
def test_a_mistake_is_shown_where_it_is_with_what_to_write(
    tmp_path: Path, rest: str, line: int, message: str, suggestion: str
) -> None:
    found = load(tmp_path, HEAD + rest + TO_SIEM)
    assert [(problem.file, problem.line) for problem in found.problems] == [("knative/triggers/t.yaml", line)]
    assert message in found.problems[0].message
    assert suggestion in found.problems[0].suggestion
    assert found.triggers == (), "what is wrong is left out, not half understood"


def test_a_filter_that_stands_outside_of_the_spec_is_a_problem_and_not_a_trigger_that_gets_everything(
    tmp_path: Path,
) -> None:
    text = HEAD + TO_SIEM + "filters:\n  - exact: {phase: problem}\n"
    found = load(tmp_path, text)
    assert [(problem.line, problem.message, problem.suggestion) for problem in found.problems] == [
        (7, 'a Trigger has no field "filters"', 'indent it below "spec"')
    ]
    assert found.triggers == ()
    (misspelt,) = load(tmp_path, HEAD + TO_SIEM.replace("apiVersion:", "apiVersoin:")).problems
    assert (misspelt.line, misspelt.suggestion) == (6, 'did you mean "apiVersion"?')


@pytest.mark.parametrize(
    ("group", "kind", "suggestion"),
    [
        ("eventing.knative.dev/v1", "Triger", 'did you mean "Trigger"?'),
        ("eventing.knative.dev/v1", "brokers", 'did you mean "Broker"?'),
        ("serving.knative.dev/v1", "Servce", 'did you mean "Service"?'),
        ("serving.knative.dev/v1", "Trigger", "use one of: Service"),
    ],
)
def test_a_kind_that_knative_does_not_have_is_a_problem(tmp_path: Path, group: str, kind: str, suggestion: str) -> None:
    text = f"{HEAD}{FILTERS}{TO_SIEM}---\napiVersion: {group}\nkind: {kind}\nmetadata: {{name: two}}\n"
    found = [item for item in load(tmp_path, text).problems if "has no kind" in item.message]
    assert [(item.file, item.line) for item in found] == [("knative/triggers/t.yaml", 11)]
    assert kind in found[0].message
    assert suggestion in found[0].suggestion


def test_kinds_of_others_and_rarer_ones_of_knative_are_none_of_our_business(tmp_path: Path) -> None:
    kinds = [("apps/v1", "Deploymnt"), ("v1", "Service"), ("eventing.knative.dev/v1alpha1", "EventPolicy")]
    rest = "".join(f"---\napiVersion: {group}\nkind: {kind}\n" for group, kind in kinds)
    assert load(tmp_path, HEAD + FILTERS + TO_SIEM + rest).problems == ()


def test_an_unknown_subscriber_and_a_foreign_broker_are_named(tmp_path: Path) -> None:
    text = HEAD.replace("broker: tidings", "broker: other") + TO_SIEM.replace("siem-forwarder", "siem-forwader")
    messages = [problem.message + problem.suggestion for problem in load(tmp_path, text).problems]
    assert len(messages) == 2
    assert 'the broker "other"' in messages[0]
    assert 'did you mean "siem-forwarder"?' in messages[1]


def test_a_file_that_is_no_yaml_is_one_problem_and_spoils_no_other(tmp_path: Path) -> None:
    load(tmp_path, HEAD + TO_SIEM)
    (tmp_path / "knative" / "triggers" / "broken.yaml").write_text("a: [\n  b", encoding="utf-8")
    found = load(tmp_path, HEAD + TO_SIEM)
    assert [(problem.file, problem.line > 0) for problem in found.problems] == [("knative/triggers/broken.yaml", True)]
    assert [trigger.name for trigger in found.triggers] == ["one"]


def test_two_triggers_of_one_name_are_refused(tmp_path: Path) -> None:
    found = load(tmp_path, f"{HEAD}{TO_SIEM}---\n{HEAD}{TO_SIEM}")
    assert len(found.triggers) == 1
    assert "a second Trigger" in found.problems[0].message


def test_a_triggers_delivery_replaces_the_brokers_wholly(tmp_path: Path) -> None:
    (with_none,) = load(tmp_path, HEAD + TO_SIEM).triggers
    assert (with_none.delivery.retry, with_none.delivery.dead_letter_sink) == (3, "KafkaSink/letters")
    found = load(tmp_path, HEAD + TO_SIEM + "  delivery: {retry: 5}\n")
    (own,) = found.triggers
    assert (own.delivery.retry, own.delivery.backoff_delay, own.delivery.dead_letter_sink) == (5, 0.0, None)
    assert "names no deadLetterSink" in found.warnings[0].message


def test_ordered_delivery_is_read_from_the_annotation(tmp_path: Path) -> None:
    annotated = "metadata: {name: one, annotations: {kafka.eventing.knative.dev/delivery.order: ordered}}"
    text = HEAD.replace("metadata: {name: one}", annotated) + TO_SIEM
    assert load(tmp_path, text).triggers[0].ordered
    wrong = load(tmp_path, text.replace("order: ordered", "order: orderd"))
    assert 'did you mean "ordered"?' in wrong.problems[0].suggestion


@pytest.mark.parametrize(
    ("schedule", "every"),
    [("*/10 * * * * *", 10.0), ("* * * * *", 60.0), ("*/5 * * * *", 300.0), ("0 */5 * * * *", 300.0)],
)
def test_a_ping_source_becomes_a_tick(tmp_path: Path, schedule: str, every: float) -> None:
    text = PING.replace("SCHEDULE", schedule).replace("DATA", '{"a": 1}')
    (tick,) = load(tmp_path, f"{HEAD}{TO_SIEM}---\n{text}").ticks
    assert (tick.every, tick.event.data) == (every, {"a": 1})
    assert tick.event.source == "/apis/v1/namespaces/tidings/pingsources/tick"
    assert tick.event.extensions == {"cluster": "one"}


@pytest.mark.parametrize("schedule", ["0 3 * * 1", "*/0 * * * * *", "@hourly", "*/10 * * * * * *"])
def test_a_schedule_that_cannot_be_played_here_is_warned_of(tmp_path: Path, schedule: str) -> None:
    found = load(tmp_path, f"{HEAD}{TO_SIEM}---\n{PING.replace('SCHEDULE', schedule)}")
    assert found.ticks == ()
    assert "plays only schedules" in " ".join(item.message for item in found.warnings)


def test_a_service_that_names_no_function_is_a_problem(tmp_path: Path) -> None:
    stranger = SERVICES.replace("FUNCTION_TARGET, value: siem_forwarder", "OTHER, value: x")
    load(tmp_path, HEAD + TO_TICKETS)
    (tmp_path / "knative" / "base" / "s2.yaml").write_text(stranger.partition("---\n")[2], encoding="utf-8")
    assert "does not say which function" in load(tmp_path, HEAD + TO_TICKETS).problems[0].message


def test_a_folder_without_a_broker_and_a_file_that_is_no_text_are_problems(tmp_path: Path) -> None:
    (tmp_path / "triggers").mkdir()
    (tmp_path / "triggers" / "t.yaml").write_bytes(b"\xff\xfe\x00")
    messages = [problem.message for problem in load_topology(tmp_path).problems]
    assert messages == ["the file cannot be read as UTF-8 text", "there is no Broker"]


def test_a_trigger_that_lies_loose_is_checked_by_itself(tmp_path: Path) -> None:
    def loose(text: str) -> Topology:
        (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
        return load_topology(tmp_path)

    found = loose(HEAD + FILTERS + TO_SIEM)
    assert (found.problems, found.part) == ((), True)
    assert [trigger.name for trigger in found.triggers] == ["one"]
    (mistake,) = loose(HEAD + "  filters:\n    - exakt: {type: a}\n" + TO_SIEM).problems
    assert (mistake.line, mistake.suggestion) == (7, 'did you mean "exact"?')
    (nameless,) = loose(HEAD.replace("  broker: tidings\n", "") + FILTERS + TO_SIEM).problems
    assert (nameless.message, nameless.suggestion[-18:]) == ("a Trigger names its broker", ' "broker: tidings"')
    (kindless,) = loose(HEAD + FILTERS + TO_SIEM.replace("kind: Service", "kind: Broker")).problems
    assert (kindless.message, kindless.suggestion) == (
        'serving.knative.dev has no kind "Broker"',
        "use one of: Service, Configuration, DomainMapping, Revision, Route",
    )
    (tmp_path / "b.yaml").write_text(BROKER, encoding="utf-8")
    (unknown,) = loose(HEAD + FILTERS + TO_SIEM).problems
    assert "there is no Knative Service" in unknown.message, "with a Broker beside it, it is a whole"


def test_filters_that_are_nested_without_end_are_refused(tmp_path: Path) -> None:
    nested = "{exact: {type: a}}"
    for _ in range(20):
        nested = f"{{not: {nested}}}"
    found = load(tmp_path, f"{HEAD}  filters:\n    - {nested}\n{TO_SIEM}")
    assert "nested too deeply" in found.problems[0].message


def test_a_component_that_shares_its_system_with_the_base_is_wanted_by_its_own_mapping_or_by_name() -> None:
    there = {"SERVICENOW_INSTANCE": "https://servicenow.example"}
    own = {"SERVICENOW_EVENT_MAPPING": "own.yaml"}
    assert "servicenow_event" not in components(there)
    assert "servicenow_event" not in components(own)
    assert "servicenow_event" in components({**there, **own})
    assert components({}, ("servicenow_security",)) == ("servicenow_security",)


def test_a_trigger_in_another_namespace_than_its_broker_is_a_mistake(tmp_path: Path) -> None:
    elsewhere = HEAD.replace("{name: one}", "\n  name: one\n  namespace: shop") + FILTERS + TO_SIEM
    (mistake,) = load(tmp_path, elsewhere).problems
    assert (mistake.line, "its own namespace" in mistake.message) == (5, True)
    assert "namespace: tidings" in mistake.suggestion
    assert "tidings.dev/team" in mistake.suggestion
    assert load(tmp_path, elsewhere.replace("namespace: shop", "namespace: tidings")).problems == ()
    (tmp_path / "knative" / "base" / "b.yaml").write_text(BROKER.replace(", namespace: tidings", ""), encoding="utf-8")
    assert load_topology(tmp_path / "knative").problems == (), "a kustomization may set it for both"


def test_of_a_loose_trigger_the_namespace_is_only_doubted(tmp_path: Path) -> None:
    text = HEAD.replace("{name: one}", "{name: one, namespace: shop}") + FILTERS + TO_SIEM
    (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
    found = load_topology(tmp_path)
    assert found.problems == ()
    assert any("its own namespace" in warning.message for warning in found.warnings)
    (tmp_path / "t.yaml").write_text(text.replace("broker: tidings", "broker: shop"), encoding="utf-8")
    assert load_topology(tmp_path).warnings == (), "it may have a Broker of its own there"


@pytest.mark.parametrize(
    ("reference", "subscriber"),
    [
        ("apiVersion: serving.knative.dev/v1, kind: Service, name: handler, namespace: shop", "Service shop/handler"),
        ("apiVersion: v1, kind: Service, name: handler", "Service tidings/handler"),
        ("apiVersion: messaging.knative.dev/v1, kind: Channel, name: alerts", "Channel tidings/alerts"),
        (
            "apiVersion: serving.knative.dev/v1, kind: Service, name: siem-forwarder, namespace: tidings",
            "siem-forwarder",
        ),
        ("apiVersion: v1, kind: Service, name: siem-forwarder", "siem-forwarder"),
    ],
)
def test_a_subscriber_of_another_namespace_or_kind_is_not_looked_for_here(
    tmp_path: Path, reference: str, subscriber: str
) -> None:
    found = load(tmp_path, f"{HEAD}{FILTERS}  subscriber: {{ref: {{{reference}}}}}\n")
    assert found.problems == ()
    (trigger,) = found.triggers
    assert trigger.subscriber == subscriber
    assert found.function_of(subscriber) == ("siem_forwarder" if subscriber == "siem-forwarder" else "")


@pytest.mark.parametrize(
    ("reference", "message", "suggestion"),
    [
        ("apiVersion: serving.knative.dev/v1, kind: Service, name: handler", "no Knative Service", "its namespace"),
        ("apiVersion: serving.knative.de/v1, kind: Service, name: handler", 'no kind "Service"', "serving.knative.dev"),
        ("apiVersion: serving.knative.dev/v1, kind: Servce, name: x, namespace: shop", '"Servce"', '"Service"'),
        ("kind: Channel, name: alerts", "of which API", "apiVersion"),
        ("apiVersion: v1, kind: Service", "a kind and a name", "name"),
    ],
)
def test_a_ref_that_leads_nowhere_is_a_mistake(tmp_path: Path, reference: str, message: str, suggestion: str) -> None:
    (mistake,) = load(tmp_path, f"{HEAD}{FILTERS}  subscriber: {{ref: {{{reference}}}}}\n").problems
    assert message in mistake.message
    assert suggestion in mistake.suggestion
