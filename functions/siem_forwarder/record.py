"""One classified observation as one event of Splunk's HTTP Event Collector."""

from datetime import UTC, datetime
from typing import Any, Final

from shared.delivery.mapping import Mapping, render
from shared.events.model import Classified, policy_time
from shared.events.outcome import Rejected

RESERVED: Final = {"record": frozenset({"event.event_id", "fields.event_id"})}
"""Fields that no mapping may set: the identity by which people recognise copies."""
NEEDED: Final = ("record",)
"""Operations that a mapping must have: without it a record would say nothing."""
_EPOCH = datetime.fromtimestamp(0, UTC)


def hec_object(classified: Classified, mapping: Mapping, *, index: str, sourcetype: str) -> dict[str, Any] | Rejected:
    """Return the HEC object: `time, host, source, sourcetype, index, event, fields` as the mapping says.

    `index` is for events whose mapping names none; `sourcetype`, where given, wins over the mapping. `event_id` is
    always the observation's identity, in `event` and in `fields`: Splunk does not deduplicate, people do so by it.
    """
    observation = classified.observation
    rendered = render(mapping, "record", {"observation": observation, "verdict": classified.verdict})
    if isinstance(rendered, Rejected):
        return rendered
    made: dict[str, Any] = {"time": max(0.0, (policy_time(observation) - _EPOCH).total_seconds())}
    made |= {"index": index} if index else {}
    made |= rendered
    made |= {"sourcetype": sourcetype} if sourcetype else {}
    event, fields = made.get("event"), made.get("fields")
    made["event"] = {"event_id": observation.identity, **_members(event)}
    made["fields"] = {"event_id": observation.identity} | {
        name: _flat(value) for name, value in (fields.items() if isinstance(fields, dict) else ())
    }
    made["event"]["event_id"] = made["fields"]["event_id"] = observation.identity
    return made


def _members(event: Any) -> dict[str, Any]:
    """Return the members of `event`: a single value becomes one, what is empty becomes none."""
    if isinstance(event, dict):
        return event
    return {} if event is None else {"event": event}


def _flat(value: Any) -> str | list[str]:
    """Return an indexed field's value: the collector takes texts and lists of texts only (code 15)."""
    return [str(member) for member in value] if isinstance(value, list) else str(value)
