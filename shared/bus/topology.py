"""Which topics there are, how long each keeps, and which event goes where. Pure; docs/bus.md shows it as a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.bus.protocol import State, Topic
from shared.events.cloudevent import (
    CHANGE_PREFIX,
    CLASSIFIED_PREFIX,
    DELIVERY,
    LETTER_PREFIX,
    OBSERVED,
    PROBLEM_PREFIX,
    CloudEvent,
)

_DAY = 86_400
_LETTER = "knativeerrordest"


@dataclass(frozen=True, slots=True)
class Row:
    """One topic, and in words what goes there."""

    topic: Topic
    what: str


KUBERNETES = "kubernetes-events"
SECURITY = "security-events"
CHANGES = "infrastructure-changes"
RAW = "audit-raw"
TRAIL = "audit-trail"
LETTERS = "dead-letters"


def _stem(event_type: str) -> str:
    """Return a type without its version: what another release reads is kept where its like is."""
    return event_type.rpartition(".")[0]


_BY_STEM = {_stem(DELIVERY): TRAIL, _stem(OBSERVED): RAW}

TOPOLOGY: tuple[Row, ...] = (
    Row(
        Topic(KUBERNETES, partitions=12, seconds=7 * _DAY),
        "classified events and problems, category infrastructure or admission",
    ),
    Row(Topic(SECURITY, partitions=6, seconds=30 * _DAY), "classified events and problems, category security"),
    Row(Topic(CHANGES, partitions=6, seconds=14 * _DAY), "changes, and classified events whose phase is change"),
    Row(Topic(RAW, partitions=6, seconds=7 * _DAY), "observations that were not classified yet"),
    Row(Topic(TRAIL, partitions=6, seconds=365 * _DAY), "what each destination was told, and what it answered"),
    Row(
        Topic(LETTERS, partitions=1, seconds=30 * _DAY),
        "what no try could deliver, with its reason; and what was done about it",
    ),
)
"""The table: partitions and days as the requirements name them, the rest chosen here."""


def topic_of(event: CloudEvent) -> str | None:
    """Return where an event goes; None for what no topic keeps, as a tick."""
    if _LETTER in event.extensions or event.type.startswith(LETTER_PREFIX):
        return LETTERS
    if (topic := _BY_STEM.get(_stem(event.type))) is not None:
        return topic
    if event.type.startswith(CHANGE_PREFIX):
        return CHANGES
    category = event.extensions.get("category", "")
    if not category or not event.type.startswith(CLASSIFIED_PREFIX):
        return None
    is_change = event.extensions.get("phase") == "change" and not event.type.startswith(PROBLEM_PREFIX)
    return SECURITY if category == "security" else CHANGES if is_change else KUBERNETES


def wanted(replicas: int) -> Sequence[Topic]:
    """Return the topics with so many replicas each."""
    return [replace(row.topic, replicas=replicas) for row in TOPOLOGY]


def differences(topic: Topic, found: State | None) -> list[str]:
    """Return in words what `ensure` would do as far as the bus says it; nothing where all is right.

    RabbitMQ, which says nothing of what it keeps, says 0 seconds; a topic that keeps for ever, fewer; and a bus that
    has no partitions, 0 of them.
    """
    if found is None:
        return ["to be made"]
    there = found.topic
    if there.seconds == 0:
        return []
    said = []
    if there.seconds != topic.seconds:
        kept = "for ever" if there.seconds < 0 else f"{there.seconds // _DAY} days"
        said.append(f"keeps {kept}, not {topic.seconds // _DAY}")
    if 0 < there.partitions < topic.partitions:
        said.append(f"{there.partitions} partitions, not {topic.partitions}")
    if there.replicas < topic.replicas:
        said.append(f"replicas: {there.replicas}, not {topic.replicas}")
    return said
