"""What a decoder needs besides the event, and the small readers that foreign JSON is read with."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import orjson

from shared.events.model import ObjectRef, trusted
from shared.events.outcome import Rejected
from shared.events.redaction_texts import Redaction, redact_text
from shared.events.times import parse_time

MAX_ORIGINAL = 256 * 1024
MAX_MESSAGE = 16_384
MAX_OBSERVATIONS = 2000
"""Of one payload: each costs much more than the bytes that ask for it, `{}` among them."""
TOO_MANY = Rejected("decode", "the payload holds too many observations")
T = TypeVar("T")
_MAX_NAME = 1024
_MAX_COUNT = 2**31 - 1  # what Kubernetes counts with; sums of it must still fit into 64 bits
_EARLIEST = datetime(2014, 6, 1, tzinfo=UTC)  # before the first release of Kubernetes no cluster sent anything


class Context(NamedTuple):
    """`cluster` names the cluster; `received` is when its edge sent the event: what policy goes by.

    `named` says that the sender's edge gave the cluster's name (`ceOverrides`), so that a payload's own is not asked.
    """

    cluster: str
    received: datetime
    sender: str = ""
    event_id: str = ""
    operation: str = "update"
    named: bool = False

    def of_cluster(self, told: Any) -> "Context":
        """Return the context with the cluster that a payload names, where it names one and the edge did not."""
        name = "" if self.named else name_text(told)[:256]
        return self._replace(cluster=name) if name else self


def plausible(time: datetime | None, now: datetime, ahead: timedelta = timedelta(minutes=5)) -> datetime:
    """Return the sender's time, or `now` where there is none or it cannot be: before Kubernetes, or in the future."""
    return time if time is not None and _EARLIEST <= time <= now + ahead else now


def at_most(things: Iterable[T]) -> list[T] | Rejected:
    """Return what will become an observation each, TOO_MANY beyond MAX_OBSERVATIONS; no more of them are looked at."""
    found = list(islice(things, MAX_OBSERVATIONS + 1))
    return found if len(found) <= MAX_OBSERVATIONS else TOO_MANY


def text(value: Any, limit: int = _MAX_NAME) -> str:
    """Return a string as it is and cut; anything else as the empty string."""
    return value[:limit] if isinstance(value, str) else ""


def name_text(value: Any) -> str:
    """Return a name as text on one line: control characters, which no real one has, become blanks (F45, F46)."""
    if not isinstance(value, str):
        return ""
    name = value[:_MAX_NAME]
    return name if name.isprintable() else "".join([letter if letter.isprintable() else " " for letter in name])


def shown_text(value: Any, masked: Redaction, limit: int = _MAX_NAME) -> str:
    """Return a string without its secrets and then cut: one that is cut first may no longer look like what it is."""
    return masked.text(value)[:limit] if isinstance(value, str) else ""


def message_text(value: Any) -> str:
    """Return a message, cut at 16 KiB."""
    return text(value, MAX_MESSAGE)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object as it is; anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def within(path: str, roots: Sequence[str]) -> bool:
    """Return True for the path of something in one of these members of an object."""
    return any(path == root or path.startswith((f"{root}.", f"{root}[")) for root in roots)


def number(value: Any) -> int:
    """Return a non-negative whole number of at most 31 bits; anything else, null among them, as 0.

    A whole number may come as `7.0`: scripts within log collectors make such of all of them.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not value or not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(max(value, 0), _MAX_COUNT)


def first_time(*values: Any) -> datetime | None:
    """Return the first value that is a time."""
    for value in values:
        if value:
            time = parse_time(value)
            if time is not None:
                return time
    return None


def labels(redacted: Any) -> dict[str, str]:
    """Return the string labels or annotations of an object that is redacted already."""
    return {key: item for key, item in redacted.items() if isinstance(item, str)} if isinstance(redacted, dict) else {}


def shown_name(value: Any, masked: Redaction) -> str:
    """Return a name that identifies nothing, as a host's, without what looks like a secret in it."""
    name = shown_text(value, masked)
    return name if name.isprintable() else redact_text(name_text(name))


def reference(value: Any, masked: Redaction) -> ObjectRef | None:
    """Return an object reference, or None where the value names no object."""
    if not isinstance(value, dict):
        return None
    get = value.get
    kind, name = name_text(get("kind")), name_text(get("name"))
    if not kind and not name:
        return None
    path = get("fieldPath")
    return trusted(
        ObjectRef,
        {
            "api_version": name_text(get("apiVersion")),
            "kind": kind,
            "namespace": name_text(get("namespace")),
            "name": name,
            "uid": text(get("uid")),
            "field_path": shown_name(path, masked) if path else "",
        },
    )


def controller(value: Any, namespace: str, masked: Redaction) -> ObjectRef | None:
    """Return the controlling owner of `metadata.ownerReferences`, or None."""
    for item in value if isinstance(value, list) else ():
        owner = mapping(item)
        if owner.get("controller") is True:
            return reference({**owner, "namespace": namespace}, masked)
    return None


def bounded(original: dict[str, Any], masked: Redaction) -> dict[str, Any]:
    """Return the redacted original, or its head alone, marked, where it is over 256 KiB (guarantees.md, Limits)."""
    if 0 < masked.size <= MAX_ORIGINAL or len(orjson.dumps(original)) <= MAX_ORIGINAL:
        return original
    head: dict[str, Any] = {key: text(original[key]) for key in ("apiVersion", "kind") if key in original}
    metadata = mapping(original.get("metadata"))
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    head["metadata"] = {key: text(metadata[key]) for key in kept if key in metadata}
    head["truncated"] = True
    return head
