"""The delivery algorithm for what is told and cannot be asked, as a webhook: claim, tell, complete.

A snapshot is told once in effect as long as no answer is lost. After a lost one it is told again under the same key, by
which the other side can know it; nothing else could be done (docs/how-it-fails.md). The order of an episode is kept
whatever order its snapshots come in: whoever was told nothing yet is told `open` by any open snapshot, and an older
snapshot is never told after a newer one.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

from shared.delivery.claim import Held, Known, Memory
from shared.delivery.claims import Claims, Settled, Taken
from shared.delivery.delivered import MARGIN, Delivered
from shared.delivery.failure import Ambiguous, Failure, Gone, Refused, Temporary
from shared.delivery.plan import note_of, told_as
from shared.delivery.remember import dealt_with, sent
from shared.delivery.ticket import is_key
from shared.events.delivery import DeliveryOperation
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Rejected, Retry

_LEAST: Final = 0.1
_REMEMBERED: Final = 20_000  # episodes: about 6 MB
_OVERTAKEN: Final = Ignored("a newer snapshot was sent already")
_STORE_DOWN: Final = Retry("the store cannot be asked what was told before", after=5.0)


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an operation is not told. `told`: it counts as told all the same, for nobody ever wants to hear of it."""

    why: str
    told: bool = False


Sent = Mapping[str, Any]
"""What a notice that was accepted said: the members of its body."""


class Told(Protocol):
    """The other side, as the algorithm sees it."""

    def skips(self, operation: DeliveryOperation, episode: Episode, told: int, *, noted: bool) -> Skip | None:
        """Return why a snapshot is not told as this, after `told`. `noted`: people would see no difference."""

    def tell(
        self, operation: DeliveryOperation, episode: Episode, told: int, key: str, seconds: float
    ) -> Awaitable[Failure | Rejected | Sent]:
        """Send one notice under a key; return what it said once it was accepted.

        Rejected where the mapping cannot work on it.

        `told` is the revision up to which they were told, 0 where that is not known.
        """


def key_of(episode: Episode) -> str:
    """Return what makes two requests the same notice: the episode at one revision."""
    return f"{episode.id}-{episode.revision}"


def first(episode: Episode) -> DeliveryOperation:
    """Return what a snapshot is told as where nothing is known of what was told before, and the key tells copies."""
    return "resolve" if episode.state == "resolved" else "reopen" if episode.transition == "reopened" else "open"


class _Lately(NamedTuple):
    """What this process told of an episode: what a `Memory` says of what cannot be asked, a fifth of its size.

    `attempted` is the newest revision that may have been heard.
    """

    revision: int
    reopened: int
    standing: Literal["", "open", "over"]
    noted: str
    told: int
    operation: DeliveryOperation
    time: datetime | None
    attempted: int

    @classmethod
    def of(cls, memory: Memory, attempted: int) -> Self:
        """Return what is kept; what people were told is the same of many episodes, and is kept once."""
        return cls(
            memory.revision,
            memory.reopened,
            memory.standing,
            sys.intern(memory.noted),
            memory.told,
            memory.operation,
            memory.time,
            attempted,
        )

    @property
    def memory(self) -> Memory:
        """Return it as the algorithm takes it."""
        return Memory(
            revision=self.revision,
            reopened=self.reopened,
            standing=self.standing,
            noted=self.noted,
            told=self.told,
            operation=self.operation,
            time=self.time,
        )


class Notices:
    """Tells one destination of episodes. Belongs to one event loop; one episode at a time is the caller's to see to.

    Without `claims` it remembers within this process alone: for a destination that knows a key when it comes again.
    """

    def __init__(
        self, name: str, told: Told, claims: Claims | None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._name = name
        self._told = told
        self._claims = claims
        self._clock = clock or (lambda: datetime.now(UTC))
        self._lately: OrderedDict[str, _Lately] = OrderedDict()

    async def deliver(self, episode: Episode, deadline: float) -> Delivered:
        """Tell of a snapshot what was not told yet. Never raises for what others do.

        `deadline` is in seconds of the event loop's clock; nothing is sent after it.
        """
        if not episode.ticket:
            return Delivered(Ignored("no ticket is wanted for it"))
        if not (is_key(episode.id) and is_key(episode.problem_key)):
            return Delivered(Rejected("delivery", "the episode's id and problem key must be keys: a-z, 0-9, -"))
        left = deadline - asyncio.get_running_loop().time() - MARGIN
        if left < _LEAST:
            return Delivered(Retry("no time left"))
        return await (
            self._by_key(episode, left) if self._claims is None else self._claimed(self._claims, episode, left)
        )

    async def _claimed(self, claims: Claims, episode: Episode, seconds: float) -> Delivered:
        until = asyncio.get_running_loop().time() + seconds
        taken = await claims.take(
            episode.id, episode.revision, seconds, lambda memory: self._settled(memory, episode), attempt=True
        )
        match taken:
            case Known(memory):
                return _duplicate(memory, episode)
            case Settled(why=why):
                return Delivered(Ignored(why))
            case Held():
                return Delivered(InProgress())
            case Taken(revision=None):
                return Delivered(_STORE_DOWN)
        return await self._under(claims, taken, episode, until)

    async def _under(self, claims: Claims, taken: Taken, episode: Episode, until: float) -> Delivered:
        """Tell under a claim that is ours, and give the claim back with what is known then."""
        memory = taken.memory
        overtaken = taken.in_doubt and episode.revision < memory.revision
        operation = _OVERTAKEN if overtaken else self._wanted(episode, memory, in_doubt=taken.in_doubt)
        if isinstance(operation, Ignored):
            await claims.release(taken)
            return Delivered(operation)
        left = until - asyncio.get_running_loop().time()
        said = await self._told.tell(operation, episode, memory.told, key_of(episode), left)
        if isinstance(said, Ambiguous):
            seen = memory.model_copy(update={"revision": max(memory.revision, episode.revision)})
            await claims.look_later(taken, seen)
        elif not isinstance(said, Mapping):
            await claims.release(taken)
        if not isinstance(said, Mapping):
            return Delivered(outcome_of(self._name, said))
        memory = self._done(memory, episode, operation)
        fenced = not await claims.complete(taken, memory)
        return Delivered(InProgress()) if fenced else Delivered(Done(), memory, said)

    async def _by_key(self, episode: Episode, seconds: float) -> Delivered:
        known = self._lately.get(episode.id)
        operation = self._next(known, episode)
        if isinstance(operation, Delivered):
            return operation
        memory = known.memory if known is not None else Memory()
        self._remember(episode.id, memory, episode.revision)
        said = await self._told.tell(operation, episode, memory.told, key_of(episode), seconds)
        if not isinstance(said, Mapping):
            if not isinstance(said, Ambiguous):
                self._restore(episode.id, known)  # nobody heard of it: an older one is still to be told
            return Delivered(outcome_of(self._name, said))
        memory = self._done(memory, episode, operation)
        self._remember(episode.id, memory, episode.revision)
        return Delivered(Done(), memory, said)

    def _next(self, known: _Lately | None, episode: Episode) -> DeliveryOperation | Delivered:
        """Return what to tell, by what this process remembers; or the answer, where there is nothing to tell."""
        if known is None:
            operation = first(episode)
            skip = self._told.skips(operation, episode, 0, noted=False)
            return operation if skip is None else Delivered(Ignored(skip.why))
        memory = known.memory
        if episode.revision <= memory.revision:
            return _duplicate(memory, episode)
        if episode.revision < known.attempted:
            return Delivered(_OVERTAKEN)
        in_doubt = known.attempted > memory.revision
        settled = None if in_doubt else self._settled(memory, episode)
        if settled is not None:
            self._remember(episode.id, settled.memory, episode.revision)
            return Delivered(Ignored(settled.why))
        found = self._wanted(episode, memory, in_doubt=in_doubt)
        return Delivered(found) if isinstance(found, Ignored) else found

    def _wanted(self, episode: Episode, memory: Memory, *, in_doubt: bool) -> DeliveryOperation | Ignored:
        operation = told_as(episode, memory, in_doubt=in_doubt)
        skip = (
            None if isinstance(operation, Ignored) else self._told.skips(operation, episode, memory.told, noted=False)
        )
        return operation if skip is None else Ignored(skip.why)

    def _settled(self, memory: Memory, episode: Episode) -> Settled | None:
        """Return what is known and why nothing is told, or None where something is."""
        operation = told_as(episode, memory)
        if isinstance(operation, Ignored):
            return Settled(dealt_with(memory, episode, None), operation.reason)
        skip = self._told.skips(operation, episode, memory.told, noted=memory.noted == note_of(episode))
        if skip is None:
            return None
        done = self._done(memory, episode, operation) if skip.told else dealt_with(memory, episode, None)
        return Settled(done, skip.why)

    def _done(self, memory: Memory, episode: Episode, operation: DeliveryOperation) -> Memory:
        return sent(dealt_with(memory, episode, None), episode, {}, operation, self._clock())

    def _restore(self, episode_id: str, known: _Lately | None) -> None:
        """Remember what was known before, as if nothing had been sent."""
        if known is None:
            self._lately.pop(episode_id, None)
        else:
            self._lately[episode_id] = known

    def _remember(self, episode_id: str, memory: Memory, attempted: int) -> None:
        self._lately[episode_id] = _Lately.of(memory, attempted)
        self._lately.move_to_end(episode_id)
        if len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)


def _duplicate(memory: Memory, episode: Episode) -> Delivered:
    return Delivered(Duplicate(), memory if memory.revision == episode.revision else None, reported=True)


def outcome_of(name: str, failure: Failure | Rejected) -> Retry | Rejected:
    """Return how a delivery ended whose notice was not taken."""
    match failure:
        case Rejected():
            return failure
        case Temporary(reason, after):
            return Retry(reason, after)
        case Ambiguous(reason) | Gone(reason):
            return Retry(reason)
        case Refused(reason):
            return Rejected(name, reason)
