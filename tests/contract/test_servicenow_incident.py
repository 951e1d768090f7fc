"""The servicenow_incident function against an instance: what each snapshot makes of its incident."""

import pytest

from shared.events.outcome import Done, Duplicate, Ignored
from shared.local.standins.faults import Rule
from shared.runtime.function import Result
from tests.support.incidents import Delivering, instance
from tests.support.tickets import episode, resolved

BACK = episode(4, transition="reopened", reopened=1)


def test_an_open_snapshot_becomes_one_incident_that_people_can_read() -> None:
    with instance() as sn:
        answer = sn.play(lambda deliver: deliver(episode(labels={"tidings.dev/assignment-group": "Storage"})))
        row = sn.incidents()[0]
        group = next(one for one in sn.app.records("sys_user_group") if one["name"] == "Storage")
        assert row["short_description"] == "[prod-1] Pod shop/api-0 keeps crashing"
        assert "Object: Pod/shop/api-0\n" in row["description"]
        assert (row["impact"], row["urgency"], row["priority"], row["state"]) == ("2", "2", "3", "1")
        assert (row["correlation_id"], row["assignment_group"]) == (episode().id, group["sys_id"])
        assert row["correlation_display"] == f"tidings:{episode().problem_key}:1:0:o"
        assert answer.outcome == Done()
        assert answer.reply is not None
        assert answer.reply.data["number"] == row["number"]
        assert row["sys_id"] in answer.reply.data["link"]
        assert answer.reply.extensions["problemkey"] == episode().problem_key
        assert answer.reply.extensions["traceparent"].startswith("00-1111")


def test_the_life_of_an_episode_is_the_life_of_one_incident() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> list[tuple[str, str]]:
            seen = []
            later = episode(2, transition="updated", severity="critical")
            for one in (episode(), later, resolved(3), BACK, resolved(5, reopened=1)):
                answer = await deliver(one)
                assert answer.reply is not None
                seen.append((answer.reply.data["operation"], sn.incidents()[0]["state"]))
            return seen

        states = [("open", "1"), ("update", "1"), ("resolve", "6"), ("reopen", "2"), ("resolve", "6")]
        assert sn.play(main) == states
        row = sn.incidents()[0]
        assert len(sn.incidents()) == 1
        assert row["close_code"] == "Solution provided"
        assert row["close_notes"].startswith("The problem ended after 1 h, 1 occurrence; ended by Started.")
        assert [note.splitlines()[-1] for note in sn.notes(row)] == [
            f"[{episode().id} r{revision}]" for revision in (2, 3, 4, 5)
        ]


def test_a_snapshot_that_comes_again_changes_nothing_and_is_reported_under_the_same_id() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> tuple[Result, Result]:
            first = await deliver(episode())
            before = sn.incidents()
            second = await deliver(episode())
            assert sn.incidents() == before
            return first, second

        first, second = sn.play(main)
        assert isinstance(second.outcome, Duplicate)
        assert first.reply is not None
        assert second.reply is not None
        assert first.reply.id == second.reply.id
        assert [first.reply.data["result"], second.reply.data["result"]] == ["done", "duplicate"]
        assert sn.metrics.value("tidings_duplicates_total", function="servicenow_incident") == 1


def test_what_an_agent_changed_by_hand_stays() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            row = sn.incidents()[0]
            sn.app.change("incident", row["sys_id"], {"impact": "3", "assignment_group": "g" * 32, "state": "2"})
            await deliver(episode(2, transition="updated", severity="critical"))

        sn.play(main)
        row = sn.incidents()[0]
        assert (row["impact"], row["urgency"], row["assignment_group"], row["state"]) == ("3", "1", "g" * 32, "2")


def test_an_incident_on_hold_is_told_of_the_end_and_stays_on_hold() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> Result:
            await deliver(episode())
            sn.app.change("incident", sn.incidents()[0]["sys_id"], {"state": "3", "hold_reason": "4"})
            return await deliver(resolved())

        assert isinstance(sn.play(main).outcome, Done)
        row = sn.incidents()[0]
        assert row["state"] == "3"
        assert "The problem ended after 1 h, 1 occurrence; ended by Started." in sn.notes(row)[-1]


@pytest.mark.parametrize(("state", "after", "incidents"), [("6", "2", 1), ("7", "7", 2), ("8", "8", 2)])
def test_what_people_ended_comes_back_only_with_the_problem(state: str, after: str, incidents: int) -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            sn.app.change("incident", sn.incidents()[0]["sys_id"], {"state": state, "close_code": "Known error"})
            lasting = await deliver(episode(2, transition="updated", severity="critical"))
            assert isinstance(lasting.outcome, Ignored)
            assert isinstance((await deliver(resolved(3))).outcome, Ignored)
            assert sn.incidents()[0]["state"] == state
            assert isinstance((await deliver(BACK)).outcome, Done)

        sn.play(main)
        assert len(sn.incidents()) == incidents
        assert sn.incidents()[0]["state"] == after
        assert len(sn.active()) == 1
        if incidents == 2:
            assert f"Follows {sn.incidents()[0]['number']}" in sn.notes(sn.incidents()[1])[0]


def test_a_close_code_that_someone_chose_stays_when_the_incident_is_resolved() -> None:
    with instance() as sn:

        async def main(deliver: Delivering) -> None:
            await deliver(episode())
            row = sn.incidents()[0]
            sn.app.change("incident", row["sys_id"], {"close_code": "Known error", "close_notes": "see the wiki"})
            await deliver(resolved())

        sn.play(main)
        row = sn.incidents()[0]
        assert (row["state"], row["close_code"], row["close_notes"]) == ("6", "Known error", "see the wiki")


def test_a_group_that_is_not_there_never_refuses_the_ticket() -> None:
    with instance() as sn:
        one = episode(labels={"tidings.dev/assignment-group": "No Such ^Team"})
        assert isinstance(sn.play(lambda deliver: deliver(one)).outcome, Done)
        assert sn.incidents()[0]["assignment_group"] == ""
        assert "'No Such ^Team' was not found" in sn.notes(sn.incidents()[0])[0]
    with instance() as sn:
        one = episode(labels={"tidings.dev/assignment-group": "Nobody"})
        assert isinstance(
            sn.play(lambda deliver: deliver(one), SERVICENOW_ASSIGNMENT_GROUP="Service Desk").outcome, Done
        )
        group = next(row for row in sn.app.records("sys_user_group") if row["name"] == "Service Desk")
        assert sn.incidents()[0]["assignment_group"] == group["sys_id"]


def test_with_a_unique_key_the_second_writer_finds_the_first_ones_incident() -> None:
    with instance(unique_correlation_id=True) as sn:

        async def main(deliver: Delivering) -> Result:
            sn.app.insert("incident", {"correlation_id": episode().id, "state": "1", "short_description": "first"})
            sn.app.faults.set([Rule(do="body", body='{"result": []}', operation="find")])
            await deliver(episode())
            return await deliver(episode())

        sn.play(main)
        assert len(sn.incidents()) == 1


def test_rows_that_the_query_did_not_mean_are_never_touched() -> None:
    with instance() as sn:
        stranger = sn.app.insert("incident", {"short_description": "someone's own", "state": "1"})
        before = sn.incidents()
        row = f'{{"sys_id": "{stranger}", "state": "1", "sys_created_on": "2020-01-01 00:00:00"}}'
        sn.app.faults.set([Rule(do="body", body=f'{{"result": [{row}]}}', operation="find", count=0)])
        answer = sn.play(lambda deliver: deliver(episode()))
        assert isinstance(answer.outcome, Done)
        assert sn.incidents()[:1] == before
        assert [one["correlation_id"] for one in sn.incidents()] == ["", episode().id]
