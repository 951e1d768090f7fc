"""Batching: what waits together leaves together, each is answered by its own, and nothing waits without need."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.delivery.batching import Batcher
from shared.events.outcome import Done, Outcome, Rejected, Retry
from tests.support.tickets import run


class Sink:
    """Remembers batches; `gate` holds calls back until it is set."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = self.most_at_once = 0

    async def send(self, items: Sequence[Any]) -> Sequence[Outcome]:
        self.batches.append(list(items))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        return [Rejected("test", "poison") if item == "poison" else Done() for item in items]


def batcher(send: Callable[[Sequence[Any]], Awaitable[Sequence[Outcome]]], **changes: int) -> Batcher[Any]:
    limits = {"max_items": 10, "max_bytes": 1000, "max_waiting": 100, "concurrency": 1, **changes}
    return Batcher(send, **limits)


def later(seconds: float = 5.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def held(sink: Sink, shared: Batcher[Any], items: Sequence[Any], size: int = 1) -> list[Outcome]:
    """Submit one item that is held in flight, then all others, then let go."""
    sink.gate.clear()
    first = asyncio.create_task(shared.submit("first", size, later()))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(shared.submit(item, size, later())) for item in items]
    await asyncio.sleep(0.01)
    sink.gate.set()
    await first
    return list(await asyncio.gather(*rest))


def test_alone_an_item_leaves_at_once() -> None:
    async def main() -> None:
        sink = Sink()
        begun = asyncio.get_running_loop().time()
        assert await batcher(sink.send).submit("a", 1, later()) == Done()
        assert asyncio.get_running_loop().time() - begun < 0.05
        assert sink.batches == [["a"]]

    run(main())


def test_what_waits_during_a_call_leaves_together_in_order() -> None:
    async def main() -> None:
        sink = Sink()
        await held(sink, batcher(sink.send), range(25))
        assert sink.batches == [["first"], list(range(10)), list(range(10, 20)), list(range(20, 25))]

    run(main())


def test_a_batch_is_bounded_by_bytes_and_a_larger_item_goes_alone() -> None:
    async def main() -> None:
        sink = Sink()
        shared = batcher(sink.send)
        await held(sink, shared, range(5), size=400)
        assert [len(batch) for batch in sink.batches] == [1, 2, 2, 1]
        assert await shared.submit("huge", 10_000, later()) == Done()

    run(main())


def test_f58_each_is_answered_by_its_own_outcome() -> None:
    """F58: one poison event in a bulk call shared by several requests: it alone is rejected."""

    async def main() -> None:
        sink = Sink()
        outcomes = await held(sink, batcher(sink.send), ["a", "poison", "b"])
        assert outcomes == [Done(), Rejected("test", "poison"), Done()]

    run(main())


def test_a_full_queue_is_told_to_come_again_at_once() -> None:
    async def main() -> None:
        sink = Sink()
        shared = batcher(sink.send, max_waiting=3)
        outcomes = await held(sink, shared, range(5))
        assert [isinstance(outcome, Retry) for outcome in outcomes] == [False, False, False, True, True]

    run(main())


def test_no_more_calls_are_out_than_allowed() -> None:
    async def main() -> None:
        sink = Sink()
        shared = batcher(sink.send, concurrency=2, max_items=1)
        sink.gate.clear()
        asyncio.get_running_loop().call_later(0.02, sink.gate.set)
        await asyncio.gather(*(shared.submit(item, 1, later()) for item in range(9)))
        assert sink.most_at_once == 2

    run(main())


def test_who_gives_up_is_told_so_and_what_did_not_leave_yet_never_leaves() -> None:
    async def main() -> None:
        sink = Sink()
        sink.gate.clear()
        shared = batcher(sink.send)
        first = asyncio.create_task(shared.submit("first", 1, later()))
        await asyncio.sleep(0.01)
        assert isinstance(await shared.submit("late", 1, later(0.02)), Retry)
        sink.gate.set()
        assert await first == Done()
        assert await shared.submit("next", 1, later()) == Done()
        assert list(itertools.chain(*sink.batches)) == ["first", "next"]

    run(main())


def test_a_send_that_breaks_or_miscounts_answers_all_with_retry_and_the_next_batch_leaves() -> None:
    async def main() -> None:
        calls = 0

        async def send(items: Sequence[Any]) -> Sequence[Outcome]:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise RuntimeError("broken")
            return [] if calls == 2 else [Done() for _ in items]

        shared = batcher(send)
        outcomes = [await shared.submit(number, 1, later()) for number in range(3)]
        assert [isinstance(outcome, Retry) for outcome in outcomes] == [True, True, False]

    run(main())


def test_closing_finishes_what_waits_and_refuses_what_comes() -> None:
    async def main() -> None:
        sink = Sink()
        shared = batcher(sink.send)
        waiting = [asyncio.create_task(shared.submit(item, 1, later())) for item in range(3)]
        await asyncio.sleep(0)
        await shared.close()
        assert await asyncio.gather(*waiting) == [Done(), Done(), Done()]
        assert isinstance(await shared.submit("late", 1, later()), Retry)

    run(main())


def test_what_comes_alone_goes_at_once_and_what_comes_thick_waits_for_company() -> None:
    sink = Sink()

    async def scene() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        shared = Batcher(sink.send, max_items=10, max_bytes=1000, max_waiting=100, concurrency=1, linger=0.2)
        begun = loop.time()
        await shared.submit("alone", 1, later())
        alone = loop.time() - begun
        first = asyncio.create_task(shared.submit("a", 1, later()))
        await asyncio.sleep(0.02)
        await asyncio.gather(first, shared.submit("b", 1, later()))
        return alone, loop.time() - begun

    alone, together = run(scene())
    assert sink.batches == [["alone"], ["a", "b"]]
    assert alone < together
    assert together >= 0.2


def test_a_call_that_waits_for_company_leaves_as_soon_as_there_is_enough_of_it() -> None:
    sink = Sink()

    async def scene() -> float:
        loop = asyncio.get_running_loop()
        shared = Batcher(sink.send, max_items=10, max_bytes=1000, max_waiting=100, concurrency=4, linger=30.0, enough=3)
        await shared.submit("alone", 1, later())
        begun = loop.time()
        await asyncio.gather(*(shared.submit(item, 1, later()) for item in "abc"))
        return loop.time() - begun

    assert run(scene()) < 5
    assert sink.batches == [["alone"], ["a", "b", "c"]], "one gathers, and takes all"


def test_what_waits_for_company_leaves_at_once_where_the_batcher_is_closed() -> None:
    sink = Sink()

    async def scene() -> list[Outcome]:
        shared = Batcher(sink.send, max_items=10, max_bytes=1000, max_waiting=100, concurrency=4, linger=30.0)
        await shared.submit("alone", 1, later())
        waiting = [asyncio.create_task(shared.submit(item, 1, later())) for item in "ab"]
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await shared.close()
        return [await one for one in waiting]

    assert run(scene()) == [Done(), Done()]
    assert sink.batches == [["alone"], ["a", "b"]]


def test_what_does_not_fit_one_call_goes_in_others_beside_it() -> None:
    async def scene() -> tuple[int, list[Outcome]]:
        sending = most = 0

        async def slow(batch: Sequence[str]) -> Sequence[Outcome]:
            nonlocal sending, most
            sending += 1
            most = max(most, sending)
            await asyncio.sleep(0.2)
            sending -= 1
            return [Done()] * len(batch)

        shared = Batcher(slow, max_items=10, max_bytes=1000, max_waiting=100, concurrency=4, linger=0.01, enough=8)
        await shared.submit("alone", 1, later())
        outcomes = await asyncio.gather(*(shared.submit(item, 400, later()) for item in "abcdefgh"))
        return most, outcomes

    most, outcomes = run(scene())
    assert outcomes == [Done()] * 8
    assert most == 4
