"""Records that an older version wrote: tickets stay what they are, and none is opened twice.

`tests/support/stored/version_1.json` holds what the correlator before there was a policy kept of four pods, and what
it had told. `open` and `holds` (a recovery waits) have tickets, `resolved` had one, `not-yet` occurred once of three
times.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from shared.episodes.policy import Policies, Policy
from shared.events.episode import Episode
from shared.events.identity import event_identity
from shared.events.model import Classified, ObjectRef
from shared.stores.protocol import ABSENT
from tests.support.life import Life, trouble

STORED = json.loads((Path(__file__).parents[1] / "support" / "stored" / "version_1.json").read_text())
TOLD = {name: (key, revision) for key, (name, _, _, revision) in STORED["told"].items()}


def seen(at: float, name: str, count: int, condition: str = "crash-loop", **changes: Any) -> Classified:
    """Return the next of a pod's Events, by the names under which the older version saw them."""
    identity, uid = event_identity("c", name + condition, count), name + condition
    thing = ObjectRef(kind="Pod", namespace="shop", name=name)
    return trouble(at, thing, condition, count=count, **changes).model_copy(
        update={"observation": _named(trouble(at, thing, condition, count=count), identity, uid)}
    )


def _named(one: Classified, identity: str, uid: str) -> Any:
    return one.observation.model_copy(update={"identity": identity, "source_uid": uid})


async def _lived(*, again: bool) -> dict[str, list[Episode]]:
    """Return what is told of each pod by a correlator that goes on with what was stored."""
    life = Life(Policies(Policy()), _ticked=130.0)
    for key, value in STORED["entries"].items():
        assert await life.store.put(key, value.encode(), expected=ABSENT) is not None
    await life.until(200)
    if again:
        await life.at(
            200, seen(200, "open", 4), seen(200, "resolved", 2), seen(200, "not-yet", 3, "image", ticket_after=3)
        )
    await life.until(4000)
    return {name: [one for one in life.told if one.object.name == name] for name in TOLD}


def test_what_version_1_wrote_goes_on_under_its_ids_with_one_ticket_each() -> None:
    told = asyncio.run(_lived(again=True))
    for name, (episode, revision) in TOLD.items():
        assert {one.id for one in told[name]} == {episode}, name
        assert [one.revision for one in told[name]] == list(range(revision + 1, revision + 1 + len(told[name]))), name
    assert [(one.transition, one.ticket) for one in told["not-yet"]][-1] == ("updated", True)
    assert next((one.transition, one.ticket) for one in told["resolved"]) == ("reopened", True)
    assert {one.state for one in told["open"]} == {"open"}
    assert [(one.state, one.ended_by) for one in told["holds"]] == [("resolved", "Started")]


def test_what_version_1_wrote_is_not_told_again_where_nothing_is_new() -> None:
    told = asyncio.run(_lived(again=False))
    assert {one.transition for one in told["open"]} <= {"updated"}
    assert {name: len(told[name]) for name in ("resolved", "not-yet", "holds")} == {
        "resolved": 0,
        "not-yet": 0,
        "holds": 1,
    }
