"""Triggers that can be read, and of which a warning says that they take too little, too much or nothing."""

from pathlib import Path

import pytest

from shared.runtime.registry import FUNCTIONS, Destination, Registered
from tests.support.trigger_files import HEAD, PING, TO_SIEM, TO_TICKETS, load


@pytest.mark.parametrize(
    ("filters", "warning"),
    [
        ("    - exact: {phase: problem}\n", '"phase"'),
        ("    - prefix: {reason: Failed}\n", '"reason"'),
        ("    - not: {exact: {reason: Killing}}\n", '"reason"'),
        ("    - exact: {severity: high}\n", "rises to critical"),
        ("    - exact: {type: dev.tidings.problem.opened.v1}\n", "single transitions"),
    ],
)
def test_a_ticket_trigger_that_would_lose_the_end_of_an_episode_is_warned_of(
    tmp_path: Path, filters: str, warning: str
) -> None:
    found = load(tmp_path, f"{HEAD}  filters:\n{filters}{TO_TICKETS}")
    assert found.problems == ()
    assert len(found.triggers) == 1, "a warning leaves the Trigger in force"
    assert warning in " ".join(item.message for item in found.warnings)
    assert load(tmp_path, f"{HEAD}  filters:\n{filters}{TO_SIEM}").warnings == (), "only tickets have an end to lose"


def test_f57_a_ticket_trigger_on_a_severity_and_all_graver_ones_is_fine(tmp_path: Path) -> None:
    """F57: an episode's severity falls before it ends, Trigger filters on severity: `resolved` still passes the filter.

    Episode events carry the highest severity reached, so a filter that passes one severity and all graver ones never
    loses what it let begin; that is the form that draws no warning.
    """
    filters = "    - any: [{exact: {severity: critical}}, {exact: {severity: high}}]\n"
    assert load(tmp_path, f"{HEAD}  filters:\n{filters}{TO_TICKETS}").warnings == ()


def test_whatever_is_told_of_episodes_is_a_ticket_function_also_one_that_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Destination("later", "LATER_URL", "episode", {}, "LATER_MAPPING", "shared.destinations.servicenow.record")
    monkeypatch.setitem(FUNCTIONS, "siem_forwarder", Registered("functions.later.handler", "comes later", (), later))
    found = load(tmp_path, f"{HEAD}  filters:\n    - exact: {{phase: problem}}\n{TO_SIEM}")
    assert '"phase"' in " ".join(item.message for item in found.warnings)


@pytest.mark.parametrize(
    ("filters", "line", "message", "suggestion"),
    [
        ("  filters:\n    - exact: {severety: high}\n", 7, 'no event here has an attribute "severety"', '"severity"'),
        (
            "  filters:\n    - any:\n        - not:\n            exact:\n              kund: Pod\n",
            10,
            '"kund"',
            '"kind"',
        ),
        ("  filter:\n    attributes:\n      sevrity: high\n", 8, '"sevrity"', '"severity"'),
        ("  filters:\n    - exact: {type: dev.tidings.securty.v1}\n", 7, "that is", '"dev.tidings.security.v1"'),
        ("  filters:\n    - exact: {type: dev.tidings.rollout.begun.v1}\n", 7, "nobody emits", "dev.tidings."),
        ("  filters:\n    - prefix: {type: dev.tidings.prblem.}\n", 7, "begins with", '"dev.tidings.problem."'),
        ("  filters:\n    - exact: {type: dev.knative.apiserver.resource.ad}\n", 7, "that is", 'resource.add"'),
        ("  filters:\n    - cesql: severety = 'high'\n", 7, 'no event here has an attribute "severety"', '"severity"'),
        (
            "  filters:\n    - cesql: type IN ('dev.tidings.securty.v1')\n",
            7,
            "nobody emits",
            '"dev.tidings.security.v1"',
        ),
        ("  filters:\n    - exact: {category: securty}\n", 7, 'no category "securty"', '"security"'),
        ("  filters:\n    - cesql: severity = 'criticl' AND cluster = 'a'\n", 7, 'no severity "criticl"', '"critical"'),
        (
            "  filters:\n    - exact: {kind: Pod}\n    - exact: {kind: Node}\n",
            6,
            "no event can pass",
            "tidings triggers",
        ),
        ("  filters:\n    - cesql: kind = 'Pod' AND kind LIKE 'N%'\n", 6, "no event can pass", "tidings triggers"),
        ("  filters:\n    - cesql: EXISTS kind OR NOT EXISTS kind\n", 6, "every event passes", "tidings triggers"),
        (
            "  filters:\n    - exact: {type: dev.tidings.security.v1, category: admission}\n",
            6,
            "no event can pass",
            "tidings triggers",
        ),
        ("  filters:\n    - cesql: TRUE OR 1 = 2\n", 6, "it gets every event", "filter on type"),
        ("  filters:\n    - cesql: NOT kind = 'Pod'\n", 6, "NOT takes only what stands right behind it", "brackets"),
        ("  filters:\n    - cesql: NOT (kind = 'Pod')\n", 6, "differ on an event with", "EXISTS"),
        ("  filters:\n    - not:\n        prefix: {subject: a}\n", 6, "differ on an event with", "EXISTS"),
        (
            "  filter:\n    attributes: {kind: Pod, cluster: ''}\n",
            7,
            "an empty cluster asks for nothing on Kafka",
            "EXISTS",
        ),
        (
            "  filter:\n    attributes: {kind: Pod}\n  filters:\n    - exact: {kind: Node}\n",
            7,
            "filter is not looked at",
            "in filters",
        ),
        ("", 4, "it gets every event", "filter on type"),
        ("  filter: {}\n", 6, "it gets every event", "filter on type"),
        ("  filters: []\n", 6, "it gets every event", "filter on type"),
    ],
)
def test_a_filter_for_what_no_event_has_and_one_for_everything_are_warned_of(
    tmp_path: Path, filters: str, line: int, message: str, suggestion: str
) -> None:
    found = load(tmp_path, HEAD + filters + TO_SIEM)
    assert found.problems == ()
    assert len(found.triggers) == 1, "a warning leaves the Trigger in force"
    (warning,) = found.warnings
    assert (warning.file, warning.line) == ("knative/triggers/t.yaml", line)
    assert message in warning.message
    assert suggestion in warning.suggestion


@pytest.mark.parametrize(
    "filters",
    [
        "    - exact: {type: dev.tidings.problem.opened.v1, source: x, traceparent: y}\n",
        "    - prefix: {type: dev.tidings.problem}\n",
        "    - suffix: {type: .v2}\n",
        "    - exact: {type: com.example.own.v1}\n",
        "    - exact: {apiversion: v1, kind: Node, cluster: one, problemkey: x, partitionkey: y}\n",
        "    - exact: {team: shop}\n",
        "    - cesql: type LIKE 'dev.tidings.problem.%' AND NOT (category = 'security')\n",
        "    - cesql: EXISTS team AND team = 'shop'\n",
        "    - prefix: {type: dev.tidings.problem.}\n    - suffix: {type: .v1}\n",
        "    - cesql: type LIKE 'dev.%' AND type LIKE '%.v1' AND LENGTH(reason) > 100\n",
    ],
)
def test_what_events_may_have_is_not_warned_of(tmp_path: Path, filters: str) -> None:
    source = PING.replace("SCHEDULE", "* * * * *").replace("DATA", "").replace("cluster: one", "team: shop")
    assert load(tmp_path, f"{HEAD}  filters:\n{filters}{TO_SIEM}---\n{source}").warnings == ()


FOREIGN = [
    "uri: https://shop.example.com/events",
    "ref: {apiVersion: messaging.knative.dev/v1, kind: Channel, name: alerts}",
]


@pytest.mark.parametrize("subscriber", FOREIGN)
@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("exact: {phase: problem}", 'filters on "phase"'),
        ("exact: {type: dev.tidings.problem.opened.v1}", "single transitions"),
        ("exact: {severity: high}", "rises to critical"),
    ],
)
def test_the_end_of_an_episode_is_missed_by_whom_nobody_knows_too(
    tmp_path: Path, filters: str, message: str, subscriber: str
) -> None:
    found = load(tmp_path, f"{HEAD}  filters: [{{{filters}}}]\n  subscriber: {{{subscriber}}}\n")
    assert found.problems == ()
    (warning,) = found.warnings
    assert message in warning.message


@pytest.mark.parametrize("subscriber", FOREIGN)
@pytest.mark.parametrize(
    "filters",
    ["exact: {type: dev.tidings.security.v1, phase: problem}", "prefix: {type: dev.tidings.problem.}"],
)
def test_who_gets_no_episodes_or_all_of_one_is_not_warned(tmp_path: Path, filters: str, subscriber: str) -> None:
    assert load(tmp_path, f"{HEAD}  filters: [{{{filters}}}]\n  subscriber: {{{subscriber}}}\n").warnings == ()


def test_a_slip_in_the_family_of_a_type_is_warned_of(tmp_path: Path) -> None:
    (warning,) = load(tmp_path, f"{HEAD}  filters: [{{prefix: {{type: dev.tiding.problem.}}}}]\n{TO_SIEM}").warnings
    assert "nobody emits" in warning.message
    assert warning.suggestion == 'did you mean "dev.tidings.problem."?'
