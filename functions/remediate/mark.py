"""The mark that an act leaves on what it changed: who did it, and for which problem. Pure.

It tells an act that was done from one whose answer was lost, and a change of our own from everybody else's (F52).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

import orjson

from functions.remediate.ledger import Act
from shared.events.times import parse_time, to_text

MARK: Final = "tidings.dev/remediated"
SWITCH: Final = "tidings.dev/remediate"
"""The annotation by which people keep us from a thing: `off`."""


class Mark(NamedTuple):
    """What the annotation says; `at` is when the act was first claimed."""

    act: str
    do: str
    hook: str
    episode: str
    at: datetime

    @classmethod
    def of(cls, act: Act, do: str, at: datetime) -> Self:
        """Return the mark of an act."""
        return cls(act.id, do, act.hook, act.episode, at)

    def text(self) -> str:
        """Return the annotation's value."""
        return orjson.dumps({**self._asdict(), "at": to_text(self.at)}).decode()


def mark_on(thing: Mapping[str, Any]) -> Mark | None:
    """Return the mark on an object, None where it has none that can be read."""
    try:
        said = orjson.loads(annotations(thing).get(MARK, ""))
        at = parse_time(said["at"])
        act, do, hook, episode = (str(said[name]) for name in ("act", "do", "hook", "episode"))
        return None if at is None else Mark(act, do, hook, episode, at)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def annotations(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the annotations of an object."""
    found = member(thing, "metadata", "annotations")
    return found if isinstance(found, Mapping) else {}


def member(thing: Any, *path: str) -> Any:
    """Return what an object has at a path, None where there is nothing."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, Mapping) else None
    return thing


def set_by(thing: Mapping[str, Any], manager: str, *path: str) -> bool:
    """Return True where a manager was the last to set a member, as the API server writes it down (managedFields)."""
    entries = member(thing, "metadata", "managedFields")
    fields = [f"f:{name}" for name in path]
    return isinstance(entries, list) and any(
        member(one, "manager") == manager and member(one, "fieldsV1", *fields) is not None for one in entries
    )


def controller_of(thing: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the reference to what controls an object, None where nothing does."""
    owners = member(thing, "metadata", "ownerReferences")
    found = [one for one in owners if isinstance(one, Mapping)] if isinstance(owners, list) else []
    return next((one for one in found if one.get("controller") is True), None)
