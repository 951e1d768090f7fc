"""One classified observation as one line for QRadar: header, LEEF or CEF, or the audit record as it is."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from functions.qradar_forwarder.settings import ForwarderSettings
from shared.delivery.audit import audit_line
from shared.delivery.limits import Limit
from shared.delivery.mapping import Mapping, render
from shared.destinations.qradar.cef import cef
from shared.destinations.qradar.leef import leef, severity
from shared.destinations.qradar.lines import KEY, plain
from shared.destinations.qradar.syslog import audit_header, header
from shared.events.model import Classified, policy_time
from shared.events.outcome import Rejected
from shared.settings.environment import SettingsError

PRODUCT: Final = "Tidings"
RESERVED: Final = {"record": frozenset({"leef.eventId", "leef.truncated", "cef.externalId", "cef.truncated"})}
"""Fields that no mapping may set: the identity by which people recognise copies, and the mark of a cut line."""
NEEDED: Final = ("record",)
"""Operations that a mapping must have: without it a record would say nothing."""
_HEADER: Final = ("event_id", "cat", "name", "severity")
_GROUPS: Final = ("leef", "cef")
KNOWN: Final = (*_HEADER, *_GROUPS)
"""What a record of a mapping may hold: fields of the header, and the keys of either format."""
FIELDS: Final = {"severity": Limit(choices=tuple(str(grade) for grade in range(1, 11))), "leef.usrName": Limit(255)}
"""What the formats take in them."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_KEY: Final = re.compile(KEY)


def mistakes(mapping: Mapping) -> list[str]:
    """Return what cannot work in a mapping though it is well formed."""
    groups = [one for _, fields in mapping.every() for one in fields if one.name in _GROUPS]
    found = [
        f"`{group.name}.{one.name}` is no key: it must be one word"
        for group in groups
        for one in group.group
        if not _KEY.fullmatch(one.name)
    ]
    return list(dict.fromkeys(found))


def fitting(mapping: Mapping, wanted: str) -> Mapping:
    """Return the mapping without what the other format would hold. Raises SettingsError where it lacks this one."""
    if not any(one.group for one in mapping.operations["record"] if one.name == wanted):
        raise SettingsError(
            [f"QRADAR_MAPPING: there is no group `{wanted}` with fields in `record`, of which a line is made"]
        )
    kept = {*_HEADER, wanted}
    return mapping.changed(lambda _, some: tuple(one for one in some if one.name in kept))


def line_of(classified: Classified, mapping: Mapping, settings: ForwarderSettings) -> bytes | Rejected:
    """Return the line, at most QRADAR_MAX_BYTES long, without what ends it; `mapping` is of `fitting`.

    The identity is in every line: `eventId` of LEEF, `externalId` of CEF, an annotation of an audit record. An audit
    record that goes as it was sent goes without what the mapping's `minimise` keeps out.
    """
    context = {"observation": classified.observation, "verdict": classified.verdict}
    shown = mapping.shown(context)
    if isinstance(shown, Rejected):
        return shown
    observation = shown["observation"]
    host = settings.log_source or observation.cluster
    if settings.audit == "raw":
        head = audit_header(policy_time(observation), host)
        made = audit_line(observation, settings.max_bytes - len(head))
        if made is not None:
            return head + made
    rendered = render(mapping, "record", context, shown)
    if isinstance(rendered, Rejected):
        return rendered
    head = header(classified.verdict.severity, policy_time(observation), host)
    return head + _payload(classified, rendered, settings.format, settings.max_bytes - len(head))


def _payload(classified: Classified, rendered: dict[str, Any], wanted: str, most: int) -> bytes:
    verdict, observation = classified.verdict, classified.observation
    event_id, cat = (plain(rendered.get(name, "")) for name in ("event_id", "cat"))
    event_id, cat = event_id or verdict.rule, cat or verdict.category
    grade = severity(rendered.get("severity"))
    when = max(1, int((policy_time(observation) - _EPOCH).total_seconds() * 1000))
    values = dict(rendered.get(wanted) or {})
    if wanted == "leef":
        ours = {"devTime": when, "cat": cat, "sev": grade}
        fixed = {**{key: values.pop(key, value) for key, value in ours.items()}, "eventId": observation.identity}
        fixed["sev"] = severity(fixed["sev"])
        return leef(event_id, fixed, values, product=PRODUCT, most=most)
    ours = {"rt": when, "cat": cat}
    fixed = {**{key: values.pop(key, value) for key, value in ours.items()}, "externalId": observation.identity}
    name = plain(rendered.get("name", "")) or event_id
    return cef(event_id, name, grade, fixed, values, product=PRODUCT, most=most)
