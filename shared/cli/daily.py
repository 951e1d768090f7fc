"""How much each destination would be told: requests of ticket systems, records of a SIEM, and that for a day."""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.events.change import Change
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import Rejected
from shared.events.said import model_of, said_by
from shared.local.broker.filters import matches
from shared.local.broker.topology import Topology
from shared.runtime.registry import FUNCTIONS

_REMEMBERED = 20_000  # events that are known when they come again, as destinations know them
_DAY = 86_400.0
_KINDS: Mapping[type | None, str] = {Episode: "episode", Change: "change", Classified: "classified"}
_LEAST = 3600.0  # seconds of which something can be said about a day


class Told(NamedTuple):
    """What one destination would be told, what its mapping refuses, and the same for a day (None: too short a time)."""

    destination: str
    told: int
    refused: int
    a_day: int | None


class Daily:
    """Counts what each destination would be sent for the events that it would be told of. Sends nothing.

    Who is told what, the Triggers say. Where there are none, each destination is told of what it is there for.
    """

    def __init__(self, destinations: Mapping[str, Any], topology: Topology | str) -> None:
        self._destinations = destinations
        self._topology = topology
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._told: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._stopped = False

    def stop(self) -> None:
        """Count no more: what comes from now on is no part of the time that the rows are for."""
        self._stopped = True

    def told(self, event: CloudEvent) -> None:
        """Count an event of ours in; one that comes again is told to nobody twice."""
        if self._stopped or event.id in self._seen:
            return
        self._seen[event.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        kind = _KINDS.get(model_of(event.type))
        takers = [] if kind is None else [name for name in self._destinations if self._takes(name, kind, event)]
        if not takers:
            return
        subject = said_by(event)
        for name in takers:
            made = self._destinations[name].preview(subject)
            if isinstance(made, Rejected):
                self._refused[name] += 1
            else:
                self._told[name] += len(made)

    def rows(self, seconds: float) -> list[Told]:
        """Return what each destination was told within so many seconds."""
        factor = _DAY / seconds if seconds >= _LEAST else None
        return [
            Told(
                name.replace("_", "-"),
                self._told[name],
                self._refused[name],
                None if factor is None else round(self._told[name] * factor),
            )
            for name in self._destinations
        ]

    def _takes(self, name: str, kind: str, event: CloudEvent) -> bool:
        registered = FUNCTIONS[name].destination
        wanted = registered.subject if registered is not None else ""
        if wanted not in {kind, "any"}:
            return False
        if isinstance(self._topology, str):
            return wanted == kind
        topology = self._topology
        subscribed = (one for one in topology.triggers if topology.function_of(one.subscriber) == name)
        return any(matches(one.selection, event) for one in subscribed)
