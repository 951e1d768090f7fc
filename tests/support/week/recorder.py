"""How reporters write Events: repetitions counted, similar ones combined, spam held back (reference/inputs.md §1.9).

`Recorder` is client-go's older one (core/v1: kubelet, controllers), `Series` the newer one (events.k8s.io: scheduler).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.support.week.wire import Body, api_version, micros, seconds
from tests.support.week.world import World

_SIMILAR = 10  # different messages of one reason about one object within...
_WITHIN = 600.0  # ...seconds, after which they are combined
_BURST = 25
_REFILL = 300.0
_REFRESH = 1800.0
_SILENCE = 360.0
_COMBINED = "(combined from similar events): "
_FORGET = 7200.0


class On(NamedTuple):
    """The object that an Event is about."""

    kind: str
    namespace: str
    name: str
    uid: str = ""
    field_path: str = ""

    @property
    def path(self) -> str:
        """Return `kind/namespace/name`, or `kind/name`."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    def body(self) -> Body:
        """Return the involvedObject."""
        found: Body = {"apiVersion": api_version(self.kind), "kind": self.kind, "name": self.name, "uid": self.uid}
        if self.namespace:
            found["namespace"] = self.namespace
        if self.field_path:
            found["fieldPath"] = self.field_path
        return found


@dataclass(slots=True)
class _Known:
    """An Event that was written: what it says, how often, and when that was last seen and last sent."""

    body: Body
    count: int
    seen: float
    sent: float


@dataclass(slots=True)
class _Bucket:
    """Tokens of client-go's spam filter for one reporter and one object."""

    tokens: float
    at: float


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    at: float = 0.0


def _new_event(world: World, on: On, reason: str, message: str, kind: str) -> Body:
    uid = world.uid()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "creationTimestamp": seconds(world.now),
            "managedFields": _MANAGED,
            "name": f"{on.name}.{uid[:8]}{int(world.now):08x}",
            "namespace": on.namespace or "default",
            "resourceVersion": world.version(),
            "uid": uid,
        },
        "involvedObject": on.body(),
        "reason": reason,
        "message": message,
        "type": kind,
        "eventTime": None,
    }


_MANAGED: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:reason": {}},
        "manager": "event",
        "operation": "Update",
    }
]


class Recorder:
    """The recorder of one program; kubelets name their host."""

    def __init__(self, world: World, component: str) -> None:
        self._world = world
        self._component = component
        self._known: dict[tuple[object, ...], _Known] = {}
        self._buckets: dict[tuple[str, On], _Bucket] = {}
        self._similar: dict[tuple[object, ...], _Similar] = {}
        self._swept = world.now

    def event(  # noqa: PLR0913 -- what an Event says
        self, on: On, reason: str, message: str, *, warning: bool = False, host: str = "", spared: bool = False
    ) -> None:
        """Record; nothing is sent where the spam filter holds it back, yet it counts. `spared` knows no filter."""
        now = self._world.now
        if now > self._swept + _FORGET:
            self._sweep(now)
        kind = "Warning" if warning else "Normal"
        about = (host, on, kind, reason)
        message, key = self._combined(about, message)
        known = self._known.get(key)
        sends = spared or self._passes(host, on)
        if known is None:
            known = self._known[key] = _Known(_new_event(self._world, on, reason, message, kind), 1, now, 0.0)
            known.body["source"] = {"component": self._component} | ({"host": host} if host else {})
            known.body |= {"reportingComponent": self._component, "reportingInstance": host}
            known.body["firstTimestamp"] = seconds(now)
        else:
            known.count += 1
            known.seen = now
        if sends:
            self._write(known, message)

    def _combined(self, about: tuple[object, ...], message: str) -> tuple[str, tuple[object, ...]]:
        """Return the message and what makes the Event the same one: after ten different ones they are one."""
        now = self._world.now
        similar = self._similar.get(about)
        if similar is None or now - similar.at > _WITHIN:
            similar = self._similar[about] = _Similar()
        similar.at = now
        if len(similar.messages) < _SIMILAR or message in similar.messages:
            similar.messages.add(message)
            if len(similar.messages) < _SIMILAR:
                return message, (*about, message)
        return f"{_COMBINED}{message}", (*about, _COMBINED)

    def _passes(self, host: str, on: On) -> bool:
        now = self._world.now
        key = (host, on._replace(field_path="") if on.field_path else on)
        bucket = self._buckets.setdefault(key, _Bucket(_BURST, now))
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) / _REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _write(self, known: _Known, message: str) -> None:
        """Create the Event, or count it up; one that the API server forgot is created anew, with its old count."""
        world, now, body = self._world, self._world.now, known.body
        exists = world.knows_event(body["metadata"]["uid"])
        meta = {**body["metadata"], "resourceVersion": world.version()}
        if not exists and known.sent:
            meta |= {"uid": world.uid(), "creationTimestamp": seconds(now)}
        known.sent = now
        known.body = {**body, "metadata": meta, "message": message, "count": known.count, "lastTimestamp": seconds(now)}
        world.write_event(known.body, "update" if exists else "add")

    def _sweep(self, now: float) -> None:
        """Forget what was silent for long: client-go's cache is bounded, too."""
        self._swept = now
        self._known = {key: known for key, known in self._known.items() if now - known.seen < _FORGET}
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket.at < _FORGET}
        self._similar = {key: similar for key, similar in self._similar.items() if now - similar.at < _FORGET}


class Series:
    """The recorder of events.k8s.io: no count but a series, refreshed each half hour while it goes on."""

    def __init__(self, world: World, component: str) -> None:
        self._world = world
        self._component = component
        self._known: dict[tuple[object, ...], _Known] = {}
        self._swept = world.now

    def event(self, on: On, reason: str, message: str, *, warning: bool = False) -> None:
        """Record: the first one and its first repetition are sent at once."""
        world, now = self._world, self._world.now
        if now > self._swept + _SILENCE:
            self._finish(now)
        key = (on, reason, message)
        known = self._known.get(key)
        if known is None or now - known.seen > _SILENCE:
            body = _new_event(world, on, reason, message, "Warning" if warning else "Normal")
            body |= {"action": "Scheduling", "eventTime": micros(now), "source": {}}
            body |= {"reportingComponent": self._component, "reportingInstance": f"{self._component}-cp-1"}
            body |= {"firstTimestamp": None, "lastTimestamp": None}
            self._known[key] = _Known(body, 1, now, now)
            world.write_event(body, "add")
            return
        known.count += 1
        known.seen = now
        if known.count == 2 or now - known.sent >= _REFRESH:
            self._write(known)

    def _finish(self, now: float) -> None:
        """Write the last word of each series that fell silent."""
        self._swept = now
        for key, known in list(self._known.items()):
            if now - known.seen > _SILENCE:
                del self._known[key]
                if known.seen > known.sent:
                    self._write(known)

    def _write(self, known: _Known) -> None:
        meta = {**known.body["metadata"], "resourceVersion": self._world.version()}
        series = {"count": known.count, "lastObservedTime": micros(known.seen)}
        known.body = {**known.body, "metadata": meta, "series": series}
        known.sent = self._world.now
        self._world.write_event(known.body, "update" if self._world.knows_event(meta["uid"]) else "add")
