"""Look into a store's episodes and close one by hand: what `tidings episodes` and /api/v1/episodes show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.episodes import bonds, keeper, machine
from shared.episodes.bonds import Rules
from shared.episodes.policy import Policies
from shared.episodes.record import RecordError
from shared.episodes.relations import key_of_group
from shared.episodes.stored import decode
from shared.events.episode import Cause, Episode, EpisodeState
from shared.stores.contention import TRIES, pause
from shared.stores.protocol import Store

_PAGE = 500
_MAX_RECORDS = 20_000  # looked at by one call; the cursor goes on from there
_LOOKING: Rules = Policies()  # that wait and look up: whoever looks decides about no ticket


@dataclass(frozen=True, slots=True)
class Filter:
    """Which episodes are wanted; empty members mean any."""

    state: EpisodeState | None = None
    cluster: str = ""
    namespace: str = ""
    problem_key: str = ""
    ticket: bool | None = None
    id: str = ""

    def takes(self, episode: Episode) -> bool:
        """Return True where the episode is wanted."""
        return (
            self.state in {None, episode.state}
            and self.cluster in {"", episode.cluster}
            and self.namespace in {"", episode.object.namespace}
            and self.problem_key in {"", episode.problem_key}
            and self.ticket in {None, episode.ticket}
            and self.id in {"", episode.id}
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Episodes in no order but the store's; `cursor` goes on after them, empty at the end.

    `had` is, by the id of one that is over, the group or summary that had it in: no event of it says so any more.
    """

    episodes: tuple[Episode, ...]
    cursor: str = ""
    unreadable: int = 0
    had: Mapping[str, Cause] = field(default_factory=dict)


async def listing(store: Store, wanted: Filter | None = None, *, cursor: str = "", limit: int = 100) -> Page:
    """Return episodes, those of one object together; `limit` may be passed by the rest of the last object's.

    Raises StoreUnavailableError.
    """
    wanted = wanted or Filter()
    found: list[Episode] = []
    had: dict[str, Cause] = {}
    unreadable = looked = 0
    async for entry in store.scan(keeper.THINGS, after=cursor, limit=_MAX_RECORDS):
        looked += 1
        cursor = entry.key
        try:
            record = decode(entry.value)
        except RecordError:
            unreadable += 1
            continue
        for episode, group in machine.episodes_of(record, _LOOKING):
            if wanted.takes(episode):
                found.append(episode)
                had |= {episode.id: _taken(group)} if group else {}
        if len(found) >= limit:
            return Page(tuple(found), cursor, unreadable, had)
    return Page(tuple(found), cursor if looked == _MAX_RECORDS else "", unreadable, had)


def _taken(group: str) -> Cause:
    return Cause(kind="limit" if group.startswith(bonds.STORM) else "group", problem_key=key_of_group(group))


async def find(store: Store, episode_id: str) -> Episode | None:
    """Return one episode by its id; looks through the whole store. Raises StoreUnavailableError."""
    place = await _place(store, episode_id)
    return None if place is None else place[1]


async def close_by_hand(store: Store, episode_id: str, now: float) -> Episode | None:
    """End an open episode at `now` (seconds), a group's with all that it stands for; None where there is none.

    Only the end is kept, and is due: the correlator's next tick weighs it by its own policies and tells of it. The
    returned episode is what it will tell, but for its revision. One that is over already is returned as it is.
    Raises StoreUnavailableError, RecordError, and TimeoutError where others change a record all the time.
    """
    place = await _place(store, episode_id)
    if place is None:
        return None
    thing, episode = place
    await _end(store, thing, episode.problem_key, episode_id, now)
    record = (await keeper.load(store, thing)).record
    return next((found for found, _ in machine.episodes_of(record, _LOOKING) if found.id == episode_id), None)


async def _end(store: Store, thing: str, key: str, episode_id: str, now: float) -> None:
    """Put the end into a record whose episode lasts.

    What a group stands for ends before it: members that go on would keep it closed, for they are no news to it. Each
    comes back when it is seen again, and brings its group back.
    """
    if bonds.is_group(thing):
        for one in await keeper.bound_by(store, bonds.MEMBERS, thing, _MAX_RECORDS):
            if one.under == thing and not one.over:
                await _end(store, one.thing, one.key, one.id, now)
    for attempt in range(TRIES):
        held = await keeper.load(store, thing)
        track = held.record.tracks.get(key)
        if track is None or track.sent is None or track.sent.id != episode_id or not track.lasts:
            return
        step = machine.close(held.record, key, now, _LOOKING)
        if await keeper.save(store, held, step, keeper.Saving(_LOOKING)):
            return
        await pause(attempt)
    raise TimeoutError("others change this object's record all the time")


async def _place(store: Store, episode_id: str) -> tuple[str, Episode] | None:
    """Return the record's name and the episode: by the store's word, since pods may share their workload's record."""
    last, looked = "", _PAGE
    while looked == _PAGE:
        looked = 0
        async for entry in store.scan(keeper.THINGS, after=last, limit=_PAGE):
            last, looked = entry.key, looked + 1
            try:
                record = decode(entry.value)
            except RecordError:
                continue
            for episode, _ in machine.episodes_of(record, _LOOKING):
                if episode.id == episode_id:
                    return last.removeprefix(keeper.THINGS), episode
    return None
