"""What every function is whose system upserts by key: an episode in, its one record over there as the snapshot says.

The system itself makes one record of one key (architecture.md §6), so nothing is claimed and nothing asked for before:
what may have arrived is simply sent again. What is left to do here is the order. Of one episode one snapshot is on its
way at a time, and one that is older than what this process saw accepted is not sent.
"""

import asyncio
from collections.abc import Mapping as Members
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pydantic import ValidationError

from shared.delivery.batching import LATE, Batcher
from shared.delivery.claim import Memory
from shared.delivery.delivered import Delivered
from shared.delivery.links import Places
from shared.delivery.mapping import Mapping, render
from shared.delivery.newest import Newest
from shared.delivery.preview import Preview
from shared.delivery.report import report_of
from shared.delivery.subject import OPERATION_OF
from shared.delivery.telling import context_of
from shared.delivery.ticket import is_key
from shared.destinations.finding import Finding
from shared.events.cloudevent import PROBLEM_PREFIX, CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, Outcome, Rejected
from shared.runtime.forwarding import Bounds, Connection, new_batcher
from shared.runtime.function import Call, Readiness, Result
from shared.runtime.measured import count, handed_over
from shared.runtime.turns import Turns
from shared.start.later import later
from shared.telemetry.metrics import Metrics

_REMEMBERED: Final = 5_000  # episodes: about 5 MB
_PATIENCE: Final = 60.0  # seconds in which what is queued leaves; who submitted it is answered by his own deadline


class KeyedSystem(Protocol):
    """One system that upserts by key, as its function holds it."""

    @property
    def name(self) -> str:
        """Return the name for metrics and reports, which is the function's, as `servicenow_event`."""

    def connect(self) -> Connection:
        """Build the way to it, without I/O. Raises SettingsError for a CA file that cannot be used."""

    def key(self, episode: Episode) -> str:
        """Return the key by which the system knows the episode's record."""

    def link(self, episode: Episode) -> str:
        """Return where people can open the record."""

    def record(self, episode: Episode, fields: Members[str, Any]) -> bytes:
        """Return the record as it is sent, of the fields that the mapping made."""

    def preview(self, record: bytes) -> list[Preview]:
        """Return the request that carries this record alone. No I/O."""


class Upserting:
    """Tells episodes to one system that upserts by key; those that wait at the same time share one call.

    An operation that the mapping does not have is rendered as `open`: each record is the whole of what is known.
    """

    def __init__(
        self,
        system: KeyedSystem,
        mapping: Mapping,
        bounds: Bounds,
        metrics: Metrics,
        *,
        places: Places | None = None,
    ) -> None:
        self.name = system.name
        self._system = system
        self._mapping = mapping
        self._bounds = bounds
        self._places = places
        self._metrics = metrics
        self._connection: Connection | None = None
        self._batcher: Batcher[bytes] | None = None
        self._turns = Turns()
        self._newest = Newest(_REMEMBERED)
        self._under_way: set[asyncio.Task[Delivered]] = set()

    async def start(self) -> None:
        """Build the connection. Raises SettingsError for a CA file that cannot be used."""
        self._connection = self._system.connect()
        later(self._mapping.prepare)
        self._batcher = new_batcher(self._send, self._bounds)

    async def handle(self, event: CloudEvent, call: Call) -> Result:
        """Tell one snapshot; reply with the report of what took effect."""
        if not event.type.startswith(PROBLEM_PREFIX):
            return Result(Ignored("not an episode that concerns it"))
        try:
            episode = Episode.model_validate(event.data)
        except ValidationError:
            return Result(Rejected("decode", "the data is not an episode"))
        delivered = await self._in_time(episode, call)
        since = episode.resolved or episode.last_seen
        count(self._metrics, self.name, OPERATION_OF[episode.transition], delivered.outcome, since)
        return Result(delivered.outcome, report_of(delivered, episode, self.name, event))

    def readiness(self) -> Readiness:
        """Return ready once started: a system that is down is the broker's to wait for."""
        return Readiness() if self._batcher is not None else Readiness(("not started",))

    async def stop(self) -> None:
        """Finish what waits, then close the connections."""
        if self._batcher is not None:
            await self._batcher.close()
        if self._under_way:
            await asyncio.wait(self._under_way)
        if self._connection is not None:
            await self._connection.close()
        self._batcher = self._connection = None

    async def check(self) -> list[Finding]:
        """Return what `tidings doctor` says. Raises SettingsError."""
        connection = self._system.connect()
        try:
            return await connection.check()
        finally:
            await connection.close()

    def preview(self, subject: Episode, told: Memory | None = None) -> list[Preview] | Rejected:  # noqa: ARG002
        """Return the request that this snapshot would cause, whatever the system was told before. No I/O."""
        if not subject.ticket:
            return []
        fields = self._fields(subject)
        return fields if isinstance(fields, Rejected) else self._system.preview(self._system.record(subject, fields))

    async def _in_time(self, episode: Episode, call: Call) -> Delivered:
        """Answer by the caller's deadline; a record that is on its way keeps its turn until it is known to be in."""
        if not episode.ticket:
            return Delivered(Ignored("no ticket is wanted for it"))
        if not is_key(episode.id):
            return Delivered(Rejected("delivery", "the episode's id must be a key: a-z, 0-9, -"))
        task = asyncio.get_running_loop().create_task(self._in_turn(episode, call.deadline))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            async with asyncio.timeout_at(call.deadline):
                return await asyncio.shield(task)
        except TimeoutError:
            return Delivered(LATE)

    async def _in_turn(self, episode: Episode, deadline: float) -> Delivered:
        async with self._turns.of(episode.id):
            known = self._newest.known(episode.id, episode.revision)
            if known is not None:
                return Delivered(Duplicate(), known if known.revision == episode.revision else None, reported=True)
            now = asyncio.get_running_loop().time()
            if self._batcher is None or now >= deadline:
                return Delivered(LATE)
            fields = self._fields(episode)
            if isinstance(fields, Rejected):
                return Delivered(fields)
            record = self._system.record(episode, fields)
            outcome = await self._batcher.submit(record, len(record), now + _PATIENCE)
            if not isinstance(outcome, Done):
                return Delivered(outcome)
            memory = self._memory(episode)
            self._newest.remember(episode.id, memory)
            return Delivered(outcome, memory, fields)

    def _fields(self, episode: Episode) -> dict[str, Any] | Rejected:
        operation = OPERATION_OF[episode.transition]
        if operation not in self._mapping.operations:
            operation = "open"
        return render(self._mapping, operation, context_of(episode, places=self._places))

    def _memory(self, episode: Episode) -> Memory:
        return Memory(
            revision=episode.revision,
            record=self._system.key(episode),
            link=self._system.link(episode),
            operation=OPERATION_OF[episode.transition],
            time=datetime.now(UTC),
        )

    async def _send(self, records: Sequence[bytes]) -> Sequence[Outcome]:
        return await handed_over(self._connection, records, self._metrics, self.name)
