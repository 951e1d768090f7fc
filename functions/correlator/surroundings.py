"""Looks up what a record's problems hang on before a tick decides about tickets: causes, groups, room, members."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter

from functions.correlator.changes import Changes
from functions.correlator.limits import Limits
from functions.correlator.namespaces import Namespaces
from shared.episodes import bonds, keeper, machine
from shared.episodes.bonds import Rules
from shared.episodes.desk import Found, Under
from shared.episodes.machine import Surroundings
from shared.episodes.members import Member, others_of, since_of
from shared.episodes.namespaces import NAMESPACE, NODE
from shared.episodes.policy import Quiet, quiet_by_annotation
from shared.episodes.record import Others, Record, Track
from shared.episodes.track import core_of
from shared.events.episode import Suspect
from shared.stores.protocol import Store

_Read = Mapping[tuple[str, str], list[Member]]
"""What records say, by the prefix of the store's keys and the bond."""


class Lookout:
    """Looks into other objects' records for one; it writes nothing but places under the limit."""

    def __init__(self, store: Store, rules: Rules, namespaces: Namespaces, changes: Changes) -> None:
        self._store = store
        self._namespaces = namespaces
        self._changes = changes
        self._rules = rules
        self._limits = Limits(store)

    async def around(self, thing: str, record: Record, now: float) -> Surroundings:
        """Return what others say of the record's problems at `now`. Raises StoreUnavailableError."""
        weighed = machine.tick(record, now, self._rules).record
        looked = [one for one in weighed.tracks.values() if one.sent is not None and one.desk.deserved is not None]
        lasting = [one for one in weighed.tracks.values() if bonds.is_open(one)]
        read = await self._read(looked, lasting)
        found = await keeper.all_of(self._found(thing, track, now, read) for track in looked)
        around = Surroundings(
            {track.key: one for track, one in zip(looked, found, strict=True)},
            # A group has seen its members by itself.
            {} if bonds.is_group(thing) else {track.key: self._others(thing, track, read) for track in lasting},
        )
        return await self._within_limits(weighed, record, now, around)

    async def _read(self, looked: Iterable[Track], lasting: Iterable[Track]) -> _Read:
        """Read all that is said under what may take problems in, and what they may take in, at the same time."""
        starts = {(bonds.CAUSES, bond.key) for track in looked for bond in bonds.parents_of(track, self._rules)}
        starts |= {(bonds.MEMBERS, bond.key) for track in lasting for bond in bonds.causes_of(track, self._rules)}
        wanted = sorted(starts)
        members = await keeper.all_of(keeper.bound_by(self._store, *start) for start in wanted)
        return dict(zip(wanted, members, strict=True))

    async def _found(self, thing: str, track: Track, now: float, read: _Read) -> Found:
        parent = await self._parent(thing, track, now, read)
        return Found(parent, await self._quiet(track, now), await self._suspects(track, now))

    async def _parent(self, thing: str, track: Track, now: float, read: _Read) -> Under | None:
        """Return what takes the problem in now: its cause, else its group."""
        waits = now - (track.desk.deserved or now)
        for inhibition, bond in bonds.parents_of(track, self._rules):
            if inhibition.at_most and waits >= inhibition.at_most:
                continue
            for cause in read[bonds.CAUSES, bond]:
                if cause.key == track.key or cause.under == thing or not inhibition.cause.takes(cause.subject):
                    continue
                key = f"{bonds.CAUSES}.{bond}"
                if not await keeper.lasts(self._store, cause.thing, key, self._rules, now):
                    continue  # its record was not kept, or not yet: then it wakes this one
                said = str(cause.shown["summary"])
                return Under("consequence", cause.thing, cause.id, said, cause.path, now, inhibition.name)
        policy = bonds.policy_of(track, self._rules)
        group = bonds.group_of(track, policy)
        if group:
            return Under("group", group, since=now, by=policy.name)
        under = track.desk.under
        return under if under is not None and under.kind == "limit" else None

    async def _quiet(self, track: Track, now: float) -> Quiet | None:
        """Return what the object's namespace and node ask for now: they may have changed since it was seen."""
        if track.desk.looked:
            return None
        shown = track.head.shown
        node = shown["object"]["name"] if shown["object"]["kind"] == NODE else track.relations.get("node", "")
        places = ((NAMESPACE, shown["object"]["namespace"]), (NODE, node))
        said = [await self._namespaces.of(shown["cluster"], kind, name) for kind, name in places]
        quiets = [quiet for labels in said if (quiet := quiet_by_annotation(labels, now)) is not None]
        return max(quiets, key=attrgetter("until"), default=None)

    async def _suspects(self, track: Track, now: float) -> tuple[Suspect, ...]:
        if track.desk.ticket:
            return ()
        policy = bonds.policy_of(track, self._rules)
        return await self._changes.suspects(track, since_of(core_of(track, policy, now)), policy.suspect_within)

    def _others(self, thing: str, track: Track, read: _Read) -> Others:
        """Return who is in trouble because of the problem."""
        found: dict[str, Member] = {}
        for inhibition, bond in bonds.causes_of(track, self._rules):
            for one in read[bonds.MEMBERS, bond]:
                if inhibition.affected.takes(one.subject):
                    found[one.key] = one
        return others_of(found.values(), thing)

    async def _within_limits(self, weighed: Record, record: Record, now: float, around: Surroundings) -> Surroundings:
        """Put what would get a ticket beyond its limit under the summary of all of those."""
        if all(weighed.tracks[key].desk.ticket for key in around.found):
            return around  # only what was looked up can get one now
        would = machine.tick(record, now, self._rules, around).record
        found: dict[str, Found] = dict(around.found)
        for key, track in _new_tickets(weighed.tracks, would.tracks.values()):
            policy = bonds.policy_of(track, self._rules)
            if policy.limit is None:
                continue
            storm = bonds.storm_of(track, policy)
            if track.sent is not None and not await self._limits.take(storm, track.sent.id, policy.limit, now):
                found[key] = replace(found[key], under=Under("limit", storm, since=now, by=policy.name))
        return replace(around, found=found)


def _new_tickets(before: Mapping[str, Track], after: Iterable[Track]) -> list[tuple[str, Track]]:
    return [(track.key, track) for track in after if track.desk.ticket and not before[track.key].desk.ticket]
