"""What `changes` would say of the objects of one input: where it holds two versions of one, what tells them apart."""

from typing import Any, Final

from shared.changes.made import observations
from shared.changes.record import Record, key_of
from shared.changes.step import seen_of, step
from shared.events.model import Observation
from shared.sources.apiserver_resource import NAME as OF_OBJECTS

_MOST: Final = 10_000  # objects that are remembered; of more the oldest are given up
_CERTIFICATE_DAYS: Final = 14


class Versions:
    """The objects of an input so far."""

    def __init__(self) -> None:
        self._known: dict[str, Record] = {}

    def told(self, observation: Observation, payload: Any) -> list[Observation] | str:
        """Return what `changes` makes of this one, or why it tells nobody; itself where it is of no object."""
        if observation.dialect != OF_OBJECTS:
            return [observation]
        key = key_of(observation.cluster, observation.object)
        seen = seen_of(observation, payload, _CERTIFICATE_DAYS)
        done = step(self._known.get(key), seen)
        if done.record is not None:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = done.record
        if done.answer is None:
            why = "a newer version came before" if done.verdict == "older" else "nothing that matters changed"
            return f"{observation.object.path}: {why}; nobody is told"
        return observations(seen, done.answer)
