"""One item of a request: parsed, decoded by its dialect, redacted, and made the event that goes to the broker."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from functions.intake.body import RefusedError
from functions.intake.paths import Path
from shared.events import attributes
from shared.events.cloudevent import OBSERVED, CloudEvent
from shared.events.codec import NotAnEvent, from_mapping
from shared.events.json_items import Item
from shared.events.limits import Limits, exceeded
from shared.events.model import Observation, observed_data
from shared.events.outcome import Ignored, Rejected
from shared.runtime.request import Refusal
from shared.sources.context import TOO_MANY, Context
from shared.sources.registry import PRODUCED, decode, decode_payload
from shared.sources.unread import Why, unread_event

SOURCE = "tidings/intake"


class Read(NamedTuple):
    """What became of an item: its events, or, where `why` says so, the one that becomes a dead letter."""

    events: list[CloudEvent]
    why: Why | None = None


class Reader:
    """Reads the items of one request: `context` is what it says of all of them.

    `may_send` tells whether its sender may send a CloudEvent of a source and a type.
    """

    def __init__(
        self, path: Path, context: Context, fields: Mapping[str, str] | None, may_send: Callable[[str, str], bool]
    ) -> None:
        self.path = path.name
        self._context = context
        self._fields = fields
        self._may_send = may_send
        self._limits = Limits(body=path.item)
        self._number = 0  # of the item that is read, in the request

    def read(self, item: Item) -> Read:
        """Return what becomes of an item. Raises RefusedError for a CloudEvent that its sender may not send (F51)."""
        self._number += 1
        if item.too_large:  # of one that is not there its place tells, too: what differs may come behind its head
            return Read([self.letter("large", item.head + str(self._number).encode())], "large")
        value = self._parsed(item.body)
        if isinstance(value, str):
            value = self._parsed(value.encode())  # some encode it twice (reference/inputs.md §1.6)
        if isinstance(value, _Unparsed):
            return self._refused(value.why, item)
        if item.frame and isinstance(value, dict):
            value = {**item.frame, **value}
        found = self._decoded(value)
        if not isinstance(found, list):
            return self._refused("many", item) if found == TOO_MANY else self._refused("dialect", item, value)
        return Read([_event(seen) for seen in found])

    def _parsed(self, body: bytes) -> Any:
        excess = exceeded(body, self._limits)
        if excess is not None:
            return _Unparsed("large" if excess == "too large" else "limits")
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return _Unparsed("json")

    def _decoded(self, value: Any) -> list[Observation] | Rejected | Ignored:
        found: list[Observation] | Rejected | Ignored
        if isinstance(value, dict) and "specversion" in value:
            # Kubewatch sends CloudEvents that its headers do not call so (reference/inputs.md §1.2).
            found = self._decoded_event(value)
        else:
            found = decode_payload(value, self._context)
        if isinstance(found, list) or self._fields is None:
            return found
        from shared.sources import fields  # only where a site has a layout of its own

        return fields.decode(value, self._context, self._fields)

    def _decoded_event(self, value: dict[str, Any]) -> list[Observation] | Rejected | Ignored:
        """Read a CloudEvent that is a producer's payload: of no other may one say here what its data is."""
        event = from_mapping(value)
        if isinstance(event, NotAnEvent):
            return Rejected("decode", event.reason)
        if event.type not in PRODUCED:
            return Rejected("decode", "CloudEvents of this type are taken at / alone")
        if not self._may_send(event.source, event.type):
            raise RefusedError(Refusal(403, "not allowed"))
        if self._context.named:
            event = event.with_extensions(cluster=self._context.cluster)
        return decode(event, cluster=self._context.cluster, now=self._context.received)

    def letter(self, why: Why, raw: bytes, value: Any = None) -> CloudEvent:
        """Return the event that becomes the dead letter of an item."""
        return unread_event(why, value, self.path, self._context, raw)

    def _refused(self, why: Why, item: Item, value: Any = None) -> Read:
        return Read([self.letter(why, item.body, value)], why)


class _Unparsed(NamedTuple):
    """What stands for an item that is no JSON."""

    why: Why


def _event(seen: Observation) -> CloudEvent:
    return CloudEvent(
        id=f"{seen.identity}.observed",
        source=SOURCE,
        type=OBSERVED,
        subject=attributes.clean(seen.object.path),
        time=seen.received,
        # Of the rest Triggers may ask after these: who takes the writes of the audit log alone, as `changes` does.
        extensions={
            "cluster": attributes.clean(seen.cluster),
            "dialect": seen.dialect,
            "action": attributes.clean(seen.action),
        },
        data=observed_data(seen),
    )
