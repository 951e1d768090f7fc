"""A deadline holds where somebody waits, and changes nothing where nobody does."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from shared.waiting.deadline import Deadlines, within
from shared.waiting.due import Due

Within = Callable[[Coroutine[Any, Any, Any], float], Coroutine[Any, Any, Any]]
Run = Callable[..., Any]


def together(work: Coroutine[Any, Any, Any], deadline: float) -> Coroutine[Any, Any, Any]:
    return Deadlines().within(work, deadline)


@pytest.fixture(params=[within, together], ids=["a timer of its own", "one timer for all"])
def bounded(request: pytest.FixtureRequest) -> Within:
    found: Within = request.param
    return found


@pytest.fixture
def run(bounded: Within) -> Run:
    def runs(work: Coroutine[Any, Any, Any], seconds: float = 0.05) -> Any:
        async def main() -> Any:
            return await bounded(work, asyncio.get_running_loop().time() + seconds)

        return asyncio.run(main())

    return runs


async def at_once(value: str) -> str:
    return value


async def fails() -> None:
    raise KeyError("a mistake")


async def fails_late() -> str:
    await asyncio.sleep(0)
    raise KeyError("its own")


async def after(steps: int) -> int:
    for _ in range(steps):
        await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return steps


def test_what_ends_at_once_is_returned_whatever_the_deadline(run: Run) -> None:
    assert run(at_once("done")) == "done"
    assert run(at_once("late, but done"), seconds=-1) == "late, but done"


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_what_waits_in_time_is_returned(run: Run, steps: int) -> None:
    assert run(after(steps), seconds=5) == steps


def test_an_error_of_the_work_is_raised_as_it_is(run: Run) -> None:
    with pytest.raises(KeyError):
        run(fails())

    async def later() -> None:
        await asyncio.sleep(0)
        await fails()

    with pytest.raises(KeyError):
        run(later())


@pytest.mark.parametrize("seconds", [0.02, 0, -1])
def test_what_waits_too_long_is_cancelled_and_cleans_up(run: Run, seconds: float) -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)  # cleaning up may wait too
            ended.append("clean")

    with pytest.raises(TimeoutError):
        run(forever(), seconds)
    assert ended == ["cancelled", "clean"]


def test_a_timeout_of_the_works_own_stays_its_own(run: Run) -> None:
    async def patient() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            return "gave up by itself"
        return "never"

    assert run(patient(), seconds=5) == "gave up by itself"


def test_what_began_before_the_first_wait_is_in_the_same_task_as_what_comes_after(run: Run) -> None:
    async def tasks() -> bool:
        first = asyncio.current_task()
        await asyncio.sleep(0)
        return first is asyncio.current_task()

    assert run(tasks(), seconds=5)


def test_cancelling_whoever_waits_cancels_the_work(bounded: Within) -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("clean")

    async def main() -> None:
        task = asyncio.create_task(bounded(forever(), asyncio.get_running_loop().time() + 60))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["clean"]


def test_what_was_done_in_time_ends_nothing_of_what_its_task_does_later(bounded: Within) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        assert await bounded(after(2), loop.time() + 0.02) == 2
        with pytest.raises(KeyError):
            await bounded(fails_late(), loop.time() + 0.02)
        await asyncio.sleep(0.1)
        return "not ended"

    assert asyncio.run(main()) == "not ended"


@pytest.mark.parametrize("make", [lambda: within, lambda: Deadlines().within], ids=["each its own", "one for all"])
def test_the_timers_of_what_was_done_in_time_are_not_kept_until_its_deadlines(
    make: Callable[[], Within], monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[asyncio.TimerHandle] = []

    async def main() -> None:
        loop, bounded = asyncio.get_running_loop(), make()
        call_at = loop.call_at

        def noted(*arguments: Any, **named: Any) -> asyncio.TimerHandle:
            timers.append(call_at(*arguments, **named))
            return timers[-1]

        monkeypatch.setattr(loop, "call_at", noted)
        for steps in range(5):
            await bounded(after(steps), loop.time() + 60)

    asyncio.run(main())
    assert timers
    assert sum(not timer.cancelled() for timer in timers) <= 1


def test_a_cancellation_that_the_task_had_taken_before_makes_no_other_end_of_a_late_one(bounded: Within) -> None:
    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await bounded(asyncio.sleep(60), asyncio.get_running_loop().time() + 0.02)

    asyncio.run(main())


def test_of_two_in_each_other_the_inner_one_ends_its_own_work_and_the_outer_one_still_holds() -> None:
    async def main(outer: float, inner: float) -> list[str]:
        deadlines, loop, told = Deadlines(), asyncio.get_running_loop(), list[str]()

        async def work() -> None:
            try:
                await deadlines.within(asyncio.sleep(60), loop.time() + inner)
            except TimeoutError:
                told.append("inner")
            await asyncio.sleep(60)

        with pytest.raises(TimeoutError):
            await deadlines.within(work(), loop.time() + outer)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        return told

    assert asyncio.run(main(outer=0.1, inner=0.02)) == ["inner"]
    assert asyncio.run(main(outer=0.02, inner=0.1)) == []


def test_of_many_each_ends_at_its_own_deadline() -> None:
    """Later ones do not put off an earlier one, and whoever was in time is left alone."""
    ended: list[str] = []

    async def one(deadlines: Deadlines, name: str, seconds: float, takes: float) -> None:
        try:
            await deadlines.within(asyncio.sleep(takes), asyncio.get_running_loop().time() + seconds)
        except TimeoutError:
            ended.append(f"{name} late")
        else:
            ended.append(f"{name} done")

    async def main() -> None:
        deadlines = Deadlines()
        await asyncio.gather(
            one(deadlines, "last", 0.3, 60),
            one(deadlines, "in time", 60, 0.2),
            one(deadlines, "first", 0.1, 60),
        )
        await one(deadlines, "after all", 0.05, 60)

    asyncio.run(main())
    assert ended == ["first late", "in time done", "last late", "after all late"]


def test_a_deadline_holds_in_the_next_loop_too() -> None:
    """A host may run each request in a loop of its own; a timer of an ended loop never comes, soon as it was due."""
    deadlines = Deadlines()

    async def main(takes: float, seconds: float) -> None:
        await deadlines.within(asyncio.sleep(takes), asyncio.get_running_loop().time() + seconds)

    asyncio.run(main(takes=0, seconds=0.1))
    with pytest.raises(TimeoutError):
        asyncio.run(main(takes=1, seconds=0.2))


def test_whoever_waited_in_a_loop_that_is_gone_is_not_told_in_the_next_one() -> None:
    told: list[str] = []
    due = Due(told.append)

    async def main(who: str, takes: float) -> None:
        due.add(who, asyncio.get_running_loop().time() + 0.02)
        await asyncio.sleep(takes)

    asyncio.run(main("gone", 0))
    asyncio.run(main("here", 0.1))
    assert told == ["here"]


def test_who_is_cancelled_by_others_at_its_deadline_stays_cancelled() -> None:
    async def main() -> None:
        deadlines, loop = Deadlines(), asyncio.get_running_loop()

        async def stubborn() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                task.cancel()  # somebody ends it while it cleans up
                raise

        task = asyncio.create_task(deadlines.within(stubborn(), loop.time() + 0.02))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_what_swallows_its_end_is_returned_and_can_be_cancelled_again() -> None:
    async def main() -> tuple[str, int]:
        async def swallows() -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "all the same"
            return "never"

        said = await Deadlines().within(swallows(), asyncio.get_running_loop().time() + 0.02)
        task = asyncio.current_task()
        assert task is not None
        return said, task.cancelling()

    assert asyncio.run(main()) == ("all the same", 0)


@pytest.mark.parametrize("run_in", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_who_comes_when_somebodys_time_is_over_has_its_own(run_in: Run) -> None:
    """The hosts run in uvloop, whose timer of a time that is now is none."""

    async def main() -> list[str]:
        told: list[str] = []
        loop, last = asyncio.get_running_loop(), asyncio.Event()

        def over(name: str) -> None:
            told.append(name)
            if name == "later":
                last.set()

        due, begun = Due(over), loop.time()
        due.add("now", begun)
        due.add("before", begun - 1)
        due.add("later", begun + 0.05)
        await asyncio.wait_for(last.wait(), 10)
        assert loop.time() >= begun + 0.05
        return told

    found = run_in(main())
    assert (sorted(found[:2]), found[2]) == (["before", "now"], "later")
