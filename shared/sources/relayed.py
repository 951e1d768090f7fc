"""What producers pass on as Kubernetes gave it to them: read by its own dialect, whoever wrapped it."""

from collections.abc import Iterable
from typing import Any

from shared.events.model import Observation
from shared.events.outcome import Rejected
from shared.sources.context import MAX_OBSERVATIONS, TOO_MANY, Context, at_most
from shared.sources.registry import decode_payload

_EVENT = "kubernetes-event"
_PLAIN = frozenset({_EVENT, "apiserver-resource"})


def relayed(name: str, thing: Any, context: Context) -> list[Observation] | Rejected:
    """Decode what the dialect `name` wraps; identities are those that the same thing has from any other source.

    Plain Events and objects get the name of the dialect; what has a decoder of its own keeps that one's, for rules go
    by it. Of an Event that the cluster forgot (its deletion) there is nothing to tell: an empty list.
    """
    found = decode_payload(thing, context)
    if isinstance(found, Rejected):
        return found
    return [_named(seen, name) for seen in found if not (seen.dialect == _EVENT and seen.operation == "delete")]


def relayed_all(name: str, things: Iterable[tuple[Any, Context]]) -> list[Observation] | Rejected:
    """Decode several that came in one payload; one that cannot be read refuses all, so that none is lost unseen."""
    listed = at_most(things)
    if isinstance(listed, Rejected):
        return listed
    seen: list[Observation] = []
    for thing, context in listed:
        found = relayed(name, thing, context)
        if isinstance(found, Rejected):
            return found
        seen += found
        if len(seen) > MAX_OBSERVATIONS:  # reports hold several each
            return TOO_MANY
    return seen


def _named(seen: Observation, name: str) -> Observation:
    return seen.model_copy(update={"dialect": name}) if seen.dialect in _PLAIN else seen
