"""Looks up what a record's problems hang on before a tick decides about tickets: causes, groups, room, members."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter

from functions.correlator.limits import Limits
from functions.correlator.namespaces import Namespaces
from shared.episodes import bonds, keeper, machine
from shared.episodes.bonds import Rules
from shared.episodes.desk import Found, Under
from shared.episodes.machine import Surroundings
from shared.episodes.members import Member, others_of
from shared.episodes.namespaces import NAMESPACE, NODE
from shared.episodes.policy import Quiet, quiet_by_annotation
from shared.episodes.record import Others, Record, Track
from shared.stores.protocol import Store


class Lookout:
    """Looks into other objects' records for one; it writes nothing but places under the limit."""

    def __init__(self, store: Store, rules: Rules, namespaces: Namespaces) -> None:
        self._store = store
        self._namespaces = namespaces
        self._rules = rules
        self._limits = Limits(store)

    async def around(self, thing: str, record: Record, now: float) -> Surroundings:
        """Return what others say of the record's problems at `now`. Raises StoreUnavailableError."""
        read: dict[str, list[Member]] = {}
        weighed = machine.tick(record, now, self._rules).record
        found: dict[str, Found] = {}
        others: dict[str, Others] = {}
        for key, track in weighed.tracks.items():
            if track.sent is not None and track.desk.deserved is not None:
                found[key] = Found(await self._parent(thing, track, now, read), await self._quiet(track, now))
            if bonds.is_open(track):
                others[key] = await self._others(thing, track, read)
        around = Surroundings(found, others)
        return await self._within_limits(weighed, record, now, around)

    async def _parent(self, thing: str, track: Track, now: float, read: dict[str, list[Member]]) -> Under | None:
        """Return what takes the problem in now: its cause, else its group."""
        for inhibition, bond in bonds.parents_of(track, self._rules):
            for cause in await self._members(bonds.CAUSES, bond, read):
                if thing in {cause.thing, cause.under} or not inhibition.cause.takes(cause.subject):
                    continue
                key = f"{bonds.CAUSES}.{bond}"
                if not await keeper.lasts(self._store, cause.thing, key, self._rules, now):
                    continue  # its record was not kept, or not yet: then it wakes this one
                return Under("consequence", cause.thing, cause.id, str(cause.shown["summary"]), cause.path, now)
        group = bonds.group_of(track, bonds.policy_of(track, self._rules))
        if group:
            return Under("group", group, since=now)
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

    async def _others(self, thing: str, track: Track, read: dict[str, list[Member]]) -> Others:
        """Return who is in trouble because of the problem, or makes it up."""
        if bonds.is_group(thing):
            held = [
                one for one in await self._members(bonds.MEMBERS, thing, read) if one.under == thing and not one.over
            ]
            return others_of(held, thing)
        found: dict[str, Member] = {}
        for inhibition, bond in bonds.causes_of(track, self._rules):
            for one in await self._members(bonds.MEMBERS, bond, read):
                if inhibition.affected.takes(one.subject):
                    found[one.key] = one
        return others_of(found.values(), thing)

    async def _within_limits(self, weighed: Record, record: Record, now: float, around: Surroundings) -> Surroundings:
        """Put what would get a ticket beyond its limit under the summary of all of those."""
        would = machine.tick(record, now, self._rules, around).record
        found: dict[str, Found] = dict(around.found)
        for key, track in _new_tickets(weighed.tracks, would.tracks.values()):
            policy = bonds.policy_of(track, self._rules)
            if policy.limit is None:
                continue
            storm = bonds.storm_of(track, policy)
            if track.sent is not None and not await self._limits.take(storm, track.sent.id, policy.limit, now):
                found[key] = replace(found[key], under=Under("limit", storm, since=now))
        return replace(around, found=found)

    async def _members(self, prefix: str, bond: str, read: dict[str, list[Member]]) -> list[Member]:
        known = read.get(prefix + bond)
        if known is None:
            known = read[prefix + bond] = await keeper.bound_by(self._store, prefix, bond)
        return known


def _new_tickets(before: Mapping[str, Track], after: Iterable[Track]) -> list[tuple[str, Track]]:
    return [(track.key, track) for track in after if track.desk.ticket and not before[track.key].desk.ticket]
