"""The store is down or wiped: the ticket system is asked instead, and no second ticket is made."""

from datetime import timedelta

from shared.events.outcome import Done, Duplicate
from shared.stores.memory import MemoryStore
from shared.stores.protocol import StoreUnavailableError
from tests.support.incidents import instance
from tests.support.tickets import START, Rig, episode, resolved, run


class DownStore(MemoryStore):
    """A store that cannot be asked."""

    async def get(self, key: str) -> None:
        raise StoreUnavailableError(key)


def test_f32_with_the_store_down_the_destination_is_asked_each_time_and_nothing_is_dropped() -> None:
    """F32: KV restart / partition / quorum lost: deliveries degrade to asking the destination."""

    async def main() -> None:
        rig = Rig(store=DownStore())
        outcomes = [type((await rig.deliver(one)).outcome) for one in (episode(), episode(), resolved(), resolved())]
        assert outcomes == [Done, Duplicate, Done, Duplicate]
        assert [one.standing for one in rig.desk.records.values()] == ["resolved"]
        assert rig.metrics.total("tidings_degraded_total") == 4

    run(main())


def test_f33_with_the_store_wiped_the_ticket_is_found_by_its_key() -> None:
    """F33: KV bucket wiped: find(key) prevents duplicates; stated cost: one extra GET."""

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        rig.store = MemoryStore(rig.clock)
        rig.desk.asked.clear()
        assert isinstance((await rig.deliver(episode())).outcome, Duplicate)
        assert rig.desk.asked == ["find"]
        rig.store = MemoryStore(rig.clock)
        assert isinstance((await rig.deliver(resolved())).outcome, Done)
        assert [one.standing for one in rig.desk.records.values()] == ["resolved"]

    run(main())


def test_f54_a_new_episode_gets_a_new_ticket_though_the_store_forgot_the_old_closed_one() -> None:
    """F54: store wiped while last month's ticket of the same problem is closed.

    a new episode gets a new ticket; the old one is not touched.
    """

    async def main() -> None:
        rig = Rig()
        await rig.deliver(episode())
        await rig.deliver(resolved())
        rig.desk.by_hand("r001", standing="closed")
        before = rig.desk.records["r001"]
        rig.store = MemoryStore(rig.clock)
        assert isinstance((await rig.deliver(episode(start=START + timedelta(days=30)))).outcome, Done)
        assert rig.desk.records["r001"] == before
        assert [one.number for one in rig.desk.active()] == ["T2"]

    run(main())


def test_f54_last_months_closed_incident_is_not_touched_though_the_store_was_wiped() -> None:
    """F54: store wiped while last month's ticket of the same problem is closed.

    a new episode gets a new ticket; the old one is not touched.

    Through the function, with the instance's own closed state and history.
    """
    with instance() as sn:
        sn.play(lambda deliver: deliver(episode()))
        sn.play(lambda deliver: deliver(resolved()))
        (old,) = sn.incidents()
        sn.app.change("incident", old["sys_id"], {"state": "7"})
        (closed,), notes = sn.incidents(), sn.notes(old)
        sn.store = MemoryStore(sn.clock)
        again = episode(start=START + timedelta(days=30))
        assert isinstance(sn.play(lambda deliver: deliver(again)).outcome, Done)
        (new,) = sn.active()
        rows = {row["sys_id"]: row for row in sn.incidents()}
        assert rows == {old["sys_id"]: closed, new["sys_id"]: new}
        assert sn.notes(old) == notes
        assert (closed["state"], new["state"], new["correlation_id"]) == ("7", "1", again.id)
