"""Takes objects, remembers them, and replies with the observation of what changed.

What was answered is written before the answer leaves, with the projection that it was made from: whoever dies in
between answers the same once the version comes again. A condition that began with a change goes to the broker as an
event of its own first, for a reply is only one.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from functions.changes.expiries import Expiries
from functions.changes.settings import ChangesSettings
from shared.changes import authors, record
from shared.changes.made import is_by_someone, observations
from shared.changes.step import Seen, Step, seen_of, step
from shared.events.attributes import clean
from shared.events.cloudevent import APISERVER_PREFIX, OBSERVED, TICKS, CloudEvent
from shared.events.echo import VIA, onward
from shared.events.model import Observation, observed_data
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected, Retry
from shared.runtime.function import Call, Function, Publisher, Readiness, Result
from shared.runtime.parts import opened_publisher, opened_store
from shared.runtime.probe import Probe
from shared.runtime.turns import Turns
from shared.settings.environment import read
from shared.sources.apiserver_resource import NAME as OF_OBJECTS
from shared.sources.registry import decode
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import ABSENT, Store, StoreUnavailableError
from shared.telemetry.metrics import Metrics
from shared.telemetry.trace import continued

NAME = "changes"
SOURCE = "tidings/changes"
_EVENT = "Event"
_AT_ONCE = 16  # observations of one payload that are published side by side: 2000 of them within a delivery's time
_DROPPED = {
    "unchanged": ("no_change", Ignored("nothing that matters changed")),
    "older": ("out_of_order", Ignored("a newer version of it is known")),
}


def new(
    environ: Mapping[str, str], metrics: Metrics, *, store: Store | None = None, publisher: Publisher | None = None
) -> Function:
    """Build the function. Raises SettingsError for settings that cannot work."""
    settings = read(ChangesSettings, environ)
    owned = store is None
    store = store or opened_store(settings.store_url, environ)
    publisher = publisher or opened_publisher(settings.sink)
    return Changes(settings, metrics, store, publisher, owned=owned)


class Changes:
    """The function. A store that it was given (`owned` is False) is not its to close: others may use it too."""

    name = NAME

    def __init__(
        self, settings: ChangesSettings, metrics: Metrics, store: Store, publisher: Publisher | None, *, owned: bool
    ) -> None:
        self._cluster = settings.cluster
        self._skip_events = settings.skip_events
        self._certificate_days = settings.certificate_days
        self._windows = settings.windows
        self._metrics = metrics
        self._store = store
        self._publisher = publisher
        self._owned = owned
        self._expiries = Expiries(store, settings.certificate_days)
        self._turns = Turns()
        self._probe = Probe(store)

    async def start(self) -> None:
        """Ask the store once; where it cannot be asked, readiness says so until it can."""
        await self._probe.look()

    def readiness(self) -> Readiness:
        """Return whether the store can be asked and the broker is known."""
        missing = () if self._publisher is not None else ("K_SINK is not set: where several observations at once go",)
        return Readiness((*self._probe.problems, *missing))

    async def stop(self) -> None:
        """Close what `new` opened."""
        await self._probe.stop()
        close = getattr(self._publisher, "close", None)
        if close is not None:
            await close()
        if self._owned:
            await self._store.close()

    async def handle(self, event: CloudEvent, call: Call) -> Result:  # noqa: ARG002 - a store's own time-outs are shorter
        """Reply with what changed in an object; what other dialects read, as an Event, is passed on as observed."""
        try:
            if event.type in TICKS:
                return Result(await self._tick(event))
            return await (self._asked(event) if event.type == OBSERVED else self._sent(event))
        except StoreUnavailableError:
            self._probe.failed()
            return Result(Retry("the store cannot be asked"))
        except record.NewerError:
            return Result(Retry("a newer release wrote the record of this object"))

    async def _tick(self, event: CloudEvent) -> Outcome:
        if event.time is None:
            return Rejected("decode", "a tick without a time")
        complete = await self._expiries.work(event.time, self._published)
        return Done() if complete else Retry("not everything that is due could be told")

    async def _asked(self, event: CloudEvent) -> Result:
        """Keep who asked for a version, which its own event may come after: what audit tells of it."""
        decoded = decode(event, cluster=self._cluster, now=datetime.now(UTC))
        told = authors.told_by(decoded[0]) if isinstance(decoded, list) and decoded else None
        if told is None:  # what cannot be read is the classifier's to refuse
            return self._dropped("not_ours", Ignored("it does not say who made a version of an object"))
        key, author = told
        entry = await self._store.get(key)  # sent again, it is there: the first word stays
        if entry is None:
            await self._store.put(key, authors.encode(author), expected=ABSENT, ttl=authors.KEPT_SECONDS)
        return Result(Done() if entry is None else Duplicate())

    async def _sent(self, event: CloudEvent) -> Result:
        if why := self._why_not_ours(event):
            return self._dropped("not_ours", Ignored(why))
        decoded = decode(event, cluster=self._cluster, now=datetime.now(UTC))
        if isinstance(decoded, Rejected):
            return Result(decoded)
        if isinstance(decoded, Ignored):
            return self._dropped("not_ours", decoded)
        if not decoded:
            return self._dropped("nothing_to_tell", Ignored("there is no observation in it"))
        if decoded[0].dialect == OF_OBJECTS:
            return await self._object(seen_of(decoded[0], event.data, self._certificate_days), event)
        main, *others = decoded
        return _told(Done(), main, event, published=await self._published_in_any_order(others, event))

    def _why_not_ours(self, event: CloudEvent) -> str:
        """Return why what was sent is not looked into, empty where it is."""
        if not event.type.startswith(APISERVER_PREFIX):
            return "not a type that objects are sent with"
        if self._skip_events and event.attribute("kind") == _EVENT:  # as the classifier's Triggers ask
            return "marked as an Event: the classifier has it by itself"
        return ""

    async def _object(self, seen: Seen, event: CloudEvent) -> Result:
        observation = seen.observation
        key = record.key_of(observation.cluster, observation.object)
        async with self._turns.of(key):
            done = await self._taken(key, seen)
        if done is None:
            return Result(Retry("others change what is known of this object"))
        if done.verdict != "older":
            await self._expiries.remember(seen, event)
        if done.answer is None:
            return self._dropped(*_DROPPED[done.verdict])
        author = await self._author(observation) if is_by_someone(done.answer) else None
        outcome = Duplicate() if done.verdict == "again" else Done()
        main, *others = observations(seen, done.answer, self._windows, author)
        return _told(outcome, main, event, published=await self._published(others, event))

    async def _taken(self, key: str, seen: Seen) -> Step | None:
        """Take a version into the record of its object; None where other replicas were first each time."""
        for attempt in range(TRIES):
            entry = await self._store.get(key)
            done = step(None if entry is None else record.decode(entry.value), seen)
            if done.record is None:
                return done
            ttl = record.KEPT_DELETED_SECONDS if done.record.deleted else record.KEPT_SECONDS
            expected = ABSENT if entry is None else entry.revision
            if await self._store.put(key, record.encode(done.record), expected=expected, ttl=ttl) is not None:
                return done
            await pause(attempt)
        return None

    async def _author(self, observation: Observation) -> authors.Author | None:
        """Return the person behind a version, where audit has told."""
        thing, version = observation.object, observation.resource_version
        entry = await self._store.get(authors.key_of(observation.cluster, thing.namespace, thing.name, version))
        return None if entry is None else authors.decode(entry.value)

    async def _published(self, found: Sequence[Observation], cause: CloudEvent) -> bool:
        """Publish what has no room in the reply, in its order; True once all was accepted."""
        return await self._published_each(iter(found), cause)

    async def _published_in_any_order(self, found: Sequence[Observation], cause: CloudEvent) -> bool:
        """Publish what is no sequence, as the results of a report, some at a time; True once all was accepted."""
        waiting = iter(found)
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._published_each(waiting, cause)) for _ in range(min(_AT_ONCE, len(found)))]
        return all(lane.result() for lane in lanes)

    async def _published_each(self, waiting: Iterator[Observation], cause: CloudEvent) -> bool:
        """Publish what is left of `waiting`, which others may take from, too; after a refusal nobody begins another."""
        for one in waiting:
            event = _event_of(one, cause).with_extensions(**{VIA: onward(cause.extensions, NAME)})
            if self._publisher is None or not await self._publisher.publish(event):
                deque(waiting, maxlen=0)
                return False
        return True

    def _dropped(self, reason: str, outcome: Ignored) -> Result:
        self._metrics.count("tidings_dropped_total", function=NAME, reason=reason, intentional="true")
        return Result(outcome)


def _told(outcome: Outcome, main: Observation, cause: CloudEvent, *, published: bool) -> Result:
    """Reply with the first observation, once the others were published: a reply is only one."""
    if not published:
        return Result(Retry("the broker did not accept every observation"))
    return Result(outcome, _event_of(main, cause))


def _event_of(observation: Observation, cause: CloudEvent) -> CloudEvent:
    """Return the observation's event: the same observation always has the same id, and carries its cause's trace on."""
    thing = observation.object
    return CloudEvent(
        id=f"{observation.identity}.observed",
        source=SOURCE,
        type=OBSERVED,
        subject=clean(thing.path),
        time=observation.received,
        extensions={
            "cluster": clean(observation.cluster),
            "kind": clean(thing.kind),
            "namespace": clean(thing.namespace),
            "name": clean(thing.name),
            "reason": clean(observation.reason),
            **continued(cause.extensions),
        },
        data=observed_data(observation),
    )
