"""What waits for a broker that refuses for long: little of it, nothing lost, and nobody else held up."""

import pytest

from shared.episodes import keeper
from shared.episodes.record import MAX_OUTBOX, MAX_TRACKS
from shared.episodes.stored import decode
from shared.events.episode import Episode
from shared.events.identity import problem_key
from shared.events.model import Classified
from shared.events.outcome import Done, Retry
from shared.stores.protocol import ABSENT
from tests.support.correlator import POD, START, Rig, play, problem, recovery

CONDITIONS = tuple(f"condition-{number}" for number in range(10))


def in_part(number: int) -> Classified:
    """Return a problem of a part of its own."""
    part = f"part-{number}"
    return problem(number, part=part, source_uid=part, identity=part, problem_key=problem_key("c", POD, "image", part))


async def stored(rig: Rig) -> list[bytes]:
    return [entry.value async for entry in rig.store.scan("thing.")]


def published(rig: Rig) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for event in rig.sink.events:
        episode = Episode.model_validate(event.data)
        found.setdefault(episode.id, []).append(episode)
    return found


def test_two_thousand_observations_while_the_broker_refuses_keep_the_record_small() -> None:
    async def work(rig: Rig) -> None:
        rig.sink.broken = True
        for condition in CONDITIONS:
            await rig.send(problem(0, condition, expires=3000))
        await rig.tick(2)
        await rig.send(recovery(1, *CONDITIONS))  # several at once: from here on they wait
        largest = 0
        for number in range(2000):
            seconds = 2 + number
            result = await rig.send(problem(seconds, CONDITIONS[number % 10], number + 2))
            assert isinstance(result.outcome, Retry)
            if number % 100 == 0:
                assert isinstance((await rig.tick(seconds)).outcome, Retry)
                (record,) = await stored(rig)
                largest = max(largest, len(record))
                assert len(decode(record).outbox) <= MAX_OUTBOX
        assert largest < 256 * 1024
        rig.sink.broken = False
        assert (await rig.tick(3000)).outcome == Done()
        told = published(rig)
        kept = {track.sent.id: track.sent for track in decode((await stored(rig))[0]).tracks.values() if track.sent}
        assert len(kept) == len(CONDITIONS)
        for name, sent in kept.items():
            last = max(told[name], key=lambda one: one.revision)
            assert (last.revision, last.state, last.count) == (sent.revision, sent.state, sent.count)
        assert decode((await stored(rig))[0]).outbox == ()

    play(work)


def test_an_episode_that_began_and_ended_meanwhile_is_told_open_first() -> None:
    async def work(rig: Rig) -> None:
        rig.sink.broken = True
        await rig.send(recovery(5, *CONDITIONS))
        for condition in CONDITIONS:
            for count in range(1, 10):  # over already
                await rig.send(problem(0, condition, count))
        rig.sink.broken = False
        for seconds in (100, 200):
            await rig.tick(seconds)
        for told in published(rig).values():
            assert "open" in {one.state for one in told}
            assert max(told, key=lambda one: one.revision).state == "resolved"

    play(work)


def test_a_record_that_is_full_asks_to_come_again_and_drains_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MAX_VALUE", 256 * 1024)

    async def work(rig: Rig) -> None:
        rig.sink.broken = True
        results = [(await rig.send(in_part(number))).outcome for number in range(300)]
        refused = [number for number, outcome in enumerate(results) if outcome != Done()]
        assert results[-1] == Retry("the record of this object is full")
        assert refused[0] >= MAX_TRACKS
        assert max(len(record) for record in await stored(rig)) <= 256 * 1024
        assert isinstance((await rig.tick(300)).outcome, Retry)
        rig.sink.broken = False
        for number in refused:
            for _ in range(3):
                await rig.tick(300 + number)
                if not isinstance((await rig.send(in_part(number))).outcome, Retry):
                    break
            else:
                pytest.fail(f"observation {number} was never taken in")
        for seconds in (700, 800):
            assert (await rig.tick(seconds)).outcome == Done()
        assert decode((await stored(rig))[0]).outbox == ()

    play(work)


def test_a_record_that_is_too_large_by_itself_is_set_aside_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(rig: Rig) -> None:
        await rig.send(problem(0, expires=60))
        monkeypatch.setattr(keeper, "MAX_VALUE", 10)
        second = int(START.timestamp())
        await rig.store.put(f"due.{second + 90:012d}.gone", b"1", expected=ABSENT)
        assert (await rig.tick(100)).outcome == Done()
        (left,) = await rig.due()
        assert left.startswith(f"due.{second + 700:012d}.")
        assert rig.metrics.value("tidings_records_set_aside_total") == 1
        monkeypatch.undo()
        assert (await rig.tick(700)).outcome == Done()
        assert [event.type for event in rig.sink.events] == ["dev.tidings.problem.resolved.v1"]

    play(work)
