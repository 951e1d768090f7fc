"""Storms with the shipped policy's defaults in force: F25 and F26, clause by clause."""

import asyncio
import sys
from types import FrameType
from typing import Any

from shared.episodes import groups
from shared.episodes.members import Member
from shared.episodes.policy import Policies, Policy, shipped
from shared.episodes.record import Record
from shared.events.model import ObjectRef
from shared.stores.memory import MemoryStore
from tests.support.correlator import problem
from tests.support.life import Life, fine, pod, trouble


def test_f25_a_series_from_1_to_50_updates_one_ticket() -> None:
    """F25: Event series count 1→50 | updates one ticket, no 50 tickets."""

    async def work() -> None:
        life = Life(Policies(Policy()))
        for count in range(1, 51):
            await life.at(20 * count, trouble(20 * count, pod(1), "crash-loop", count=count))
        await life.until(5000)
        (ticket,) = life.tickets.values()
        assert (ticket.episode.count, ticket.closings, ticket.closed) == (50, 0, None)
        assert 1 < ticket.episode.revision < 12
        await life.at(5001, fine(5001, pod(1)))
        assert not life.open()
        assert len(life.tickets) == 1

    asyncio.run(work())


def test_f26_a_storm_of_one_deployment_is_grouped_by_its_fingerprint_into_one_ticket() -> None:
    """F26: event storm 10 000/min, one deployment | grouping by fingerprint; ticket cap + one summary; SIEM gets all.

    Here 1,000 Events of 50 pods with one condition; they are one group's.
    """

    async def work() -> None:
        life = Life(Policies(Policy(group_by=("namespace", "condition"))))
        for number in range(1000):
            at = number * 0.06
            await life.at(at, trouble(at, pod(number % 50), "crash-loop", count=number // 50 + 1))
        await life.until(8000)  # a count alone is told ever more rarely
        (ticket,) = life.tickets.values()
        assert (ticket.episode.affected_count, ticket.episode.count) == (50, 1000)

    asyncio.run(work())


def test_f26_beyond_the_cap_one_summary_stands_for_the_rest() -> None:
    """F26: event storm 10 000/min, one deployment | grouping by fingerprint; ticket cap + one summary; SIEM gets all.

    Here pods that nothing groups, each told of 20 times: 20 tickets and the summary.
    """

    async def work() -> None:
        life = Life(Policies(Policy()))
        for number in range(1000):
            at = number * 0.06
            await life.at(at, trouble(at, pod(number % 50), "crash-loop", count=number // 50 + 1))
        await life.until(200)
        assert sorted(one.episode.condition == "too-many-problems" for one in life.tickets.values()) == [False] * 20 + [
            True
        ]
        (summary,) = [one for one in life.open() if one.episode.condition == "too-many-problems"]
        assert summary.episode.affected_count == 30

    asyncio.run(work())


class Counting(MemoryStore):
    """A store that counts the writes to the index of due work."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def put(self, key: str, value: bytes, *, expected: int, ttl: float | None = None) -> int | None:
        self.looks += key.startswith("due.")
        return await super().put(key, value, expected=expected, ttl=ttl)


def test_pods_that_may_be_cause_and_consequence_of_one_workload_do_not_wake_each_other() -> None:
    """Each pod crashes (which may be why a roll-out is stuck) and is not alive (which a stuck roll-out may explain)."""

    async def looks(pods: int) -> int:
        store = Counting()
        life = Life(shipped(), store)
        for number in range(pods):
            letters = "bcdfghjklm"[number // 10] + "bcdfghjklm"[number % 10]
            one = ObjectRef(kind="Pod", namespace="shop", name=f"web-5d8f7c9b6d-{letters}bbb")
            await life.see(trouble(0, one, "crash-loop"), trouble(0, one, "liveness-probe"))
        await life.until(60)
        return store.looks

    assert asyncio.run(looks(40)) < 2.5 * asyncio.run(looks(20))


def test_causes_that_begin_together_wake_what_they_may_take_in_together() -> None:
    """Thirty claims and thirty pods of a namespace whose storage is broken: each claim may be any pod's cause."""

    async def work() -> None:
        store = Counting()
        life = Life(shipped(), store)
        for number in range(30):
            claim = ObjectRef(kind="PersistentVolumeClaim", namespace="shop", name=f"data-{number}")
            await life.see(
                trouble(0, claim, "claim-provisioning"), trouble(0, pod(number), "pod-schedulable-by-volume")
            )
        await life.until(120)
        assert {one.episode.object.kind for one in life.tickets.values()} <= {
            "PersistentVolumeClaim",
            "Cluster",
            "Namespace",
        }
        assert store.looks < 30 * 30

    asyncio.run(work())


def test_what_a_group_sees_of_its_members_costs_so_much_for_each_however_many_they_are() -> None:
    shown = problem().verdict.model_dump() | problem().observation.model_dump()

    def calls(number: int) -> int:
        members = [
            Member(f"t{n}", 0.0, f"k{n}", f"i{n}", 0.0, "group-a", shown, {}, {}, 1, 0.0, "") for n in range(number)
        ]
        made = 0

        def count(_frame: FrameType, event: str, _what: Any) -> None:
            nonlocal made
            made += event == "call"

        sys.setprofile(count)
        try:
            groups.observed("group-a", members, Record(), 1.0, Policies(Policy()))
        finally:
            sys.setprofile(None)
        return made

    assert calls(200) < 2.5 * calls(100)
