"""Which names of topics and groups a bus takes: told before it is asked, for clients fail in their own words. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")  # what Kafka takes, and the others do as well
_GROUP: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NO_DOTS: Final = frozenset({"nats"})  # there a dot parts the tokens of a subject


def misnamed(bus: str, topics: Sequence[str] = (), group: str = "") -> list[str]:
    """Return in words what cannot be a name there; nothing where all can. No group is none to complain of."""
    wrong = [("topic", topic) for topic in topics if not _takes(bus, _TOPIC, topic)]
    if group and not _takes(bus, _GROUP, group):
        wrong.append(("group", group))
    signs = "letters, digits, _ and -" if bus in _NO_DOTS else "letters, digits, ., _ and -"
    return [f"{name!r} is no {what} of {bus or 'a bus'}: it has {signs}" for what, name in wrong]


def _takes(bus: str, named: re.Pattern[str], name: str) -> bool:
    return named.fullmatch(name) is not None and not (bus in _NO_DOTS and "." in name)
