"""Episodes of the correlator are listed, found and closed by hand."""

from shared.episodes import browse
from shared.events.episode import Episode
from shared.events.identity import problem_key
from shared.events.model import ObjectRef
from tests.support.correlator import START, Rig, play, problem, told


def test_closing_by_hand_ends_at_once_and_the_next_tick_tells() -> None:
    async def work(rig: Rig) -> None:
        episode = told(await rig.send(problem(0, hold=600)))
        assert await browse.find(rig.store, episode.id) == episode
        closed = await browse.close_by_hand(rig.store, episode.id, START.timestamp() + 5)
        assert closed is not None
        assert (closed.state, closed.ended_by, closed.revision) == ("resolved", "closed by hand", 2)
        again = await browse.close_by_hand(rig.store, episode.id, START.timestamp() + 6)
        assert again is not None
        assert again.revision == 2
        await rig.tick(10)
        assert [event.data["ended_by"] for event in rig.sink.events] == ["closed by hand"]
        assert await browse.close_by_hand(rig.store, "nothing-1", 0) is None

    play(work)


def test_a_listing_filters_and_goes_on_at_its_cursor() -> None:
    async def work(rig: Rig) -> None:
        for number in range(7):
            thing = ObjectRef(kind="Pod", namespace="shop", name=f"web-{number}")
            key = problem_key("c", thing, "crash-loop")
            await rig.send(problem(number, object=thing, problem_key=key, identity=f"i{number}"))
        found: list[Episode] = []
        cursor = ""
        for _ in range(4):
            page = await browse.listing(rig.store, cursor=cursor, limit=2)
            found += page.episodes
            cursor = page.cursor
        assert cursor == ""
        assert len({episode.id for episode in found}) == 7
        assert (await browse.listing(rig.store, browse.Filter(namespace="other"))).episodes == ()

    play(work)
