"""What tests of change requests share: roll-outs told one after the other, and what became of them."""

import asyncio

import yaml

from shared.events.change import Change
from shared.runtime.function import Call, Result
from tests.support.rigs.place import Delivering, Place, TicketRig, event_of
from tests.support.rigs.registry import TICKETS

RIG = TICKETS["servicenow_change"]
NORMAL = {"SERVICENOW_CHANGE_TEMPLATE": ""}
LABELS = {
    "-5": "New",
    "-4": "Assess",
    "-3": "Authorize",
    "-2": "Scheduled",
    "-1": "Implement",
    "0": "Review",
    "3": "Closed",
}


def play(place: Place[TicketRig], *told: Change, **settings: str) -> list[Result]:
    """Deliver snapshots one after the other."""

    async def main(deliver: Delivering) -> list[Result]:
        results = []
        for one in told:
            call = Call(asyncio.get_running_loop().time() + 10)
            results.append(await deliver.function.handle(event_of(one), call))
        return results

    return place.play(main, **settings)


def only(place: Place[TicketRig]) -> dict[str, str]:
    """Return the one change request that there is."""
    (row,) = place.app.records("change_request")
    found: dict[str, str] = row
    return found


def notes(place: Place[TicketRig]) -> str:
    return "\n".join(entry["value"] for entry in place.app.journal(only(place)["sys_id"]))


def walked(place: Place[TicketRig]) -> list[str]:
    """Return the states that were asked for, in their order."""
    bodies = [one.body for one in place.app.faults.requests if one.method == "PATCH"]
    return [LABELS[state] for body in bodies for state in [yaml.safe_load(body).get("state")] if state in LABELS]
