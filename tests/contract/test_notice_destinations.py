"""What everything does that is told of episodes and cannot be asked, over real HTTP against its stand-in.

What it shares with forwarders is in test_forwarder_destinations.py, by the same rigs.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from shared.stores.protocol import StoreUnavailableError
from tests.support.rigs.place import Delivering, NoticeRig, Place, Told, placed
from tests.support.rigs.registry import NOTICES
from tests.support.shadowed import sent, shown_as, told_in_shadow
from tests.support.tickets import episode, resolved

Notices = Place[NoticeRig]
WORSE = {"transition": "updated", "severity": "critical"}
BACK = episode(4, transition="reopened", reopened=1)


@pytest.fixture(params=sorted(NOTICES))
def place(request: pytest.FixtureRequest) -> Iterator[Notices]:
    with placed(NOTICES[request.param]) as one:
        yield one


def operations(place: Notices) -> list[str]:
    return [one.operation for one in place.rig.told(place.app)]


def key(revision: int) -> str:
    return f"{episode().id}-{revision}"


async def outcomes(deliver: Delivering, *snapshots: Episode) -> list[Any]:
    return [(await deliver(one)).outcome for one in snapshots]


def test_the_life_of_an_episode_is_told_in_its_order_and_reported(place: Notices) -> None:
    async def main(deliver: Delivering) -> list[str]:
        said = []
        for one in (episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1)):
            answer = await deliver(one)
            assert answer.outcome == Done(), one.transition
            assert answer.reply is not None
            said.append(answer.reply.data["operation"])
        return said

    assert place.play(main) == ["open", "update", "resolve", "reopen", "resolve"]
    told = [
        Told(key(number), name, number, again=False)
        for number, name in enumerate(("opened", "updated", "resolved", "reopened", "resolved"), 1)
    ]
    assert place.rig.told(place.app) == told


def test_a_snapshot_that_comes_again_is_not_told_again_and_reported_under_the_same_id(place: Notices) -> None:
    async def main(deliver: Delivering) -> tuple[Result, Result]:
        return await deliver(episode()), await deliver(episode())

    first, second = place.play(main)
    assert (first.outcome, second.outcome) == (Done(), Duplicate())
    assert operations(place) == ["opened"]
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.id == second.reply.id


@pytest.mark.parametrize("snapshots", [(episode(), 10), (episode(2, **WORSE), 3)])
def test_f21_the_same_at_once_is_one_request(place: Notices, snapshots: tuple[Episode, int]) -> None:
    """F21: same event delivered 10× concurrently: 1 ticket, 9 × 204/409."""  # noqa: RUF002 - quoted
    one, times = snapshots

    async def main(deliver: Delivering) -> list[Result]:
        return list(await asyncio.gather(*(deliver(one) for _ in range(times))))

    answers = [type(answer.outcome) for answer in place.play(main)]
    assert answers.count(Done) == 1
    assert set(answers) == {Done, Duplicate}
    assert len(place.rig.told(place.app)) == 1


def test_f05_after_a_restart_on_the_same_store_nothing_is_told_again(place: Notices) -> None:
    """F05: SIGKILL after complete, before 204: DONE → Duplicate; one ticket."""
    assert place.play(lambda deliver: outcomes(deliver, episode())) == [Done()]
    assert place.play(lambda deliver: outcomes(deliver, episode())) == [Duplicate()]
    assert place.play(lambda deliver: outcomes(deliver, episode(2, **WORSE))) == [Done()]
    assert operations(place) == ["opened", "updated"]


def test_f23_an_update_never_overtakes_its_open_and_an_older_one_never_follows_a_newer(place: Notices) -> None:
    """F23: updates out of order: older update never overwrites newer; noted as work note or ignored."""
    found = place.play(
        lambda deliver: outcomes(deliver, episode(3, **WORSE), episode(1), resolved(5), episode(4, **WORSE))
    )
    assert found == [Done(), Duplicate(), Done(), Duplicate()]
    assert [(one.operation, one.revision) for one in place.rig.told(place.app)] == [("opened", 3), ("resolved", 5)]


def test_an_end_of_which_nobody_heard_the_beginning_is_not_told(place: Notices) -> None:
    assert [type(one) for one in place.play(lambda deliver: outcomes(deliver, resolved(2), episode()))] == [
        Ignored,
        Duplicate,
    ]
    assert operations(place) == []


def test_an_episode_that_deserves_no_ticket_is_told_once_it_does(place: Notices) -> None:
    quiet, loud = episode(ticket=False), episode(2, transition="updated")
    assert [type(one) for one in place.play(lambda deliver: outcomes(deliver, quiet, loud))] == [Ignored, Done]
    assert operations(place) == ["opened"]


@pytest.mark.parametrize("do", ["commit-then-reset", "commit-then-time-out"])
def test_f14_after_a_lost_answer_it_is_told_again_under_the_same_key(place: Notices, do: Any) -> None:
    """F14: read timeout after sink committed: DOUBT → find → one ticket; what cannot be asked gets the same key."""
    place.app.faults.set([Rule(do=do, seconds=10)])
    found = place.play(lambda deliver: outcomes(deliver, episode(), episode(), episode()), **place.rig.hurried)
    assert isinstance(found[0], Retry)
    assert found[1:] == [Done(), Duplicate()]
    assert place.rig.told(place.app) == [
        Told(key(1), "opened", 1, again=False),
        Told(key(1), "opened", 1, again=True),
    ]


def test_in_doubt_of_its_open_a_newer_snapshot_is_told_as_the_open_and_the_older_one_never_after_it(
    place: Notices,
) -> None:
    place.app.faults.set([Rule(do="commit-then-reset", count=2)])
    snapshots = (episode(2, **WORSE), episode(), episode(3, **WORSE), resolved(4))
    found = place.play(lambda deliver: outcomes(deliver, *snapshots))
    assert [type(one) for one in found] == [Retry, Ignored, Retry, Done]
    assert [(one.operation, one.revision) for one in place.rig.told(place.app)] == [
        ("opened", 2), ("opened", 3), ("resolved", 4)
    ]  # fmt: skip


def test_f03_killed_while_it_sends_it_is_told_again_under_the_same_key_once_the_lease_is_over(place: Notices) -> None:
    """F03: SIGKILL mid-send (bytes out): DOUBT path: find(key) first; one ticket. Here: the same key, in order."""
    place.app.faults.set([Rule(do="commit-then-time-out", seconds=60)])

    async def killed(deliver: Delivering) -> None:
        sending = asyncio.ensure_future(deliver(episode(2, **WORSE)))
        while not place.rig.told(place.app):  # noqa: ASYNC110 - what came is in another thread
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    place.play(killed)
    assert [type(one) for one in place.play(lambda deliver: outcomes(deliver, episode(2, **WORSE)))] == [InProgress]
    place.clock.now += 60
    found = place.play(lambda deliver: outcomes(deliver, episode(), episode(2, **WORSE)))
    assert [type(one) for one in found] == [Ignored, Done], "an older one never after what may have been told"
    assert [(one.key, one.again) for one in place.rig.told(place.app)] == [(key(2), False), (key(2), True)]


def test_f11_what_is_refused_is_rejected_and_the_next_snapshot_begins_anew(place: Notices) -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    place.app.faults.set([Rule(do="status", status=422)])
    found = place.play(lambda deliver: outcomes(deliver, episode(), episode(2, **WORSE)))
    assert found == [Rejected(place.rig.function, "the target refuses the request"), Done()]
    assert operations(place) == ["opened"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_f10_a_failing_target_is_tried_again_and_is_told_once(place: Notices, status: int) -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    place.app.faults.set([Rule(do="status", status=status, count=3)])
    found = place.play(lambda deliver: outcomes(deliver, *[episode()] * 4))
    assert isinstance(found[0], Retry)
    assert Done() in found
    assert operations(place) == ["opened"]


def test_f08_a_wait_that_the_target_asks_for_is_handed_on(place: Notices) -> None:
    """F08: sink 429 + Retry-After 30: wait only if inside request deadline, else 503 + Retry-After."""
    place.app.faults.set([Rule(do="status", status=429, headers={"retry-after": "30"})])
    assert place.play(lambda deliver: outcomes(deliver, episode())) == [Retry("the target answers 429", 30)]


def test_f40_two_replicas_with_one_store_tell_it_once(place: Notices) -> None:
    """F40: two replicas, same key, store CAS race: exactly one winner."""
    place.app.faults.set([Rule(do="delay", seconds=0.2)])

    async def both(first: Delivering) -> Sequence[Result]:
        async def second() -> Result:
            await asyncio.sleep(0.05)
            return await asyncio.to_thread(place.play, lambda deliver: deliver(episode()))

        return await asyncio.gather(first(episode()), second())

    assert [type(answer.outcome) for answer in place.play(both)] == [Done, InProgress]
    assert operations(place) == ["opened"]


def test_f32_without_its_store_it_waits_for_it(place: Notices, monkeypatch: pytest.MonkeyPatch) -> None:
    """F32: KV restart / partition / quorum lost: what cannot be asked waits; both recover by themselves."""

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError("down")

    with monkeypatch.context() as patched:
        patched.setattr(place.store, "get", down)
        (found,) = place.play(lambda deliver: outcomes(deliver, episode()))
    assert isinstance(found, Retry)
    assert place.play(lambda deliver: outcomes(deliver, episode())) == [Done()]
    assert operations(place) == ["opened"]


def test_without_claims_copies_share_their_key_and_the_order_is_kept(place: Notices) -> None:
    place.app.faults.set([Rule(do="commit-then-reset")])
    snapshots = (episode(2, **WORSE), episode(), episode(2, **WORSE), episode(2, **WORSE), resolved(3), resolved(3))
    found = place.play(lambda deliver: outcomes(deliver, *snapshots), WEBHOOK_IDEMPOTENT="true")
    assert [type(one) for one in found] == [Retry, Ignored, Done, Duplicate, Done, Duplicate]
    assert [(one.key, one.again) for one in place.rig.told(place.app)] == [
        (key(2), False), (key(2), True), (key(3), False)
    ]  # fmt: skip
    assert asyncio.run(place.store.get(f"claim.{place.rig.function}.{episode().id}")) is None


def test_without_claims_a_restart_tells_it_again_under_the_same_key(place: Notices) -> None:
    for _ in range(2):
        done = place.play(lambda deliver: outcomes(deliver, resolved(3)), WEBHOOK_IDEMPOTENT="true")
        assert done == [Done()]
    assert place.rig.told(place.app) == [
        Told(key(3), "resolved", 3, again=False),
        Told(key(3), "resolved", 3, again=True),
    ]


def test_f47_a_key_that_is_no_key_never_reaches_the_target(place: Notices) -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash."""
    (found,) = place.play(lambda deliver: outcomes(deliver, episode(id="x.1\r\ny", problem_key="x")))
    assert isinstance(found, Rejected)
    assert place.app.faults.requests == []


def test_f43_what_an_event_says_is_never_a_template(place: Notices) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    hostile = "{{7*7}} {% raw %} ${x} {{ episode.__class__ }}"
    assert place.play(lambda deliver: outcomes(deliver, episode(summary=hostile, message=hostile))) == [Done()]
    (came,) = place.app.notices()
    assert came["raw"].decode().count(hostile) >= 2


def test_the_preview_is_told_as_it_would_be_by_whoever_remembers(place: Notices) -> None:
    async def main(deliver: Delivering) -> str:
        return str(deliver.function.preview(BACK)[0].body["type"])

    assert place.play(main) == "problem.opened", "whoever was told nothing hears of it as its opening"
    assert place.play(main, WEBHOOK_IDEMPOTENT="true") == "problem.reopened", "nobody here knows what was told"


def test_the_preview_shows_where_it_would_go_and_no_credential(place: Notices) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        return [*deliver.function.preview(episode()), *deliver.function.preview(resolved())]

    shown = place.play(main)
    assert [one.destination for one in shown] == [place.rig.function] * 2
    assert all(one.url.startswith(place.url) for one in shown)
    assert place.settings[place.rig.secret] not in str(shown)
    assert place.app.faults.requests == []


def test_a_store_in_a_file_keeps_what_was_told_over_a_restart(place: Notices, tmp_path: Path) -> None:
    from shared.stores.sqlite import SqliteStore

    for _ in range(2):
        store = SqliteStore(tmp_path / "store.db")
        here = replace(place)
        here.store = store  # type: ignore[assignment]
        last = here.play(lambda deliver: outcomes(deliver, episode()))
        asyncio.run(store.close())
    assert last == [Duplicate()]
    assert operations(place) == ["opened"]


def test_f60_in_shadow_each_notice_is_shown_and_none_is_sent(place: Notices) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or, for one destination, shadow: rendered and reported, not sent.
    """
    results = told_in_shadow(place, [episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1)])
    assert shown_as(results) == ["open", "update", "resolve", "reopen", "resolve"]
    assert "problem.updated" in sent(results[1])
    place.play(lambda deliver: deliver(episode(6, reopened=1, **WORSE)))
    assert place.rig.told(place.app) == [Told(key(6), "opened", 6, again=False)], "let loose, it tells of what is open"
