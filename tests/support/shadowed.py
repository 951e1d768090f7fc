"""What the contract suites share of shadow: how a destination is put into it, and what it must show."""

from collections.abc import Sequence
from typing import Any

from shared.events.episode import Episode
from shared.events.model import Classified
from shared.events.outcome import Done
from shared.runtime.function import Result
from tests.support.rigs.place import Delivering, Place


def told_in_shadow(place: Place[Any], subjects: Sequence[Episode | Classified]) -> list[Result]:
    """Deliver to the place's function in shadow, and return its answers.

    Each of them is Done with a report of shadow. Nothing reaches the system, the store is left alone, and the function
    says how it stands.
    """

    async def main(deliver: Delivering) -> list[Result]:
        readiness = deliver.function.readiness()
        assert readiness.ready
        assert "in shadow" in readiness.notes[0]
        results = [await deliver(one) for one in subjects]
        assert [entry async for entry in place.store.scan("")] == [], "the store knows of what did not happen"
        return results

    results = place.play(main, SHADOW=place.rig.function.replace("_", "-"))
    assert place.app.faults.requests == []
    for result in results:
        assert result.outcome == Done()
        assert report(result)["result"] == "shadow"
        assert report(result)["requests"]
    total = place.metrics.total
    assert total("tidings_deliveries_total", result="shadow") == len(results)
    assert total("tidings_deliveries_total") == len(results), "shadow is counted as nothing else"
    return results


def report(result: Result) -> dict[str, Any]:
    """Return the report that a delivery was answered with."""
    assert result.reply is not None
    data: dict[str, Any] = result.reply.data
    return data


def shown_as(results: Sequence[Result]) -> list[str]:
    """Return what would have been done, in order."""
    return [report(one)["operation"] for one in results]


def sent(result: Result) -> str:
    """Return all that would have been sent, as one text to look for something in."""
    return str(report(result)["requests"])
