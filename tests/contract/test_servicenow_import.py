"""SERVICENOW_IMPORT_SET: incidents are written through an import set, and work as those of the Table API do."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from shared.delivery.failure import Ambiguous, Failure, Refused, Temporary
from shared.destinations.answer import Answer
from shared.destinations.servicenow.writing import judge_import
from shared.events.outcome import Done, Duplicate, InProgress, Rejected, Retry
from shared.local.standins.faults import Rule
from shared.local.standins.servicenow import Options
from tests.contract import test_ticket_destinations as suite
from tests.contract import test_ticket_failures as failures
from tests.support.rigs.place import Delivering, Tickets, placed, settle, standings
from tests.support.rigs.registry import TICKETS
from tests.support.tickets import START, episode, resolved

STAGING = "u_tidings_incident"
LIKE_THE_OTHERS = (
    suite.test_the_life_of_an_episode_is_the_life_of_one_ticket,
    suite.test_the_report_leads_people_to_the_ticket,
    suite.test_a_snapshot_that_comes_again_changes_nothing,
    suite.test_an_older_snapshot_never_overwrites_a_newer_one,
    suite.test_after_a_lost_store_the_ticket_is_found_by_its_key,
    suite.test_f21_ten_at_once_make_one_ticket,
    failures.test_f08_a_rate_limit_is_handed_on_with_its_own_wait_and_nothing_is_asked_meanwhile,
    suite.test_f43_what_an_event_says_is_never_a_template,
    suite.test_a_text_that_is_longer_than_the_system_takes_is_cut_and_not_refused,
)
SYS_ID = "0" * 32


@pytest.fixture
def place() -> Iterator[Tickets]:
    with placed(TICKETS["servicenow_incident"]) as one:
        one.settings = {**one.settings, "SERVICENOW_IMPORT_SET": STAGING}
        yield one


@pytest.mark.parametrize("promise", LIKE_THE_OTHERS, ids=lambda promise: promise.__name__)
def test_what_every_ticket_system_promises_holds(place: Tickets, promise: Any) -> None:
    promise(place)
    assert place.app.faults.count(operation="create") == 0
    assert place.app.faults.count(operation="import") > 0 or not standings(place)


@pytest.mark.parametrize("fault", ["commit-then-time-out", "commit-then-reset", "commit-then-status"])
def test_f14_an_import_of_which_nothing_was_heard_makes_no_second_ticket(place: Tickets, fault: Any) -> None:
    """F14: read timeout after sink committed: DOUBT -> find -> one ticket."""
    place.app.faults.set([Rule(do=fault, operation="import", status=504)])
    outcomes = place.play(lambda deliver: settle(deliver, place), **place.rig.hurried)
    assert outcomes[-1] in {Done, Duplicate}
    assert standings(place) == ["active"]


def test_f55_two_who_find_nothing_at_the_same_time_make_one_ticket(place: Tickets) -> None:
    """F55: destination commits a create after we asked and found nothing. Here their mutex makes one of both."""
    place.rig.second(place.app, episode())
    place.app.faults.set([Rule(do="body", body='{"result": []}', operation="find")])
    outcomes = place.play(lambda deliver: settle(deliver, place))
    assert outcomes[-1] in {Done, Duplicate}
    assert standings(place) == ["active"]


def test_the_ticket_of_an_earlier_occurrence_is_taken_over_and_not_made_twice(place: Tickets) -> None:
    later = episode(start=START + timedelta(days=1))

    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(one)).outcome for one in (episode(), later, resolved())]

    outcomes = place.play(main)
    assert outcomes[:2] == [Done(), Done()]
    (row,) = place.app.records("incident")
    assert row["correlation_id"] == later.id
    assert row["state"] == "1", "the end of the earlier one is not the later one's"


def test_a_row_that_the_transform_refuses_is_a_dead_letter_that_names_the_field(place: Tickets) -> None:
    place.app.options = Options(mandatory=("business_service",))
    outcome = place.play(lambda deliver: deliver(episode())).outcome
    reason = "a data policy wants fields that are empty: Business service"
    assert outcome == Rejected("servicenow_incident", reason)


def test_a_staging_table_that_is_not_there_is_a_dead_letter(place: Tickets) -> None:
    outcome = place.play(lambda deliver: deliver(episode()), SERVICENOW_IMPORT_SET="u_none").outcome
    assert isinstance(outcome, Rejected)


def test_a_transform_that_does_not_keep_the_key_makes_one_ticket_and_not_one_for_each_snapshot(
    place: Tickets,
) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        return [(await deliver(episode(number))).outcome for number in (1, 2, 3)]

    outcomes = place.play(main, SERVICENOW_IMPORT_PREFIX="x_")
    assert {type(one) for one in outcomes} == {Rejected}
    assert len(place.app.records("incident")) == 1


def row(**values: Any) -> Any:
    return {"import_set": "ISET1", "result": [{"table": "incident", **values}]}


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (201, row(status="inserted", sys_id=SYS_ID), SYS_ID),
        (201, row(status="updated", sys_id=SYS_ID), SYS_ID),
        (201, row(status="ignored", sys_id=SYS_ID), SYS_ID),
        (201, row(status="error", error_message="hunter2"), Refused),
        (201, row(status="skipped"), Refused),
        (201, row(status="inserted"), Ambiguous),
        (201, row(status="inserted", sys_id="x^NQ"), Ambiguous),
        (201, {"result": []}, Ambiguous),
        (200, None, Ambiguous),
        (503, None, Temporary),
        (429, None, Temporary),
        (500, None, Ambiguous),
        (403, None, Refused),
    ],
)
def test_a_201_counts_only_where_its_row_says_so(status: int, body: Any, meaning: Any) -> None:
    judged: str | Failure = judge_import(Answer(status, httpx2.Headers(), b"", body), 0.0)
    assert judged == meaning if isinstance(meaning, str) else isinstance(judged, meaning)
    assert "hunter2" not in str(getattr(judged, "reason", ""))


def test_several_at_once_wait_for_the_claim_as_ever(place: Tickets) -> None:
    async def main(deliver: Delivering) -> list[Any]:
        return [one.outcome for one in await asyncio.gather(*(deliver(episode(n)) for n in (1, 2, 3)))]

    outcomes = place.play(main)
    assert all(
        isinstance(one, Done | Duplicate | InProgress | Retry) or one.__class__.__name__ == "Ignored"
        for one in outcomes
    )
    assert standings(place) == ["active"]
