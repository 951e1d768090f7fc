"""A Kubernetes audit record as the API server wrote it, for SIEMs that know these records already.

QRadar has names for them (its Kubernetes Auditing DSM, reference/destinations.md §5.2), Splunk's add-ons read them as
lines of `kube:apiserver:audit`. So they go as they are: redacted, with our identity among the record's annotations,
which are free for everybody to add to.
"""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from shared.events.model import Observation
from shared.events.redaction import redact

_IDENTITY: Final = "tidings.dev/event-id"
_TRUNCATED: Final = "tidings.dev/truncated"
_BODIES: Final = ("responseObject", "requestObject")
_LONGEST: Final = (1024, 256, 64)  # characters of each text, tried in turn where bodies alone were not what is too long


def audit_line(observation: Observation, most: int) -> bytes | None:
    """Return an audit record as it was sent, masked once more whoever posted it (F41), on one line of `most` bytes.

    None of what is no whole audit record, or cannot be made so short. Raises orjson.JSONEncodeError for what JSON
    cannot hold. Whatever a mapping's `minimise` keeps out must be out of the observation.
    """
    original = observation.original
    if observation.dialect != "audit" or not _is_record(original):
        return None
    clean, _ = redact(original)  # whole: in an object as it was sent the names of members tell of secrets, too
    return audit_json(clean, observation.identity, most)


def _is_record(original: Mapping[str, Any]) -> bool:
    """Return True where the sent object is a whole audit record: not one that was cut, nor a collector's extract."""
    return original.get("kind") == "Event" and isinstance(original.get("auditID"), str)


def audit_json(original: Mapping[str, Any], identity: str, most: int) -> bytes | None:
    """Return the record as one line of JSON of at most `most` bytes; None where it cannot be made so short.

    Bodies are left out first, the answer's before the request's, then long texts are cut; what lost something says so
    in an annotation. It stays JSON that can be read.
    """
    record = _annotated(original, {_IDENTITY: identity})
    whole = orjson.dumps(record)
    if len(whole) <= most:
        return whole
    record = _annotated(original, {_IDENTITY: identity, _TRUNCATED: "1"})
    for body in _BODIES:
        record.pop(body, None)
        shorter = orjson.dumps(record)
        if len(shorter) <= most:
            return shorter
    for longest in _LONGEST:
        shorter = orjson.dumps(_annotated(_cut(record, longest), {_IDENTITY: identity}))
        if len(shorter) <= most:
            return shorter
    return None


def _annotated(record: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    there = record.get("annotations")
    return {**record, "annotations": {**(there if isinstance(there, dict) else {}), **more}}


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value[:longest]
    if isinstance(value, dict):
        return {key: _cut(member, longest) for key, member in value.items()}
    return [_cut(member, longest) for member in value] if isinstance(value, list) else value
