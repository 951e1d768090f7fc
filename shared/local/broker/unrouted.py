"""Events from outside of a type that no Trigger takes: the broker answers 202 as for any other, so somebody says it."""

import logging
from collections.abc import Iterable, Sequence

from shared.events.cloudevent import CloudEvent
from shared.local.broker.event_kinds import EventKind
from shared.local.broker.reach import Reach, reach, selection
from shared.local.broker.topology import Trigger
from shared.telemetry.metrics import Metrics

_LOG = logging.getLogger("tidings.broker")
_MOST = 500
"""Types that are told apart: senders may make up any number of them."""


class Unrouted:
    """Counts them, and says it once of each type. Of a type that is taken, a filter may leave out what it likes."""

    def __init__(self, triggers: Iterable[Trigger], metrics: Metrics) -> None:
        self._chosen = [selection(trigger.selection) for trigger in triggers]
        self._names = frozenset(name for one in self._chosen for name in one.values.keys() - {"type"})
        self._count = metrics.counter("tidings_broker_unrouted_total")
        self._taken: dict[str, bool] = {}

    def look(self, events: Sequence[CloudEvent]) -> None:
        """Look at events that were accepted."""
        for event in events:
            taken = self._taken.get(event.type)
            if taken is None and len(self._taken) < _MOST:
                taken = self._taken[event.type] = self._takes(event.type)
                if not taken:
                    _LOG.warning(
                        "events of a type go to nobody: no Trigger takes it",
                        extra={"type": event.type, "source": event.source},
                    )
            if taken is False:
                self._count()

    def _takes(self, type_: str) -> bool:
        kind = EventKind(type_, free=self._names, optional=self._names)
        return any(reach(one, kind) is not Reach.none for one in self._chosen)
