"""The context attributes of a CloudEvent: which names and values they may have, and how one stands in a header.

As the specification has them, v1.0.2 (https://github.com/cloudevents/spec), within what brokers and subscribers take.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from shared.events.cloudevent import CloudEvent
from shared.events.times import to_text

CONTEXT: Final = frozenset({"id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "specversion"})
"""The core attributes; all others are extensions."""
PLAIN: Final = re.compile(r"[ !#$&-~]*")  # exactly _SAFE_IN_HEADER
"""What stands in a header as it is, as nearly all values do."""
_SAFE_IN_HEADER = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%') + " "
_NAME_SIGNS = re.compile(r"[a-z0-9]+")
_MAX_NAME = 64
_NO_NAMES = frozenset({"", "data"})  # the JSON format keeps the latter for the data itself
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_ATTRIBUTE = 4096
_MAX_ATTRIBUTES = 64
_TOO_MUCH = "the attributes are too many or too large"
_MAX_ENCODED = 12 * 1024  # leaves room for what hosts and brokers add (shared.events.limits)
_WORST = 12  # characters of a header that one character can become: four bytes, each as %XX


def attributes_of(event: CloudEvent) -> dict[str, str]:
    """Return all attributes by their own names, as the JSON format and every binary mode has them."""
    value = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type}
    if event.subject:
        value["subject"] = event.subject
    if event.time is not None:
        value["time"] = to_text(event.time)
    if event.dataschema:
        value["dataschema"] = event.dataschema
    value["datacontenttype"] = event.datacontenttype
    value.update(event.extensions)
    return value


def problem_of(attributes: Mapping[str, str]) -> str:
    """Return why these cannot be an event's attributes, as a constant text; nothing where they can."""
    if attributes.get("specversion") != "1.0":
        return "specversion must be 1.0"
    missing = [name for name in ("id", "source", "type") if not attributes.get(name)]
    if missing:
        return f"{missing[0]} is missing or empty"
    if len(attributes) > _MAX_ATTRIBUTES:
        return _TOO_MUCH
    names = "".join(attributes)
    if len(names) > _MAX_ATTRIBUTES * _MAX_NAME or not _are_names(tuple(attributes)):
        return "attribute names are lower-case letters and digits, and not `data`"
    values = "".join(attributes.values())  # all at once: nearly always all are fine
    fine = values.isprintable() and len(values) <= _MAX_ATTRIBUTE  # what is printable has no control characters
    if not fine and any(len(value) > _MAX_ATTRIBUTE or _CONTROL.search(value) for value in attributes.values()):
        return "an attribute value is too long or has control characters"
    fits = _fits(attributes, len(names) + len(values))
    return _media_problem(attributes.get("datacontenttype", "")) or ("" if fits else _TOO_MUCH)


@lru_cache(maxsize=64)  # what one producer sends has always the same ones
def _are_names(names: tuple[str, ...]) -> bool:
    return (
        _NAME_SIGNS.fullmatch("".join(names)) is not None
        and max(map(len, names)) <= _MAX_NAME
        and _NO_NAMES.isdisjoint(names)
    )


def _media_problem(media: str) -> str:
    if not media.isascii():
        return "datacontenttype must be a media type"  # its header is the one that nobody decodes
    if media.strip().lower().startswith("application/cloudevents"):
        # In binary mode it would be read as structured: filters would see this event, the subscriber the one inside.
        return "the data of an event cannot be an event"
    return ""


def _fits(attributes: Mapping[str, str], size: int) -> bool:
    """Return True where the attributes can go on as headers: what no subscriber takes is refused, not accepted."""
    return (
        size * _WORST <= _MAX_ENCODED
        or sum(len(name) + len(to_header(value)) for name, value in attributes.items()) <= _MAX_ENCODED
    )


def to_header(value: str) -> str:
    """Return a value as it stands in a header: percent-encoded where it has to be (F46)."""
    if PLAIN.fullmatch(value):
        return value  # nearly always, and 20 times as fast
    return quote(value, safe=_SAFE_IN_HEADER, errors="replace")
