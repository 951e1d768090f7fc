"""Rows of the fault matrix that are GLPI's own."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest

from shared.destinations.glpi.text import text_of
from shared.events.outcome import Done, Duplicate, Ignored, InProgress, Rejected, Retry
from shared.local.standins.faults import Rule
from tests.support.rigs.glpi import ModernTickets, Tickets
from tests.support.rigs.place import Delivering, Place, placed
from tests.support.tickets import episode, resolved


@pytest.fixture
def place() -> Iterator[Place[Tickets]]:
    with placed(Tickets()) as one:
        yield one


def other(number: int) -> Any:
    key = f"{number:026d}"
    return episode(id=f"{key}-1abc", problem_key=key)


def test_f37_a_killed_session_is_made_again_once_and_not_for_each_event(place: Place[Tickets]) -> None:
    """F37: GLPI session token killed | re-init once per process under lock, not per event."""

    async def main(send: Delivering) -> tuple[list[Any], list[Any]]:
        before = [(await send(other(number))).outcome for number in range(3)]
        assert place.app.faults.count(operation="initSession") == 1, "one session for all events"
        place.app.kill_sessions()
        after = await asyncio.gather(*(send(other(number)) for number in range(10, 30)))
        return before, [one.outcome for one in after]

    before, after = place.play(main)
    assert before == [Done()] * 3
    assert after == [Done()] * 20
    assert place.app.faults.count(operation="initSession") == 2
    assert len(place.app.records("Ticket")) == 23


def test_f37_the_session_is_ended_with_the_function(place: Place[Tickets]) -> None:
    """F37, the other end: what was begun over there is not left behind."""
    place.play(lambda send: send(episode()))
    assert place.app.sessions() == 0
    assert place.app.faults.requests[-1].operation == "killSession"


def test_f37_a_session_that_is_not_led_to_its_entity_in_time_is_gone_on_with(place: Place[Tickets]) -> None:
    """F37: re-init once per process: also where GLPI is slow, each try would leave a session behind over there."""
    place.app.faults.set([Rule(do="delay", seconds=0.5, path="getMyEntities", count=2)])

    async def main(send: Delivering) -> tuple[list[Any], int]:
        return [(await send(other(number))).outcome for number in range(3)], place.app.sessions()

    outcomes, sessions = place.play(main, GLPI_ENTITY="Root entity", GLPI_TIMEOUT="0.3")
    assert [type(one) for one in outcomes] == [Retry, Retry, Done]
    assert sessions == place.app.faults.count(operation="initSession") == 1
    assert place.app.sessions() == 0


def test_f37_a_glpi_that_forgets_every_session_is_left_in_peace(place: Place[Tickets]) -> None:
    """F37: not per event, also where a new session helps nothing."""

    async def main(send: Delivering) -> list[Any]:
        place.app.faults.set(
            [Rule(do="status", status=401, body='["ERROR_SESSION_TOKEN_INVALID","x"]', operation="find", count=0)]
        )
        return [(await send(other(number))).outcome for number in range(20)]

    outcomes = place.play(main)
    assert {type(one) for one in outcomes} == {Retry}
    assert place.app.faults.count(operation="initSession") <= 4
    assert place.metrics.value("tidings_auth_failures_total", destination="glpi_ticket") >= 1


def test_f36_a_wrong_app_token_is_not_hammered(place: Place[Tickets]) -> None:
    """F36: credential expired mid-run (401): then 503 + `auth_failures_total`; no lock-out of account (max 1/min)."""

    async def main(send: Delivering) -> list[Any]:
        first = (await send(other(1))).outcome
        place.app.access.app_token = "changed"  # noqa: S105 -- of a stand-in
        return [first, *[(await send(other(number))).outcome for number in range(2, 8)]]

    first, *refused = place.play(main)
    assert first == Done()
    assert {type(one) for one in refused} == {Retry}
    assert len([one for one in place.app.faults.requests if one.status == 400]) <= 2


class _Elements(HTMLParser):
    """The elements and attributes of a page that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen += [tag, *(name for name, _ in attrs)]


HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)"> </p><iframe srcdoc=\'&lt;b&gt;\'> & "q" \u202e \x00\x1b'
)


def test_f44_what_an_event_says_is_never_html(place: Place[Tickets]) -> None:
    """F44: event message with HTML/JS into GLPI/ServiceNow | escaped; GLPI had stored XSS CVEs in 2026."""

    async def main(send: Delivering) -> list[Any]:
        hostile = {"summary": HOSTILE, "message": HOSTILE}
        worse = {"severity": "critical", "transition": "updated"}
        ended = {**hostile, "ended_by": HOSTILE}
        back = {**hostile, "transition": "reopened", "reopened": 1}
        sent = (episode(**hostile), episode(2, **hostile, **worse), resolved(3, **ended), episode(4, **back))
        return [(await send(one)).outcome for one in sent]

    assert place.play(main) == [Done()] * 4
    (ticket,) = place.app.records("Ticket")
    texts = [ticket["content"], *(note["content"] for _, note in place.app.notes(ticket["id"]))]
    assert len(texts) == 4
    for text in texts:
        shown = _Elements()
        shown.feed(text.replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&"))  # as GLPI shows it
        assert set(shown.seen) <= {"p", "br"}
        assert "<script>alert(1)</script>" in text_of(text)
    assert not {"<", ">"} & set(ticket["name"].replace("&#60;", "<"))


def test_f12_a_glpi_without_its_database_is_waited_for(place: Place[Tickets]) -> None:
    """F12: sink 200 with HTML login page / empty body | treated as failure (content-type + shape check), not Done.

    With its database down GLPI answers 200 and a page to everything (reference/destinations.md §2.1).
    """
    place.app.options = replace(place.app.options, database_down=True)
    outcome = place.play(lambda send: send(episode())).outcome
    assert isinstance(outcome, Retry)
    assert outcome.after == 30
    place.app.options = replace(place.app.options, database_down=False)
    assert place.play(lambda send: send(episode())).outcome == Done()


@pytest.mark.parametrize(
    "body",
    [
        '["ERROR_GLPI_ADD","You don\'t have permission to perform this action."]',
        '["ERROR_GLPI_ADD",""]',
        '["ERROR_JSON_PAYLOAD_INVALID","JSON payload seems not valid"]',
    ],
)
def test_f11_what_glpi_refuses_goes_to_the_dead_letters_at_once(place: Place[Tickets], body: str) -> None:
    """F11: sink 400/422 for one field | Rejected, DLQ extension names stage+field; no retry storm."""
    place.app.faults.set([Rule(do="status", status=400, body=body, operation="create", count=0)])
    outcome = place.play(lambda send: send(episode())).outcome
    assert isinstance(outcome, Rejected)
    assert outcome.stage == "glpi_ticket"
    assert "permission" not in outcome.reason, "their words stay in the log"
    assert place.app.faults.count(operation="create") == 1


def test_f18_a_partial_success_is_told_by_its_items(place: Place[Tickets]) -> None:
    """F18, as GLPI has it: 207 is not yet success; the items say which of them failed."""
    partial = '["ERROR_GLPI_PARTIAL_ADD",[{"id":false,"message":"no"}]]'
    place.app.faults.set([Rule(do="status", status=207, body=partial, operation="create")])
    assert isinstance(place.play(lambda send: send(episode())).outcome, Rejected)
    assert place.play(lambda send: send(episode())).outcome == Done()
    partial = '["ERROR_GLPI_PARTIAL_UPDATE",[{"1":false,"message":"no"}]]'
    place.app.faults.set([Rule(do="status", status=207, body=partial, operation="update")])
    worse = episode(2, severity="critical", transition="updated")
    assert isinstance(place.play(lambda send: send(worse)).outcome, Rejected)
    assert place.play(lambda send: send(worse)).outcome == Done()


LIFE = (
    episode(),
    episode(2, severity="critical", transition="updated"),
    resolved(3),
    episode(4, transition="reopened", reopened=1),
    resolved(5, reopened=1),
)
FAULTS = (
    Rule(do="reset"),
    Rule(do="commit-then-reset"),
    Rule(do="commit-then-status", status=502),
    Rule(do="status", status=503),
    Rule(do="html"),
    Rule(do="status", status=401, body='["ERROR_SESSION_TOKEN_INVALID","session_token seems invalid"]'),
)
WHERE = (
    *(("initSession", 1), ("token", 1), ("lookup", 1), ("create", 1), ("update", 1)),
    *((operation, nth) for operation in ("find", "read", "followup", "solution") for nth in (1, 2)),
)
RIGS = {"legacy": Tickets(), "v2": ModernTickets()}
STRIKES = [("legacy", fault) for fault in FAULTS] + [("v2", fault) for fault in FAULTS[1:3]]
"""What is written and not answered matters most; the rest goes the same way by both APIs."""


@pytest.mark.parametrize(("rig", "fault"), STRIKES, ids=lambda one: one if isinstance(one, str) else one.do)
def test_f03_f04_f14_any_single_fault_leaves_one_ticket_and_each_text_once(rig: str, fault: Rule) -> None:
    """F03, F04, F14: bytes out, committed or not, and no believable answer: find(key) first; one ticket.

    Wherever in the life of an episode it strikes: each delivery is repeated as a broker does.
    """
    for operation, nth in WHERE:
        if operation in {"initSession", "token"} and (fault.status == 401 or (operation == "token") != (rig == "v2")):
            continue  # a 401 there is about the credentials, which rest for a minute
        with placed(RIGS[rig]) as place:
            place.app.faults.set([replace(fault, operation=operation, nth=nth)])
            where = f"{operation} {nth}"
            assert set(place.play(partial(_lead, place))) <= {Done, Duplicate, Ignored}, where
            (ticket,) = place.app.records("Ticket")
            assert ticket["status"] == 5, where
            said = [text_of(note["content"]) for _, note in place.app.notes(ticket["id"])]
            marks = [text.rpartition("[k8s:")[2] for text in said]
            assert len(marks) == len(set(marks)), where
            assert [mark.partition(" ")[2] for mark in marks if " r5." in mark] == ["r5.1e]"], where


async def _lead(place: Place[Any], send: Delivering) -> list[type]:
    """Deliver a whole life, each snapshot until its answer is final."""
    ends: list[type] = []
    for one in LIFE:
        outcome = (await send(one)).outcome
        for _ in range(8):
            if not isinstance(outcome, Retry | InProgress):
                break
            place.clock.now += 60
            outcome = (await send(one)).outcome
        ends.append(type(outcome))
    return ends
