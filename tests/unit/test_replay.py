"""A replay's run: each event ended by what became of it, paced, and ended early where the destination is down."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.bus.protocol import BusUnavailableError, Record, Topic
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.runtime.replay import BYTES, Item, Replay, Tally
from shared.runtime.replay_source import of_group
from tests.support.buses.breaking import BreakingBus
from tests.support.buses.use import event, publish, run


def replayed(
    outcomes: Sequence[Callable[[], Outcome] | NotAnEvent], *, rate: float = 0.0, at_once: int = 4
) -> tuple[Tally, list[int], list[int]]:
    """Return the tally, what ended, and what was left to the next run."""
    done: list[int] = []
    back: list[int] = []
    stop = asyncio.Event()

    async def hand(event: CloudEvent) -> Outcome:
        await asyncio.sleep(0)
        end = outcomes[int(event.id)]
        assert not isinstance(end, NotAnEvent)
        return end()

    async def items() -> AsyncGenerator[Item, None]:
        for number, one in enumerate(outcomes):
            if stop.is_set():
                return
            event = one if isinstance(one, NotAnEvent) else CloudEvent(str(number), "s", "t")

            async def end(_outcome: Outcome | None, number: int = number) -> None:
                done.append(number)

            async def leave(number: int = number) -> None:
                back.append(number)

            yield Item(Record("t", 0, number, datetime(2026, 3, 1, tzinfo=UTC), event, b""), end, leave)

    async def run() -> Tally:
        replay = Replay(hand, passes=lambda _: True, at_once=at_once, stop=stop, rate=rate, pauses=(0.01, 0.01))
        await replay.run(items())
        return replay.tally

    return asyncio.run(run()), sorted(done), back


def after(tries: int, then: Outcome) -> Callable[[], Outcome]:
    left = iter([Retry("down")] * tries)
    return lambda: next(left, then)


def test_each_is_ended_by_what_became_of_it() -> None:
    refused = Rejected("mapping", "no name")
    tally, done, back = replayed([Done, lambda: refused, after(2, Done()), NotAnEvent(400, "no JSON")])
    assert tally.outcomes == {"done": 2, "rejected": 2}
    assert {(one.offset, one.event, one.stage, one.reason) for one in tally.refusals} == {
        (1, "1", "mapping", "no name"),
        (3, "", "decode", "no JSON"),
    }
    assert (done, back, tally.good, tally.why) == ([0, 1, 2, 3], [], False, "")


def test_a_destination_that_stays_down_ends_the_run_with_what_it_was_not_given_left() -> None:
    tally, done, back = replayed([Done, after(3, Done()), *[Done] * 200], at_once=1)
    assert (done, back) == ([0, 2], [1]), "one more was on its way, and no others"
    assert (tally.good, tally.why) == (False, "down")


def test_refused_credentials_end_the_run_at_once_and_say_what_to_do() -> None:
    tries: list[int] = []

    def refuse() -> Outcome:
        tries.append(1)
        return Retry("the token is refused", refused=True)

    tally, _, back = replayed([refuse, *[Done] * 20], at_once=1)
    assert (len(tries), back[0]) == (1, 0)
    assert tally.why == "the token is refused: mend the credentials (tidings doctor says which)"


def test_the_rate_is_kept() -> None:
    begun = time.monotonic()
    tally, _, _ = replayed([Done] * 20, rate=100)
    assert tally.outcomes == {"done": 20}
    assert 0.18 < time.monotonic() - begun < 5


def test_a_bus_that_breaks_lets_what_is_in_flight_end_and_the_next_run_begins_behind_it(tmp_path: Path) -> None:
    handed: list[str] = []

    async def hand(event: CloudEvent) -> Outcome:
        await asyncio.sleep(0.2)
        handed.append(event.id)
        return Done()

    async def work() -> None:
        bus = BreakingBus(tmp_path / "bus.db", [BusUnavailableError("the bus is away")], after=3)
        await bus.ensure(Topic("topic"))
        await publish(bus, "topic", [event(number) for number in range(5)])
        for left in (2, 0):
            stop = asyncio.Event()
            replay = Replay(hand, passes=lambda _: True, at_once=4, stop=stop)
            items = of_group(bus, "topic", "group", at_once=4, stop=stop, expect=lambda _: None)
            if left:
                with pytest.raises(BusUnavailableError, match="the bus is away"):
                    await replay.run(items)
            else:
                await replay.run(items)
            assert await bus.behind("topic", "group") == left
        await bus.close()

    run(work())
    assert handed == ["e0", "e1", "e2", "e3", "e4"], "each once"


def test_a_span_that_breaks_lets_what_is_in_flight_end_before_it_is_raised() -> None:
    ended: list[int] = []

    async def hand(event: CloudEvent) -> Outcome:  # noqa: ARG001 - as a destination is handed it
        await asyncio.sleep(0.1)
        return Done()

    async def items() -> AsyncGenerator[Item, None]:
        for number in range(2):

            async def back(number: int = number) -> None:
                ended.append(number)

            async def end(_outcome: Outcome | None, number: int = number) -> None:
                await back(number)

            yield Item(Record("t", 0, number, datetime(2026, 3, 1, tzinfo=UTC), event(number), b""), end, back)
        raise BusUnavailableError("the bus is away")

    async def work() -> None:
        stop = asyncio.Event()
        replay = Replay(hand, passes=lambda _: True, at_once=4, stop=stop)
        with pytest.raises(BusUnavailableError, match="the bus is away"):
            await replay.run(items())
        assert (replay.tally.outcomes, stop.is_set()) == ({"done": 2}, True)

    run(work())
    assert ended == [0, 1]


@pytest.mark.parametrize(("size", "expected"), [(0, 100), (BYTES // 10, 10), (BYTES // 10 + 1, 9), (BYTES + 1, 1)])
def test_large_events_are_on_their_way_in_smaller_numbers(size: int, expected: int) -> None:
    """A slow destination would else have hundreds of them wait in memory, more than a Pod has."""
    now = most = 0
    body = bytes(size)

    async def hand(_event: CloudEvent) -> Outcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return Done()

    async def end(_outcome: Outcome | None = None) -> None: ...

    async def items() -> AsyncGenerator[Item, None]:
        for number in range(150):
            record = Record("t", 0, number, datetime(2026, 3, 1, tzinfo=UTC), CloudEvent(str(number), "s", "t"), body)
            yield Item(record, end, end)

    async def run() -> Tally:
        replay = Replay(hand, passes=lambda _: True, at_once=100, stop=asyncio.Event())
        await replay.run(items())
        return replay.tally

    assert asyncio.run(run()).outcomes == {"done": 150}
    assert most == expected
