"""What every function does whose system upserts by key, over real HTTP against its stand-in: one suite for all."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.outcome import Done, Duplicate, Ignored, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.runtime.function import Call, Result
from tests.support.rigs.place import Delivering, Upserts, placed, told
from tests.support.rigs.registry import UPSERTS
from tests.support.shadowed import sent, shown_as, told_in_shadow
from tests.support.tickets import KEY, START, episode, resolved

WORSE = {"transition": "updated", "severity": "critical", "summary": "Pod shop/api-0 is worse"}
BACK = episode(4, transition="reopened", reopened=1)


@pytest.fixture(params=sorted(UPSERTS))
def place(request: pytest.FixtureRequest) -> Iterator[Upserts]:
    with placed(UPSERTS[request.param]) as one:
        yield one


def several(count: int) -> list[Episode]:
    """Return episodes of as many problems."""
    return [
        episode(id=f"{number:026d}-{episode().id.rpartition('-')[2]}", problem_key=f"{number:026d}")
        for number in range(count)
    ]


async def together(deliver: Delivering, episodes: list[Episode]) -> list[Any]:
    return [result.outcome for result in await asyncio.gather(*(deliver(one) for one in episodes))]


def test_the_life_of_an_episode_is_the_life_of_one_record(place: Upserts) -> None:
    async def main(deliver: Delivering) -> list[tuple[str, bool]]:
        seen = []
        for one in (episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1)):
            answer = await deliver(one)
            assert answer.outcome == Done(), one.transition
            assert answer.reply is not None
            (known,) = told(place)
            assert known.key == place.rig.key(one)
            seen.append((answer.reply.data["operation"], known.over))
        return seen

    steps = [("open", False), ("update", False), ("resolve", True), ("reopen", False), ("resolve", True)]
    assert place.play(main) == steps
    assert "Pod shop/api-0 keeps crashing" in told(place)[0].text
    total = place.metrics.total("tidings_deliveries_total", destination=place.rig.function, result="done")
    assert total == len(steps)


def test_each_snapshot_is_the_whole_and_the_first_that_comes_makes_the_record(place: Upserts) -> None:
    assert isinstance(place.play(lambda deliver: deliver(episode(2, **WORSE))).outcome, Done)
    (known,) = told(place)
    assert not known.over
    assert "Pod shop/api-0 is worse" in known.text


def test_the_report_leads_people_to_the_record(place: Upserts) -> None:
    answer = place.play(lambda deliver: deliver(episode()))
    assert answer.reply is not None
    assert answer.reply.data["record"] == place.rig.key(episode())
    assert answer.reply.data["link"].startswith(place.url)
    assert place.rig.key(episode()) in answer.reply.data["link"]
    assert answer.reply.extensions["problemkey"] == KEY
    assert answer.reply.extensions["traceparent"].startswith("00-1111")


def test_a_snapshot_that_comes_again_is_not_sent_again_and_reported_under_the_same_id(place: Upserts) -> None:
    async def main(deliver: Delivering) -> tuple[Result, Result]:
        return await deliver(episode()), await deliver(episode())

    first, second = place.play(main)
    assert isinstance(second.outcome, Duplicate)
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.id == second.reply.id
    assert [first.reply.data["result"], second.reply.data["result"]] == ["done", "duplicate"]
    assert place.app.faults.count(operation=place.rig.writes) == 1


def test_f23_an_older_snapshot_is_never_told_after_a_newer_one(place: Upserts) -> None:
    """F23: updates out of order (rv 7 before rv 5): older update never overwrites newer; noted or ignored."""

    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(one)).outcome for one in (episode(), resolved(3), episode(2, **WORSE))]

    assert place.play(main) == [Done(), Done(), Duplicate()]
    assert [one.over for one in told(place)] == [True]


def test_of_one_episode_one_snapshot_is_on_its_way_at_a_time(place: Upserts) -> None:
    """Also where whoever brought the first one has given up waiting: what it sent may still arrive."""
    place.app.faults.set([Rule(do="delay", operation=place.rig.writes, seconds=1.0)])

    async def main(deliver: Delivering) -> list[Any]:
        first = asyncio.ensure_future(deliver(episode(), 0.3))
        await asyncio.sleep(0.1)
        return [(await deliver(resolved())).outcome, (await first).outcome]

    second, first = place.play(main)
    assert isinstance(first, Retry)
    assert second == Done()
    assert [one.over for one in told(place)] == [True]


def test_a_new_occurrence_has_a_record_of_its_own_which_an_old_end_does_not_close(place: Upserts) -> None:
    later = episode(start=START.replace(hour=20))

    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(one)).outcome for one in (episode(), later, resolved())]

    assert place.play(main) == [Done()] * 3
    assert {one.key: one.over for one in told(place)} == {place.rig.key(episode()): True, place.rig.key(later): False}


def test_what_wants_no_ticket_or_is_none_of_its_business_is_ignored_and_what_is_broken_rejected(place: Upserts) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        call = Call(asyncio.get_running_loop().time() + 5)
        other = CloudEvent(id="1", source="s", type="dev.tidings.security.v1", data={})
        broken = CloudEvent(id="1", source="s", type="dev.tidings.problem.opened.v1", data={"id": 1})
        results = [await deliver(episode(ticket=False)), await deliver.function.handle(other, call)]
        return [one.outcome for one in [*results, await deliver.function.handle(broken, call)]]

    kinds = [type(outcome) for outcome in place.play(main)]
    assert kinds == [Ignored, Ignored, Rejected]
    assert place.app.faults.requests == []


def test_what_waits_at_the_same_time_shares_calls_and_each_gets_its_own_answer(place: Upserts) -> None:
    outcomes = place.play(lambda deliver: together(deliver, several(150)))
    assert outcomes == [Done()] * 150
    assert len(told(place)) == 150
    assert place.app.faults.count(operation=place.rig.writes) < 20


def test_f21_ten_at_once_make_one_record(place: Upserts) -> None:
    """F21: same event delivered 10x concurrently: 1 ticket, 9 x 204/409."""
    outcomes = place.play(lambda deliver: together(deliver, [episode()] * 10))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", *["Duplicate"] * 9]
    assert place.app.faults.count(operation=place.rig.writes) == 1


def test_f43_what_an_event_says_is_never_a_template(place: Upserts) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    hostile = "{{7*7}} {% raw %} ${x} {{ episode.__class__ }}"
    assert isinstance(place.play(lambda deliver: deliver(episode(summary=hostile, message=hostile))).outcome, Done)
    (known,) = told(place)
    assert known.text.count(hostile) >= 2
    assert "49" not in known.text


def test_f47_a_key_that_is_no_key_never_reaches_the_system(place: Upserts) -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash."""
    answer = place.play(lambda deliver: deliver(episode(id="x^NQactive=true", problem_key="x")))
    assert isinstance(answer.outcome, Rejected)
    assert place.app.faults.requests == []


def test_a_text_that_is_longer_than_the_system_takes_is_cut_and_not_refused(place: Upserts) -> None:
    long = "no space left on device; " * 4000
    assert isinstance(place.play(lambda deliver: deliver(episode(summary=long[:2000], message=long))).outcome, Done)
    assert len(told(place)) == 1


def test_stopping_finishes_what_is_in_flight(place: Upserts) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        begun = asyncio.ensure_future(together(deliver, several(2)))
        await asyncio.sleep(0.01)
        await deliver.function.stop()
        return await begun

    assert place.play(main) == [Done(), Done()]
    assert len(told(place)) == 2


def test_the_check_is_good_and_names_a_wrong_credential_and_a_wrong_port(place: Upserts) -> None:
    def lines(**settings: str) -> list[tuple[bool | None, str]]:
        return place.play(lambda deliver: deliver.function.check(), **settings)

    assert all(good is not False for good, _ in lines())
    assert told(place) == [], "a check writes nothing"
    assert not lines(**{place.rig.secret: "wrong-or-expired"})[0][0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (bad, text), *_ = lines(**{place.rig.url: f"http://127.0.0.1:{taken.getsockname()[1]}"})
        assert not bad
        assert "connect" in text


def test_the_preview_is_the_request_that_goes_out_and_shows_no_credential(place: Upserts) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        assert deliver.function.preview(episode(ticket=False)) == []
        return [*deliver.function.preview(episode()), *deliver.function.preview(resolved())]

    shown = place.play(main)
    assert all(one.url.startswith(place.url) and one.destination == place.rig.function for one in shown)
    assert place.settings[place.rig.secret] not in str([one.headers for one in shown])
    assert place.app.faults.requests == []


def test_f60_in_shadow_each_snapshot_is_shown_and_nothing_is_sent(place: Upserts) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or, for one destination, shadow: rendered and reported, not sent.
    """
    results = told_in_shadow(place, [episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1)])
    assert shown_as(results) == ["open", "update", "resolve", "reopen", "resolve"]
    assert "is worse" in sent(results[1])
    place.play(lambda deliver: deliver(episode(6, reopened=1, **WORSE)))
    assert [one.over for one in told(place)] == [False], "let loose, it tells of what is open"
