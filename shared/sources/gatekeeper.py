"""Dialect `gatekeeper`: the violations that Gatekeeper exports, and the marks of an audit (reference/inputs.md §1.6).

Each audit says that it is started, tells every violation that there is, and says that it is completed, all with the
audit's time as `id`: what is not told again between two marks is over. A violation is said in the words of Gatekeeper's
own Events, so that one that comes both ways is one problem. Dapr, which carries them, sends the JSON as a text in a
CloudEvent.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import Context, first_time, mapping, name_text, text
from shared.sources.observed import Told, observed

NAME = "gatekeeper"

_MARKS = {"audit is started": "AuditStarted", "audit is completed": "AuditCompleted"}
_AUDITED = frozenset({"violation", "violation_audited"})
_DENIED = "FailedAdmission"
_ADMISSION = {"warn": "WarningAdmission", "dryrun": "DryrunViolation"}
_MAX_TEXT = 256 * 1024  # of a record that came as a text: Gatekeeper itself exports 64 KiB at most


def decode(payload: Any, context: Context) -> list[Observation] | Rejected:
    """Decode one exported record into one observation."""
    record = mapping(_parsed(payload))
    mark = _MARKS.get(text(record.get("message")))
    if mark and not record.get("eventType"):
        return [_mark(record, mark, context)]
    if not name_text(record.get("name")) or not name_text(record.get("resourceKind")):
        return Rejected("decode", "a record of Gatekeeper must name its constraint and the resource")
    return [_violation(record, context)]


def _parsed(payload: Any) -> Any:
    """Return the record; Dapr encodes it once more, as a text."""
    if not isinstance(payload, str) or len(payload) > _MAX_TEXT:
        return payload
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def _mark(record: Mapping[str, Any], reason: str, context: Context) -> Observation:
    audit = name_text(record.get("id"))
    told = Told(
        thing={},
        identity=(reason, audit) if audit else (),
        reason=reason,
        message=record.get("message"),
        component="gatekeeper-audit",
        time=first_time(audit),
        annotations={"auditTimestamp": audit},
    )
    return observed(NAME, context, record, told)


def _violation(record: Mapping[str, Any], context: Context) -> Observation:
    audited = text(record.get("eventType")) in _AUDITED
    action = "dryrun" if record.get("dryRun") is True else name_text(record.get("enforcementAction"))
    constraint = _reference(record, "group", "version", "kind", "namespace", "name")
    resource = _reference(
        record, "resourceGroup", "resourceAPIVersion", "resourceKind", "resourceNamespace", "resourceName"
    )
    when = name_text(record.get("id")) if audited else name_text(record.get("timestamp") or record.get("id"))
    who = name_text(record.get("requestUsername"))
    names = (*constraint.values(), *resource.values())
    told = Told(
        thing=resource,
        identity=(when, action, who, *names, text(record.get("message"))) if when else (),
        related=constraint,
        reason="AuditViolation" if audited else _ADMISSION.get(action, _DENIED),
        message=f"Constraint: {constraint['name']}, Message: {text(record.get('message'), 16_384)}",
        type="Warning",
        component="gatekeeper-audit" if audited else "gatekeeper-webhook",
        action=record.get("operation"),
        time=first_time(when),
        labels=record.get("resourceLabels"),
        annotations={"constraint_action": action, "request_username": who, "auditTimestamp": when if audited else ""},
    )
    return observed(NAME, context, record, told)


def _reference(record: Mapping[str, Any], *members: str) -> dict[str, Any]:
    group, version, kind, namespace, name = (name_text(record.get(member)) for member in members)
    version = f"{group}/{version}" if group and version else version
    return {"apiVersion": version, "kind": kind, "namespace": namespace, "name": name}
