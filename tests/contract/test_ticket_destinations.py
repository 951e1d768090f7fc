"""What every ticket system's function does, over real HTTP against its stand-in: one suite for all of them."""

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Rejected
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from shared.stores.memory import MemoryStore
from tests.support.rigs.place import Delivering, Tickets, placed, settle, standings
from tests.support.rigs.registry import TICKETS
from tests.support.shadowed import report, sent, shown_as, told_in_shadow
from tests.support.tickets import episode, resolved

WORSE = {"transition": "updated", "severity": "critical"}
BACK = episode(4, transition="reopened", reopened=1)


@pytest.fixture(params=sorted(TICKETS))
def place(request: pytest.FixtureRequest) -> Iterator[Tickets]:
    with placed(TICKETS[request.param]) as one:
        yield one


def test_the_life_of_an_episode_is_the_life_of_one_ticket(place: Tickets) -> None:
    async def main(deliver: Delivering) -> list[tuple[str, list[str]]]:
        seen = []
        life = (episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1))
        for one in life if place.returns else life[:3]:
            answer = await deliver(one)
            assert answer.outcome == Done(), one.transition
            assert answer.reply is not None
            seen.append((answer.reply.data["operation"], standings(place)))
        return seen

    open_, over = ["active"], ["resolved"]
    steps = [("open", open_), ("update", open_), ("resolve", over), ("reopen", open_), ("resolve", over)]
    steps = steps if place.returns else steps[:3]
    assert place.play(main) == steps
    (ticket,) = place.rig.tickets(place.app)
    assert "Pod shop/api-0 keeps crashing" in ticket.text
    assert ticket.notes
    total = place.metrics.total("tidings_deliveries_total", destination=place.rig.function, result="done")
    assert total == len(steps)


def test_the_report_leads_people_to_the_ticket(place: Tickets) -> None:
    answer = place.play(lambda deliver: deliver(episode()))
    (ticket,) = place.rig.tickets(place.app)
    assert answer.reply is not None
    report = answer.reply.data
    assert (report["record"], report["number"]) == (ticket.ref, ticket.number)
    assert report["link"].startswith(place.url)
    assert ticket.ref in report["link"]
    assert report["link"].count("?") == 1, "a second one would have to be encoded"
    assert answer.reply.extensions["problemkey"] == (episode().problem_key if place.returns else "-")


def test_a_snapshot_that_comes_again_changes_nothing(place: Tickets) -> None:
    async def main(deliver: Delivering) -> tuple[Result, Result]:
        first = await deliver(episode())
        before = place.rig.tickets(place.app)
        second = await deliver(episode())
        assert place.rig.tickets(place.app) == before
        return first, second

    first, second = place.play(main)
    assert isinstance(second.outcome, Duplicate)
    assert first.reply is not None
    assert second.reply is not None
    assert first.reply.id == second.reply.id


def test_an_older_snapshot_never_overwrites_a_newer_one(place: Tickets) -> None:
    async def main(deliver: Delivering) -> Result:
        await deliver(episode(3, **WORSE))
        before = place.rig.tickets(place.app)
        older = await deliver(episode(2, transition="updated"))
        assert place.rig.tickets(place.app) == before
        return older

    assert isinstance(place.play(main).outcome, Duplicate | Ignored)


def test_what_was_never_told_of_while_it_lasted_makes_no_ticket(place: Tickets) -> None:
    assert isinstance(place.play(lambda deliver: deliver(resolved())).outcome, Ignored)
    assert standings(place) == []


@pytest.mark.parametrize("standing", ["resolved", "closed"])
def test_what_people_ended_is_left_until_the_problem_comes_back(place: Tickets, standing: Any) -> None:
    async def main(deliver: Delivering) -> None:
        await deliver(episode())
        place.rig.by_hand(place.app, place.rig.tickets(place.app)[0], standing)
        assert isinstance((await deliver(episode(2, **WORSE))).outcome, Ignored)
        assert isinstance((await deliver(resolved(3))).outcome, Ignored)
        assert standings(place) == [standing]
        if place.returns:
            assert isinstance((await deliver(BACK)).outcome, Done)

    place.play(main)
    assert standings(place).count("active") == place.returns


def test_after_a_lost_store_the_ticket_is_found_by_its_key(place: Tickets) -> None:
    """F33: KV bucket wiped (or NATS lost acked writes) | find(key) prevents duplicates; stated cost: one extra GET."""
    place.play(lambda deliver: deliver(episode()))
    place.store = MemoryStore(place.clock)
    assert isinstance(place.play(lambda deliver: deliver(episode())).outcome, Duplicate)
    place.store = MemoryStore(place.clock)
    assert isinstance(place.play(lambda deliver: deliver(resolved())).outcome, Done)
    assert standings(place) == ["resolved"]


def test_f21_ten_at_once_make_one_ticket(place: Tickets) -> None:
    """F21: same event delivered 10x concurrently: 1 ticket, 9 x 204/409."""

    async def main(deliver: Delivering) -> list[Result]:
        return list(await asyncio.gather(*(deliver(episode()) for _ in range(10))))

    outcomes = [type(answer.outcome) for answer in place.play(main)]
    assert outcomes.count(Done) == 1
    assert set(outcomes) <= {Done, Duplicate, InProgress}
    assert len(standings(place)) == 1


def test_f55_of_two_active_tickets_one_stays_and_ours_is_ended_with_a_link(place: Tickets) -> None:
    """F55: destination commits a create after we asked and found nothing.

    second look finds both; oldest stays, ours is cancelled with a link; one active ticket.
    """
    place.rig.second(place.app, episode())
    # The first question is answered as if the slow create had not been there yet.
    place.app.faults.set([Rule(do="body", body=place.rig.nothing, operation=place.rig.reads)])
    place.play(lambda deliver: settle(deliver, place))
    assert standings(place).count("active") == 1
    (kept,) = [one for one in place.rig.tickets(place.app) if one.standing == "active"]
    (other,) = [one for one in place.rig.tickets(place.app) if one.standing != "active"]
    assert any(kept.number in note for note in other.notes)


def test_f43_what_an_event_says_is_never_a_template(place: Tickets) -> None:
    """F43: `{{7*7}}`, `{% … %}`, `${…}` in event message | printed literally; event data is never a template."""
    hostile = "{{7*7}} {% raw %} ${x} {{ episode.__class__ }}"
    assert isinstance(place.play(lambda deliver: deliver(episode(summary=hostile, message=hostile))).outcome, Done)
    (ticket,) = place.rig.tickets(place.app)
    assert ticket.text.count(hostile) >= 2
    assert "49" not in ticket.text


def test_f44_no_note_shows_what_an_event_says_as_html(place: Tickets) -> None:
    """F44: event message with HTML/JS into GLPI/ServiceNow | escaped; GLPI had stored XSS CVEs in 2026.

    ServiceNow's journals show as HTML what stands between `[code]` and `[/code]`, GLPI's followups everything.
    """
    hostile = "[code]<b>x</b>[/code] [CODE]<img src=x onerror=alert(1)>[/Code]"
    words = {"summary": hostile, "message": hostile}

    async def main(deliver: Delivering) -> None:
        for one in (episode(**words), episode(2, **words, **WORSE), resolved(3, **words, ended_by=hostile)):
            assert (await deliver(one)).outcome == Done()

    place.play(main)
    (ticket,) = place.rig.tickets(place.app)
    notes = "\n".join(ticket.notes)
    asked = "\n".join(one.body for one in place.app.faults.requests)
    assert "onerror" in ticket.text + notes
    if "SERVICENOW" in place.rig.url:
        assert not re.findall(r"(?i)\[/?code\]", notes)
    else:
        assert "<img" not in asked


def test_f47_a_key_that_is_no_key_never_reaches_the_system(place: Tickets) -> None:
    """F47: encoded query injection via object name: value-encoded; key is a hash."""
    answer = place.play(lambda deliver: deliver(episode(id="x^NQactive=true", problem_key="x")))
    assert isinstance(answer.outcome, Rejected)
    assert place.app.faults.requests == []


def test_a_text_that_is_longer_than_the_system_takes_is_cut_and_not_refused(place: Tickets) -> None:
    long = "no space left on device; " * 4000
    assert isinstance(place.play(lambda deliver: deliver(episode(summary=long[:2000], message=long))).outcome, Done)
    assert standings(place) == ["active"]


def test_the_check_is_good_and_names_a_wrong_credential_and_a_wrong_port(place: Tickets) -> None:
    def lines(**settings: str) -> list[tuple[bool | None, str]]:
        return place.play(lambda deliver: deliver.function.check(), **settings)

    before = standings(place)
    assert all(good is not False for good, _ in lines())
    assert standings(place) == before, "a check writes nothing"
    assert not lines(**{place.rig.secret: "wrong-or-expired"})[0][0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (bad, text), *_ = lines(**{place.rig.url: f"http://127.0.0.1:{taken.getsockname()[1]}"})
        assert not bad
        assert "connect" in text


def test_the_preview_shows_where_it_would_go_and_no_credential(place: Tickets) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        return [*deliver.preview(episode()), *deliver.preview(resolved())]

    shown = place.play(main)
    assert shown
    assert all(one.url.startswith(place.url) and one.destination == place.rig.function for one in shown)
    assert place.settings[place.rig.secret] not in str([one.headers for one in shown])
    assert place.app.faults.requests == []


def test_f60_in_shadow_a_ticket_is_shown_from_its_beginning_to_its_end_and_nothing_is_asked(place: Tickets) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or, for one destination, shadow: rendered and reported, not sent.
    """
    life = (episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1))
    life = life if place.returns else life[:3]
    results = told_in_shadow(place, life)
    assert shown_as(results) == ["open", "update", "resolve", "reopen", "resolve"][: len(life)]
    assert "Pod shop/api-0 keeps crashing" in sent(results[0])
    assert all(request["url"].startswith(place.url) for one in results for request in report(one)["requests"])
    assert len({one.reply.id for one in results if one.reply is not None}) == len(life)


def test_f60_out_of_shadow_the_next_snapshot_of_what_is_open_makes_its_ticket(place: Tickets) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    What shadow showed did not happen: let loose, the destination knows nothing.
    """
    (shown,) = told_in_shadow(place, [episode()])

    async def loose(deliver: Delivering) -> list[Result]:
        return [await deliver(episode(2, **WORSE)), await deliver(episode(2, **WORSE))]

    first, again = place.play(loose)
    assert (first.outcome, again.outcome) == (Done(), Duplicate())
    assert report(first)["operation"] == "open"
    assert standings(place) == ["active"]
    assert first.reply is not None
    assert shown.reply is not None
    assert first.reply.id != shown.reply.id, (
        "an archive keeps one of one id: the delivery must not be lost behind its show"
    )


def test_f60_what_shadow_shows_is_what_the_same_life_really_asks_of_the_system(place: Tickets) -> None:
    """F60: first start on a cluster with 5,000 old conditions: baseline: known, not ticketed, said.

    Or shadow: of each request that it shows, method and path are those of one that goes out without it.
    """
    life = (episode(), episode(2, **WORSE), resolved(3), BACK, resolved(5, reopened=1))
    life = life if place.returns else life[:3]
    shown = [
        (one["method"], one["url"]) for result in told_in_shadow(place, life) for one in report(result)["requests"]
    ]

    async def loose(deliver: Delivering) -> list[Result]:
        return [await deliver(one) for one in life]

    assert [one.outcome for one in place.play(loose)] == [Done()] * len(life)
    asked = [f"{one.method} {one.path}" for one in place.app.faults.requests]
    for method, url in shown:
        pattern = re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(f"{method} {url.removeprefix(place.url)}"))
        assert any(re.fullmatch(pattern, one.partition("?")[0]) for one in asked), (method, url)
