"""A ticket that is closed because something took its problem in is linked to the ticket of that."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.delivery.delivered import Delivered
from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.delivery.parents import parent_of
from shared.events.episode import Episode
from shared.events.identity import episode_id
from shared.events.outcome import Done, Retry
from tests.support.tickets import START, Desk, Rig, episode, fail_once, resolved, run

CAUSE_KEY = "z" * 26
CAUSE = episode(problem_key=CAUSE_KEY, id=episode_id(CAUSE_KEY, START), summary="Node worker-1 is not ready")
TAKEN = {"kind": "consequence", "id": CAUSE.id, "summary": CAUSE.summary, "object": "Node/worker-1"}


def taken(revision: int = 2) -> Episode:
    """Return the snapshot that closes an episode because its cause showed up."""
    return resolved(revision, cause=TAKEN, ended_by="consequence of another problem")


async def asked(desk: Desk, one: Episode, after: float) -> object:
    assert one.resolved is not None
    return await parent_of(desk, one, one.resolved + timedelta(seconds=after), 10.0)


def test_the_ticket_of_the_cause_is_found_by_its_episode() -> None:
    rig = Rig()
    run(rig.deliver(CAUSE))
    assert run(asked(rig.desk, taken(), 0.0)) == rig.desk.records["r001"]


def test_what_ended_by_itself_has_none_and_asks_nothing() -> None:
    desk = Desk()
    assert run(asked(desk, resolved(), 0.0)) is None
    assert run(asked(desk, resolved(cause={**TAKEN, "id": ""}), 0.0)) is None
    assert desk.asked == []


@pytest.mark.parametrize(("after", "waits"), [(0.0, True), (59.0, True), (60.0, False), (-1.0, False)])
def test_a_ticket_that_is_still_to_come_is_waited_for_a_minute(after: float, waits: bool) -> None:  # noqa: FBT001
    assert isinstance(run(asked(Desk(), taken(), after)), Temporary) is waits


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (Ambiguous("lost"), Temporary("lost")),
        (Temporary("busy", 42.0, "theirs"), Temporary("busy", 42.0, "theirs")),
        (Refused("no right"), None),
    ],
)
def test_no_answer_is_asked_for_again_and_a_refusal_is_no_reason_against_the_end(
    failure: Failure, found: object
) -> None:
    assert run(asked(fail_once("find", failure), taken(), 90.0)) == found


def test_a_close_waits_until_the_cause_has_its_ticket_and_is_then_done_once() -> None:
    rig = Rig()
    one = taken()
    assert one.resolved is not None

    async def main() -> list[Delivered]:
        rig.clock.now = one.resolved.timestamp()  # type: ignore[union-attr]
        await rig.deliver(episode())
        first = await rig.deliver(one)
        await rig.deliver(CAUSE)
        rig.clock.now += 10
        return [first, await rig.deliver(one)]

    first, second = run(main())
    assert first.outcome == Retry("the ticket of what took it in is not there yet", 10.0)
    assert isinstance(second.outcome, Done)
    assert rig.desk.asked.count("resolve") == 1
    assert datetime.fromtimestamp(rig.clock.now, UTC) > one.resolved
