"""Which event goes to which topic, and what the table promises."""

from dataclasses import replace
from pathlib import Path

import pytest

from shared.bus.protocol import FOR_EVER, State, Topic
from shared.bus.topology import TOPOLOGY, differences, topic_of, wanted
from shared.events.cloudevent import DELIVERY, OBSERVED, TICK, CloudEvent

DAY = 86_400


def event(kind: str, **extensions: str) -> CloudEvent:
    return CloudEvent("1", "s", kind, extensions=extensions)


@pytest.mark.parametrize(
    ("kind", "extensions", "topic"),
    [
        ("dev.tidings.infrastructure.v1", {"category": "infrastructure", "phase": "problem"}, "kubernetes-events"),
        ("dev.tidings.admission.v1", {"category": "admission", "phase": "problem"}, "kubernetes-events"),
        ("dev.tidings.problem.opened.v1", {"category": "infrastructure", "phase": "problem"}, "kubernetes-events"),
        ("dev.tidings.security.v1", {"category": "security", "phase": "change"}, "security-events"),
        ("dev.tidings.problem.resolved.v1", {"category": "security", "phase": "recovery"}, "security-events"),
        ("dev.tidings.infrastructure.v1", {"category": "infrastructure", "phase": "change"}, "infrastructure-changes"),
        ("dev.tidings.change.started.v1", {"category": "infrastructure", "phase": "change"}, "infrastructure-changes"),
        (OBSERVED, {}, "audit-raw"),
        (DELIVERY, {}, "audit-trail"),
        ("dev.tidings.security.v1", {"category": "security", "knativeerrordest": "http://s"}, "dead-letters"),
        (TICK, {}, None),
        ("com.example.other", {"category": "security"}, None),
    ],
)
def test_each_event_has_one_topic(kind: str, extensions: dict[str, str], topic: str | None) -> None:
    assert topic_of(event(kind, **extensions)) == topic


def test_the_table_is_what_the_requirements_name() -> None:
    kept = {row.topic.name: (row.topic.partitions, row.topic.seconds // DAY) for row in TOPOLOGY}
    assert kept["kubernetes-events"] == (12, 7)
    assert kept["security-events"] == (6, 30)
    assert kept["infrastructure-changes"] == (6, 14)
    assert kept["audit-trail"][1] == 365
    assert set(kept) >= {"audit-raw", "dead-letters"}
    assert {topic.replicas for topic in wanted(3)} == {3}


def test_the_page_shows_the_same_table(root: Path) -> None:
    page = (root / "docs" / "bus.md").read_text(encoding="utf-8")
    for row in TOPOLOGY:
        topic = row.topic
        assert f"| `{topic.name}` | {row.what} | {topic.partitions} | {topic.seconds // DAY} |" in page


def test_differences_are_said_in_words() -> None:
    topic = Topic("t", partitions=6, seconds=7 * DAY)
    assert differences(topic, None) == ["to be made"]
    assert differences(topic, State(topic, 0)) == []
    other = State(Topic("t", partitions=3, seconds=DAY), 0)
    assert differences(topic, other) == ["keeps 1 days, not 7", "3 partitions, not 6"]
    assert differences(topic, State(Topic("t", seconds=0), 0)) == []
    forever = State(Topic("t", partitions=0, seconds=FOR_EVER, replicas=3), 0)
    assert differences(topic, forever) == ["keeps for ever, not 7"]
    assert differences(replace(topic, replicas=3), State(topic, 0)) == ["replicas: 1, not 3"]
