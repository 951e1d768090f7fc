"""What a payload says, read as QRadar's documentation has it (reference/destinations.md §5.1-5.3).

Written from the formats, not from what our client sends: what does not keep to them is `unparsed`, as it is there.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Form = Literal["leef", "cef", "k8s-audit", "unparsed"]

_RFC5424: Final = re.compile(r"<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[[^\]]*\])+) ?", re.ASCII)
_RFC3164: Final = re.compile(r"<(\d{1,3})>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) ", re.ASCII)
_SHORT: Final = re.compile(r"<(\d{1,3})>1 (\S+) (\S+) ", re.ASCII)  # what LEEF takes besides: `<13>1 TIME HOST `
_LEEF_HEAD: Final = 5
_CEF_HEAD: Final = re.compile(r"CEF:\d\|" + r"((?:[^|\\]|\\.)*)\|" * 6)
_CEF_PAIR: Final = re.compile(
    r"(?:^|(?<=\s))([A-Za-z][A-Za-z0-9_]*)=((?:[^=\\]|\\.)*?)(?=\s+[A-Za-z][A-Za-z0-9_]*=|\s*$)"
)
_KEY: Final = re.compile(r"[^\s=]+")
_AUDIT: Final = "k8s-audit: "


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `host` is the log source identifier, `identity` what tells copies apart, `values` the pairs."""

    form: Form
    host: str
    event_id: str = ""
    cat: str = ""
    severity: str = ""
    identity: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def read_event(payload: str) -> Event:
    """Return what a payload says. Total."""
    for header in (_RFC5424, _RFC3164, _SHORT):
        found = header.match(payload)
        if found is not None:
            event = _body(payload[found.end() :], found[3], audit=header is _RFC3164)
            if event is not None:
                return event
    return Event("unparsed", "")


def _body(body: str, host: str, *, audit: bool) -> Event | None:
    """Return the event of a payload; audit records are known by the tag of an RFC 3164 header alone."""
    if body.startswith("LEEF:"):
        return _leef(body, host)
    if body.startswith("CEF:"):
        return _cef(body, host)
    return _audit(body.removeprefix(_AUDIT), host) if audit and body.startswith(_AUDIT) else None


def _leef(body: str, host: str) -> Event | None:
    version, _, rest = body.partition("|")
    parts = rest.split("|", 3)
    if version not in {"LEEF:1.0", "LEEF:2.0"} or len(parts) + 1 < _LEEF_HEAD:
        return None
    event_id, _, rest = parts[3].partition("|")
    delimiter = "\t"
    if version == "LEEF:2.0":
        said, _, rest = rest.partition("|")
        hexadecimal = re.fullmatch(r"(?:x|0x)([0-9A-Fa-f]{1,4})", said)
        delimiter = chr(int(hexadecimal[1], 16)) if hexadecimal else said or "\t"
    values: dict[str, str] = {}
    for pair in rest.split(delimiter):
        key, equals, value = pair.partition("=")
        if not equals or not _KEY.fullmatch(key) or key in values:
            return None  # a key is one word, and stands there once
        values[key] = value
    return Event(
        "leef", host, event_id, values.get("cat", ""), values.get("sev", ""), values.get("eventId", ""), values
    )


def _cef(body: str, host: str) -> Event | None:
    head = _CEF_HEAD.match(body)
    if head is None:
        return None
    fields = [re.sub(r"\\([\\|])", r"\1", part) for part in head.groups()]
    values = {
        key: re.sub(r"\\([\\=nr])", lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), value)
        for key, value in _CEF_PAIR.findall(body[head.end() :])
    }
    return Event("cef", host, fields[3], values.get("cat", ""), fields[5], values.get("externalId", ""), values)


def _audit(body: str, host: str) -> Event | None:
    try:
        record: Any = json.loads(body)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("kind") != "Event":
        return None
    annotations = record.get("annotations")
    identity = annotations.get("tidings.dev/event-id", "") if isinstance(annotations, dict) else ""
    return Event("k8s-audit", host, str(record.get("verb", "")), "", "", str(identity))
