"""A replay's run: each event ended by what became of it, paced, and ended early where the destination is down."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, datetime

from shared.bus.protocol import Record
from shared.events.cloudevent import CloudEvent
from shared.events.codec import NotAnEvent
from shared.events.outcome import Done, Outcome, Rejected, Retry
from shared.runtime.replay import Item, Replay, Tally


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

            async def end(number: int = number) -> None:
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


def test_the_rate_is_kept() -> None:
    begun = time.monotonic()
    tally, _, _ = replayed([Done] * 20, rate=100)
    assert tally.outcomes == {"done": 20}
    assert 0.18 < time.monotonic() - begun < 5
