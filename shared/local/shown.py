"""An event as people are shown it: the broker keeps what it was sent, as any broker does, but shows no secret of it."""

from typing import Any

from shared.events.cloudevent import CloudEvent
from shared.events.codec import to_mapping
from shared.events.redaction import redact
from shared.events.redaction_texts import redact_text


def shown(event: CloudEvent) -> dict[str, Any]:
    """Return the event in the JSON format, its attributes and its data redacted (F41)."""
    value = to_mapping(event)
    data = value.pop("data", None)
    # Attributes and data each by themselves: `kind: Secret` among the attributes does not make the event a Secret.
    row: dict[str, Any] = {name: redact_text(text) for name, text in value.items()}
    if data is not None:
        row["data"] = redact(data)[0]
    return row


def report_of(event: CloudEvent) -> dict[str, Any]:
    """Return what a delivery's report or a snapshot says, redacted; nothing where the data is no object.

    Anybody who may post can post such an event, with data of any shape.
    """
    return redact(event.data)[0] if isinstance(event.data, dict) else {}


def line(text: Any) -> str:
    """Return a text on one line, redacted and without what a terminal would obey."""
    plain = redact_text(text) if isinstance(text, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in plain)
