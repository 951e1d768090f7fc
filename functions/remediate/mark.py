"""The mark that an act leaves on what it changed: who did it, and for which problem. Pure.

It tells an act that was done from one whose answer was lost, and a change of our own from everybody else's (F52).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

import orjson

from functions.remediate.ledger import Act
from functions.remediate.objects import annotations
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
