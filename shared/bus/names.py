"""Which names of topics and groups a bus takes: told before it is asked, for clients fail in their own words. Pure."""

import re
from collections.abc import Sequence
from typing import Final, Literal

Named = Literal["topic", "group"]

_TOKEN: Final = (re.compile(r"[A-Za-z0-9_-]+"), "letters, digits, _ and -")  # a dot parts the tokens of a subject
_DOTTED: Final = (re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]+"), "letters, digits, ., _ and -")
_SIGNS: Final = {("nats", "topic"): _TOKEN, ("nats", "group"): _TOKEN, ("kafka", "topic"): _DOTTED}
"""What only some signs may stand in, and which; other names are any text that can be printed."""
_MOST: Final = {"topic": 249, "group": 100}
"""Bytes: what Kafka takes of a topic, and all of them of a group."""


def misnamed(bus: str, topics: Sequence[str] = (), group: str = "") -> list[str]:
    """Return in words what cannot be a name there; nothing where all can. No group is none to complain of."""
    told: list[tuple[Named, str]] = [("topic", topic) for topic in topics]
    if group:
        told.append(("group", group))
    return [
        f"{name!r} is no {what} of {bus or 'a bus'}: it has {why}"
        for what, name in told
        if (why := _why(bus, what, name))
    ]


def _why(bus: str, what: Named, name: str) -> str:
    """Return what a name there has, where this one has not; nothing where it can be one."""
    signs = _SIGNS.get((bus, what))
    if signs is not None and not signs[0].fullmatch(name):
        return signs[1]
    if not name or not name.isprintable() or len(name.encode(errors="replace")) > _MOST[what]:
        return f"1 to {_MOST[what]} signs that can be printed"
    return ""
