"""The trail finds what belongs to a ticket, and nothing of its neighbours."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.bus import trail as module
from shared.bus.embedded import EmbeddedBus
from shared.bus.topology import topic_of, wanted
from shared.bus.trail import Trail, find
from shared.cluster.access import Access
from shared.events.attributes import of as attributes
from shared.events.attributes import of_change, of_episode
from shared.events.change import Change
from shared.events.cloudevent import DELIVERY, CloudEvent, type_of_change, type_of_transition
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified, Verdict
from tests.support.changes import completed, running
from tests.support.records import classified, classified_event
from tests.support.remedies import Lab, StandIn, hook
from tests.support.servers import serve
from tests.support.tickets import KEY, START, episode, resolved

_SCOPE = "s" * 26


def seen(identity: str, minutes: float, verdict: dict[str, Any] | None = None, **changes: Any) -> CloudEvent:
    """Return an observation of the Pod in trouble, so long after the problem began."""
    time = START + timedelta(minutes=minutes)
    one = classified(identity, time=time, received=time, **changes)
    told = Verdict.model_validate({**one.verdict.model_dump(), "problem_key": KEY, **(verdict or {})})
    whole = Classified(observation=one.observation, verdict=told)
    names = {**attributes(whole.observation, told), "partitionkey": _SCOPE}
    return classified_event(whole)._replace(extensions=names)


def snapshot(one: Episode | Change) -> CloudEvent:
    problem = isinstance(one, Episode)
    kind = type_of_transition(one.transition) if problem else type_of_change(one.transition)
    names = of_episode(one) if isinstance(one, Episode) else of_change(one)
    data = one.model_dump(mode="json")
    return CloudEvent(
        f"{one.id}-{one.revision}", "tidings/correlator", kind, "", one.last_seen, extensions=names, data=data
    )


def report(one: Episode | Change, operation: str, **changes: Any) -> CloudEvent:
    problem = isinstance(one, Episode)
    values = {
        "destination": "servicenow_incident",
        "operation": operation,
        "key": one.id,
        "revision": one.revision,
        "result": "done",
        "cluster": one.cluster,
        "problem_key": KEY if problem else "",
        "record": "sys-1",
        "number": "INC0010001",
        "link": "https://servicenow.example/sys-1",
        "time": one.last_seen,
    }
    told = DeliveryReport.model_validate({**values, **changes})
    names = of_episode(one) if isinstance(one, Episode) else of_change(one)
    identity = f"d-{told.destination}-{told.key}-{told.revision}"
    data = told.model_dump(mode="json")
    return CloudEvent(identity, f"tidings/{told.destination}", DELIVERY, time=told.time, extensions=names, data=data)


OPENED, OVER = episode(1), resolved(2)
RECOVERY = {"phase": "recovery", "problem_key": "", "condition": "", "ends": ("crash-loop/*",)}
LATER = episode(1, start=START + timedelta(hours=5))
DAY = [
    seen("first", 0),
    snapshot(OPENED),
    report(OPENED, "open"),
    report(OPENED, "open", destination="webhook", record="", number="", link=""),
    seen("end", 1.5, RECOVERY, reason="Started"),
    snapshot(OVER),
    report(OVER, "resolve"),
]
OTHERS = [
    seen("other-problem", 1, {"problem_key": "another", "condition": "image-pull"}),
    seen("other-end", 1, {**RECOVERY, "ends": ("image-pull",)}),
    seen("much-later", 300),
    seen("later-end", 301, RECOVERY),
    snapshot(LATER),
    report(LATER, "open", number="INC0010002", record="sys-2"),
]


def played(folder: Path, events: Iterable[CloudEvent], *names: str) -> list[Trail]:
    async def inside() -> list[Trail]:
        bus = EmbeddedBus(folder / "bus.db")
        try:
            for topic in wanted(1):
                await bus.ensure(topic)
            for one in events:
                topic_name = topic_of(one)
                assert topic_name is not None
                await bus.publish(topic_name, one)
            return [await find(bus, name) for name in names]
        finally:
            await bus.close()

    return asyncio.run(inside())


def lines(trail: Trail) -> list[tuple[str, str]]:
    return [(entry.what, entry.facts.get("identity", entry.by)) for entry in trail.entries]


TOLD = [
    ("observed", "first"),
    ("problem opened", "correlator"),
    ("told: open", "servicenow_incident"),
    ("told: open", "webhook"),
    ("observed", "end"),
    ("problem resolved", "correlator"),
    ("told: resolve", "servicenow_incident"),
]


@pytest.mark.parametrize("name", ["INC0010001", "sys-1", OPENED.id])
def test_a_ticket_has_its_own_episode_and_nothing_of_the_next_one_or_of_other_problems(
    name: str, tmp_path: Path
) -> None:
    (found,) = played(tmp_path, [*OTHERS, *reversed(DAY)], name)
    assert sorted(lines(found)) == sorted(TOLD)
    assert [entry.time for entry in found.entries] == sorted(entry.time for entry in found.entries)
    assert lines(found)[0] == TOLD[0]
    assert lines(found)[-1] == TOLD[-1]


def test_a_problem_key_has_all_its_episodes(tmp_path: Path) -> None:
    (found,) = played(tmp_path, [*OTHERS, *DAY], KEY)
    assert set(lines(found)) == {*TOLD, ("observed", "much-later"), ("observed", "later-end")}
    assert {entry.facts["id"] for entry in found.entries if entry.by == "correlator"} == {OPENED.id, LATER.id}


def test_a_problem_of_which_nobody_was_told_is_found_in_the_events(tmp_path: Path) -> None:
    by_id, by_key, unknown = played(tmp_path, [DAY[0], DAY[1]], OPENED.id, KEY, "INC0010001")
    assert lines(by_id) == lines(by_key) == TOLD[:2]
    assert unknown.entries == []


def test_a_change_has_its_steps_and_its_request(tmp_path: Path) -> None:
    begun, done = running(), completed()
    thing = {"object": begun.object}
    events = [
        seen("step", 0, {"phase": "change", "problem_key": "", "condition": ""}, **thing),
        seen("elsewhere", 0, {"phase": "change", "problem_key": "", "condition": ""}),
        snapshot(begun),
        snapshot(done),
        report(done, "resolve", destination="servicenow_change", number="CHG0030001"),
    ]
    (found,) = played(tmp_path, events, "CHG0030001")
    assert sorted(lines(found)) == [
        ("change completed", "correlator"),
        ("change started", "correlator"),
        ("observed", "step"),
        ("told: resolve", "servicenow_change"),
    ]


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    broken = [DAY[1]._replace(id="x", data={"id": OPENED.id}), DAY[2]._replace(id="y", data=["INC0010001"])]
    (found,) = played(tmp_path, [*broken, *DAY], "INC0010001")
    assert sorted(lines(found)) == sorted(TOLD)


def test_what_is_too_much_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    (found,) = played(tmp_path, DAY, "INC0010001")
    assert (len(found.entries), found.left_off) == (3, len(DAY) - 3)


def test_what_remediate_did_tried_and_refused_stands_in_the_trail(tmp_path: Path) -> None:
    """Its own reports, as its edge sends them."""
    server = StandIn()
    server.deployment("web", "api-0", "api-1")
    with serve(server) as url:
        lab = Lab(tmp_path, lambda: Access(url), hook(), REMEDIATE="on")
        lab.clock.now = START.timestamp() + 3600
        first = lab.problem("api-0")
        done, refused = lab.tell(first, lab.problem("api-1"))
    told = [one.reply for one in (done, refused) if one.reply is not None]
    assert len(told) == 2
    (trail,) = played(tmp_path, [snapshot(first), *told], first.id)
    last = trail.entries[-1]
    assert (last.by, last.said) == (
        "remediate",
        "revision 1: done, Deployment/shop/web, restart: restart Deployment/shop/web, wrote request, spec, metadata",
    )
    (other,) = played(tmp_path / "other", told[1:], str(told[1].data["key"]))
    assert other.entries[-1].said.startswith(
        "revision 1: shadow, Deployment/shop/web, restart: not done: it bears our own mark of"
    )
