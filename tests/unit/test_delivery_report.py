"""The report of a delivery says what was written, without secrets and within bounds."""

import asyncio

from shared.delivery.claims import Claims
from shared.delivery.report import report_of, told_fields
from shared.delivery.tickets import Tickets
from shared.events.cloudevent import CloudEvent
from shared.events.delivery import DeliveryReport
from shared.stores.memory import MemoryStore
from shared.telemetry.metrics import Metrics
from tests.support.tickets import Desk, episode, render, run

CAUSE = CloudEvent("c", "s", "t")


def test_it_says_which_fields_were_written_and_of_a_duplicate_none() -> None:
    async def work() -> list[DeliveryReport]:
        tickets = Tickets(Desk(), Claims(MemoryStore(), "desk", Metrics()), render, Metrics())
        found = []
        for one in (episode(1), episode(1), episode(2, severity="critical")):
            delivered = await tickets.deliver(one, asyncio.get_running_loop().time() + 20)
            event = report_of(delivered, one, "desk", CAUSE)
            assert event is not None
            found.append(DeliveryReport.model_validate(event.data))
        return found

    first, again, second = run(work())
    assert first.fields == {"title": "Pod shop/api-0 keeps crashing", "urgency": "high", "work_notes": "open r1"}
    assert (again.result, again.fields) == ("duplicate", {})
    assert second.fields == {"urgency": "critical", "work_notes": "update r2"}, (
        "what was as it should be was not written"
    )


def test_f41_no_secret_stands_in_what_it_says() -> None:
    """F41: Secret object event: no value leaves the process, the audit trail's copy of what was sent included."""
    found = told_fields({"description": "token=Bearer abcdefghijklmnop1234567890", "password": "hunter2-hunter2"})
    assert "abcdefghijklmnop" not in found["description"]
    assert "hunter2" not in found["password"]


def test_what_it_says_is_bounded_and_says_so() -> None:
    assert told_fields({"text": "x" * 9000})["text"] == "x" * 1999 + "…"
    many = told_fields({f"f{number:02}": "x" * 500 for number in range(40)})
    assert sum(len(name) + len(text) for name, text in many.items()) <= 8192
    assert list(many) == [f"f{number:02}" for number in range(16)]
    assert told_fields({"count": 3, "things": [{"a": 1}]}) == {"count": "3", "things": '[{"a":1}]'}
