"""Any mixture of failing calls, dying processes and a wiped store: in the end one ticket, resolved."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.delivery.failure import Ambiguous, Failure, Temporary
from shared.events.outcome import InProgress, Retry
from shared.stores.memory import MemoryStore
from tests.support.tickets import Rig, episode, resolved, run

FAILURES = st.sampled_from(
    [None, None, Temporary("t"), Ambiguous("a"), asyncio.CancelledError(), "late"],
)


@settings(max_examples=150, deadline=None)
@given(
    faults=st.lists(FAILURES, max_size=12),
    commits=st.lists(st.booleans(), min_size=12, max_size=12),
    wipes=st.sets(st.integers(0, 10), max_size=2),
)
def test_whatever_fails_one_ticket_results_and_it_ends_resolved(
    faults: list[object], commits: list[bool], wipes: set[int]
) -> None:
    """Calls fail, take effect or not, processes die, the store is wiped: in the end there is one ticket, resolved."""

    async def main() -> None:
        rig = Rig()
        waiting, effects = list(faults), list(commits)

        def script(_name: str) -> Failure | None:
            fault = waiting.pop(0) if waiting else None
            if isinstance(fault, asyncio.CancelledError):
                raise fault
            return Ambiguous("late") if fault == "late" else fault  # type: ignore[return-value]

        rig.desk.script = script
        rig.desk.commits = lambda _name: effects.pop(0) if effects else False
        for number, one in enumerate((episode(1), episode(2, transition="updated", severity="critical"), resolved(3))):
            await broker(rig, one, wipes, number)
        kept = [one for one in rig.desk.records.values() if one.mark.standing != "void"]
        assert [(one.standing, one.mark.revision) for one in kept] == [("resolved", 3)]
        assert rig.desk.active() == []

    run(main())


async def broker(rig: Rig, one: object, wipes: set[int], number: int) -> None:
    """Send one event until it is answered for good, as a broker does."""
    for turn in range(30):
        task = asyncio.create_task(rig.deliver(one))  # type: ignore[arg-type]
        await asyncio.wait({task})
        rig.clock.now += 30
        if number * 4 + turn in wipes:
            rig.store = MemoryStore(rig.clock)
        if not task.cancelled() and not isinstance(task.result().outcome, Retry | InProgress):
            return
    raise AssertionError("never settled")
