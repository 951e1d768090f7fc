"""The reply of a delivery: one `dev.tidings.delivery.v1` event for what took effect."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.delivery.delivered import Delivered
from shared.delivery.subject import EPISODES, Kind, Subject
from shared.events.attributes import NONE
from shared.events.cloudevent import DELIVERY, CloudEvent
from shared.events.delivery import DeliveryReport
from shared.events.identity import digest
from shared.events.outcome import Done, Duplicate
from shared.events.redaction import redact
from shared.telemetry.trace import continued

_LONGEST: Final = 2000
_MOST: Final = 8192


def report_of(
    delivered: Delivered, subject: Subject, destination: str, cause: CloudEvent, kind: Kind = EPISODES
) -> CloudEvent | None:
    """Return the report of an effect, or None where there was none to tell of.

    Done is reported. A Duplicate of this very revision is reported again under the same id, as `duplicate` where the
    first report was given: its answer may have been lost on the way (F05), and an archive keeps one of one id. The
    trace of the event that caused it goes on.
    """
    memory = delivered.memory
    if memory is None or memory.time is None or not isinstance(delivered.outcome, Done | Duplicate):
        return None
    attributes = kind.attributes(subject)
    fields = told_fields(delivered.fields)
    report = DeliveryReport(
        destination=destination,
        operation=memory.operation,
        key=subject.id,
        revision=subject.revision,
        result="duplicate" if delivered.reported else "done",
        cluster=subject.cluster,
        problem_key="" if attributes["problemkey"] == NONE else subject.key,
        record=memory.record,
        number=memory.number,
        link=memory.link,
        time=memory.time,
        fields=fields,
        cut=len(fields) < len(delivered.fields),
    )
    return event_of(report, memory.number or memory.record, attributes, cause)


def event_of(
    report: DeliveryReport,
    about: str,
    attributes: Mapping[str, str],
    cause: CloudEvent,
    word: str = "delivery",
) -> CloudEvent:
    """Return the event that carries a report; its id is the same for one `word`, destination, key and revision."""
    return CloudEvent(
        id=digest(word, report.destination, report.key, str(report.revision)),
        source=f"tidings/{report.destination}",
        type=DELIVERY,
        subject=about,
        time=report.time,
        extensions={**attributes, **continued(cause.extensions)},
        data=report.model_dump(mode="json"),
    )


def told_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return fields as a report says them: redacted as all that goes out, each at most 2,000 characters, 8,192 in all.

    Those that come first are kept. What is no text is written as JSON.
    """
    found: dict[str, str] = {}
    left = _MOST
    for name, value in redact(dict(fields))[0].items():
        text = value if isinstance(value, str) else _as_json(value)
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        left -= len(name) + len(text)
        if left < 0:
            break
        found[name] = text
    return found


def _as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "…"
