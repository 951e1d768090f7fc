"""Rows of the fault matrix that are special in change requests: walks of several requests, and what people announce."""

from typing import Any

import pytest

from shared.events.outcome import Done, Duplicate, Rejected, Retry
from shared.local.standins.faults import Rule
from tests.support.change_requests import LABELS, RIG, only, play, walked
from tests.support.changes import completed, running
from tests.support.rigs.place import placed


def test_f11_a_state_that_wants_a_field_is_refused_by_the_name_of_the_field() -> None:
    """F11: sink 400/422 for one field: Rejected, DLQ extension names stage+field; no retry storm."""
    with placed(RIG) as place:
        outcome = play(place, running(), SERVICENOW_ASSIGNMENT_GROUP="")[0].outcome
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "a data policy wants fields that are empty: Assignment group (403)"
        assert LABELS[only(place)["state"]] == "New"
        assert play(place, running())[0].outcome == Done(), "with a group it goes on, and no second one is made"
        assert only(place)["state"] == "-1"


def test_f10_a_template_that_cannot_be_asked_for_now_is_asked_for_later() -> None:
    """F10: sink 500/502/503: bounded retries with jitter, then Retry; after recovery drains without operator."""
    with placed(RIG) as place:
        place.app.faults.set([Rule(do="status", status=503, path="std_change_record_producer", count=0)])
        assert isinstance(play(place, running())[0].outcome, Retry)
        place.app.faults.set([])
        assert play(place, running())[0].outcome == Done()


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("fault", ["commit-then-reset", "status"])
def test_f03_a_walk_that_was_broken_off_goes_on_where_it_is(fault: Any, nth: int) -> None:
    """F03: SIGKILL mid-send (bytes out): DOUBT path: find(key) first; one ticket."""
    with placed(RIG) as place:
        place.app.faults.set([Rule(do=fault, operation="update", status=502, nth=nth, count=1)])
        for one in (running(), completed()):
            for _ in range(6):
                outcome = play(place, one)[0].outcome
                place.clock.now += 60
                if isinstance(outcome, Done | Duplicate):
                    break
                assert isinstance(outcome, Retry)
        assert (only(place)["state"], only(place)["close_code"]) == ("3", "successful")
        assert walked(place).count("Closed") <= 2


def test_f47_a_plan_that_is_no_number_is_not_asked_for() -> None:
    """F47: encoded query injection in ServiceNow `sysparm_query` via object name: value-encoded; key is a hash."""
    with placed(RIG) as place:
        play(place, running(planned=True, plan="CHG0000001^NQactive=true"))
        assert not [one for one in place.app.faults.requests if "NQactive" in one.path]
        assert only(place)["state"] == "-1"
