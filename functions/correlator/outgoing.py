"""Sends snapshots to the broker: those of one episode in order, different episodes side by side."""

import asyncio
from collections.abc import Sequence

from pydantic import ValidationError

from functions.correlator.answers import event_of
from shared.episodes import keeper
from shared.episodes.recent import Recent
from shared.episodes.record import RecordError, Unsent
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.runtime.function import Publisher
from shared.runtime.turns import Turns
from shared.stores.protocol import Store

_AT_ONCE = 8


class Outgoing:
    """The way to the broker besides the reply; without a publisher nothing is accepted and nothing is lost."""

    def __init__(self, store: Store, publisher: Publisher | None, recent: Recent, turns: Turns) -> None:
        self._store = store
        self._recent = recent
        self._turns = turns
        self._publisher = publisher
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is missing."""
        return () if self._publisher is not None else ("K_SINK is not set: where several snapshots at once go",)

    async def flush(self, thing: str, unsent: Sequence[Unsent], cause: CloudEvent) -> bool:
        """Publish what waits in an object's outbox and mark it sent in the object's turn; True where all was accepted.

        Raises StoreUnavailableError, RecordError: then it is sent once more later, which changes nothing.
        """
        try:
            episodes = [Episode.model_validate(one.episode) for one in unsent]
        except ValidationError as error:
            raise RecordError("the outbox cannot be read") from error
        accepted = await self._send(episodes, cause)
        if not accepted:
            return not episodes
        async with self._turns.of(thing):  # else each observation of a storm would be first
            marked = await keeper.mark_sent(self._store, thing, accepted, self._recent)
        return marked and len(accepted) == len(episodes)

    async def publish(self, episodes: Sequence[Episode], cause: CloudEvent) -> bool:
        """Publish snapshots that are in no outbox; True where all were accepted."""
        return len(await self._send(episodes, cause)) == len(episodes)

    async def hand_over(self, replies: Sequence[CloudEvent]) -> bool:
        """Publish what would have been a reply, were there room for more than one; True where all were accepted."""
        if self._publisher is None:
            return False
        return all(await asyncio.gather(*(self._publisher.publish(reply) for reply in replies)))

    async def stop(self) -> None:
        """Close the publisher's connections, where it has any; it opens them again when it is used again."""
        close = getattr(self._publisher, "close", None)
        if close is not None:
            await close()

    async def _send(self, episodes: Sequence[Episode], cause: CloudEvent) -> frozenset[tuple[str, int]]:
        rows: dict[str, list[Episode]] = {}
        for episode in episodes:
            rows.setdefault(episode.id, []).append(episode)
        sent = await asyncio.gather(*(self._row(row, cause) for row in rows.values()))
        return frozenset(label for labels in sent for label in labels)

    async def _row(self, row: Sequence[Episode], cause: CloudEvent) -> list[tuple[str, int]]:
        accepted: list[tuple[str, int]] = []
        for episode in row:
            async with self._slots:
                if self._publisher is None or not await self._publisher.publish(event_of(episode, cause)):
                    break
            accepted.append((episode.id, episode.revision))
        return accepted
