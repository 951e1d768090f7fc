"""Who wrote what, as an object's `managedFields` say; they are read before redaction drops them.

Each entry names a program (not a person), how it wrote, through which subresource, and when it last wrote a field that
it owns (https://kubernetes.io/docs/reference/using-api/server-side-apply/).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.events.redaction_texts import redact_text
from shared.sources.context import mapping, name_text, text

_MOST = 200  # entries that are looked at
_MAX_NAME = 128


class Manager(NamedTuple):
    """Who wrote: `operation` is `Apply` or `Update`, `time` RFC 3339 as Kubernetes writes it."""

    name: str
    operation: str
    subresource: str
    time: str

    def __str__(self) -> str:
        return f"{self.name} ({self.subresource})" if self.subresource else self.name


def last_manager(payload: Any, *, of_status: bool) -> Manager | None:
    """Return who wrote an object last; those who write its status only where that is all that changed."""
    entries = _entries(payload)
    writers = [entry for entry in entries if (entry.get("subresource") == "status") == of_status] or entries
    last = max(writers, key=lambda entry: text(entry.get("time")), default=None)
    return None if last is None else _read(last)


def written(payload: Any, members: Sequence[str]) -> str:
    """Return when one of these members (`spec`, `data`) was last written, empty where nobody says so.

    This tells that a value changed without looking at it: the time of an entry moves when the value of a field that it
    owns does.
    """
    names = {f"f:{member}" for member in members}
    times = [text(entry.get("time")) for entry in _entries(payload) if names & mapping(entry.get("fieldsV1")).keys()]
    return max(times, default="")


def _entries(payload: Any) -> list[Any]:
    found = mapping(mapping(payload).get("metadata")).get("managedFields")
    return [mapping(entry) for entry in found[:_MOST]] if isinstance(found, list) else []


def _read(entry: Any) -> Manager | None:
    name, operation, subresource = (
        redact_text(name_text(entry.get(key))[:_MAX_NAME]) for key in ("manager", "operation", "subresource")
    )
    return Manager(name, operation, subresource, text(entry.get("time"))) if name else None
