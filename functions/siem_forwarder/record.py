"""One classified observation as one event of Splunk's HTTP Event Collector."""

from typing import Any, Final

from shared.delivery.audit import audit_line
from shared.delivery.mapping import Mapping, render
from shared.destinations.splunk.raw import RawLine
from shared.events.model import Classified, policy_time
from shared.events.outcome import Rejected

RESERVED: Final = {"record": frozenset({"event.event_id", "fields.event_id"})}
"""Fields that no mapping may set: the identity by which people recognise copies."""
NEEDED: Final = ("record",)
"""Operations that a mapping must have: without it a record would say nothing."""
RAW: Final = "audit"
"""The operation that says where a raw audit record belongs."""
_METADATA: Final = frozenset({"host", "source", "sourcetype", "index"})
_LONGEST: Final = 1024 * 1024


def mistakes(mapping: Mapping) -> list[str]:
    """Return what cannot work in a mapping though it is well formed."""
    fields = [one.name for operation, some in mapping.every() if operation == RAW for one in some]
    return [
        f"field `{name}` is none of `{RAW}`: there are {', '.join(sorted(_METADATA))}"
        for name in dict.fromkeys(fields)
        if name not in _METADATA
    ]


def raw_line(classified: Classified, mapping: Mapping, *, index: str) -> RawLine | Rejected | None:
    """Return the audit record as the API server wrote it, None of what is no whole one.

    The mapping's `minimise` counts here, too; its operation `audit` says where the line belongs, and `index` where that
    is silent. Raises orjson.JSONEncodeError for what JSON cannot hold.
    """
    context = {"observation": classified.observation, "verdict": classified.verdict}
    shown = mapping.shown(context)
    if isinstance(shown, Rejected):
        return shown
    line = audit_line(shown["observation"], _LONGEST)
    if line is None:
        return None
    rendered = render(mapping, RAW, context, shown)
    if isinstance(rendered, Rejected):
        return rendered
    metadata = {name: str(value) for name, value in rendered.items()}
    return RawLine.of(line, ({"index": index} if index else {}) | metadata)


def hec_object(classified: Classified, mapping: Mapping, *, index: str, sourcetype: str) -> dict[str, Any] | Rejected:
    """Return the HEC object: `time, host, source, sourcetype, index, event, fields` as the mapping says.

    `index` is for events whose mapping names none; `sourcetype`, where given, wins over the mapping. `event_id` is
    always the observation's identity, in `event` and in `fields`: Splunk does not deduplicate, people do so by it.
    """
    observation = classified.observation
    rendered = render(mapping, "record", {"observation": observation, "verdict": classified.verdict})
    if isinstance(rendered, Rejected):
        return rendered
    made: dict[str, Any] = {"time": max(0.0, policy_time(observation).timestamp())}
    made |= {"index": index} if index else {}
    made |= rendered
    made |= {"sourcetype": sourcetype} if sourcetype else {}
    fields = made.get("fields")
    texts = {
        name: value if type(value) is str else _flat(value)
        for name, value in (fields.items() if isinstance(fields, dict) else ())
    }
    event = {"event_id": "", **_members(made.get("event"))}  # first, where people look
    event["event_id"] = texts["event_id"] = observation.identity  # whatever else a value that was taken over holds
    return made | {"event": event, "fields": texts}


def _members(event: Any) -> dict[str, Any]:
    """Return the members of `event`: a single value becomes one, what is empty becomes none."""
    if isinstance(event, dict):
        return event
    return {} if event is None else {"event": event}


def _flat(value: Any) -> str | list[str]:
    """Return an indexed field's value: the collector takes texts and lists of texts only (code 15)."""
    return [str(member) for member in value] if isinstance(value, list) else str(value)
