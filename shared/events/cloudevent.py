"""CloudEvent 1.0 as a value, and the types and extension attributes that Tidings gives its own."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

OBSERVED = "dev.tidings.observed.v1"
UNREAD = "dev.tidings.unread.v1"
"""What `intake` could not read: the classifier refuses it, so that it becomes a dead letter with its reason."""
LISTED = "dev.tidings.listed.v1"
"""Says of a kind of a cluster that all its objects have been looked at."""
TICK = "dev.tidings.tick.v1"
TICKS = frozenset({TICK, "dev.knative.sources.ping"})
"""The types of a tick: a PingSource cannot choose its own."""
PROBE = "probe"
"""Extension of a tick that somebody waits for: who gets it says so in the log, by the event's id."""
DELIVERY = "dev.tidings.delivery.v1"
CLASSIFIED_PREFIX = "dev.tidings."
PROBLEM_PREFIX = "dev.tidings.problem."
CHANGE_PREFIX = "dev.tidings.change."
LETTER_PREFIX = "dev.tidings.dead-letter."
"""Says of a dead letter of a bus what somebody did about it."""
RETRY = "tidingsretry"
"""The extension that counts how often an event was sent again after it had become a dead letter."""
APISERVER_PREFIX = "dev.knative.apiserver."


_NO_EXTENSIONS: Mapping[str, str] = MappingProxyType({})


class CloudEvent(NamedTuple):
    """One event. `data` is the parsed JSON value (dict, list, str, ...) or None; `extensions` are strings.

    Attribute names follow the specification (https://github.com/cloudevents/spec, v1.0.2): lower case, alphanumeric.
    A named tuple, since several are built for each event: a frozen dataclass takes thrice as long.
    """

    id: str
    source: str
    type: str
    subject: str = ""
    time: datetime | None = None
    datacontenttype: str = "application/json"
    dataschema: str = ""
    extensions: Mapping[str, str] = _NO_EXTENSIONS
    data: Any = None

    def attribute(self, name: str) -> str | None:
        """Return a context attribute or extension as a string, or None where the event has none.

        An extension that is present but empty is returned as the empty string: Knative's ApiServerSource sends
        `ce-namespace:` with nothing behind it for cluster-scoped objects (reference/knative.md).
        """
        if name == "specversion":
            return "1.0"
        if name == "time":
            return None if self.time is None else self.time.isoformat().replace("+00:00", "Z")
        if name in _CONTEXT:
            return getattr(self, name) or None
        return self.extensions.get(name)

    def with_extensions(self, **extensions: str) -> "CloudEvent":
        """Return a copy with these extension attributes set."""
        all_of_them = {**self.extensions, **extensions}
        # `_replace` takes ten times as long, and this is done for every delivery.
        return CloudEvent(
            self.id,
            self.source,
            self.type,
            self.subject,
            self.time,
            self.datacontenttype,
            self.dataschema,
            all_of_them,
            self.data,
        )


class ReadEvent(CloudEvent):
    """An event as a sender wrote it, whose attributes were checked when it was read and can be written as they are.

    What is made of it, as by `_replace`, is a plain CloudEvent again: nobody has checked that.
    """

    __slots__ = ()

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> CloudEvent:  # type: ignore[override]
        return CloudEvent._make(iterable)


_CONTEXT = frozenset({"id", "source", "type", "subject", "datacontenttype", "dataschema"})


def type_of_verdict(category: str) -> str:
    """Return the event type of a classified observation, as `dev.tidings.security.v1`."""
    return f"{CLASSIFIED_PREFIX}{category}.v1"


def type_of_transition(transition: str) -> str:
    """Return the event type of an episode's snapshot, as `dev.tidings.problem.opened.v1`."""
    return f"{PROBLEM_PREFIX}{transition}.v1"


def type_of_change(transition: str) -> str:
    """Return the event type of a change's snapshot, as `dev.tidings.change.started.v1`."""
    return f"{CHANGE_PREFIX}{transition}.v1"
