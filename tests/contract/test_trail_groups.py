"""The trail of a ticket that stands for many problems has what was observed of each, and nothing of others."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Record, Start
from shared.bus.trail import Trail
from shared.episodes.policy import Limit, Policies, Policy
from shared.events.attributes import of as attributes
from shared.events.cloudevent import CloudEvent
from shared.events.episode import Episode
from shared.events.model import Classified
from tests.contract.test_trail import played, report, snapshot
from tests.support.life import Life, fine, pod, trouble
from tests.support.records import classified_event

GROUPED = Policy(name="grouped", group_by=("condition",), resolve_after=0.0)
LIMITED = Policy(limit=Limit(tickets=0, within=600.0, per=("cluster",)), resolve_after=0.0)
BOTH = Policy(
    group_by=("namespace", "condition"), limit=Limit(tickets=0, within=600.0, per=("cluster",)), resolve_after=0.0
)
TEAMS = [trouble(number, pod(number, f"team-{number}"), "crash-loop") for number in range(3)]
ENDS = [fine(300, pod(number, f"team-{number}"), "crash-loop") for number in range(3)]
LATER = [trouble(100_000, pod(1, "team-1"), "crash-loop", count=9)]
OTHERS = [trouble(5, pod(9, "team-1"), "crash-loop", cluster="other")]


def kept(seen: Sequence[Classified], told: Sequence[Episode]) -> list[CloudEvent]:
    """Return what a bus keeps of it."""
    events = [
        classified_event(one)._replace(extensions=attributes(one.observation, one.verdict), id=one.observation.identity)
        for one in seen
    ]
    return [*events, *map(snapshot, told)]


def trail_of_its_ticket(policy: Policy, folder: Path) -> Trail:
    """Play the story, tell of the first ticket of it, and return its trail."""

    async def play() -> tuple[Episode, list[Episode]]:
        life = Life(Policies(policy))
        await life.see(*TEAMS, *OTHERS)
        await life.until(290)
        ticket = next(one for one in life.tickets.values() if one.episode.cluster == "c")
        await life.at(300, *ENDS)
        await life.at(100_000, *LATER)
        await life.until(100_100)
        return ticket.episode, life.told

    ticket, told = asyncio.run(play())
    (found,) = played(folder, [*kept([*TEAMS, *ENDS, *LATER, *OTHERS], told), report(ticket, "open")], "INC0010001")
    return found


@pytest.mark.parametrize("policy", [GROUPED, LIMITED, BOTH], ids=["group", "summary", "summary of groups"])
def test_it_has_what_was_observed_of_each_member_and_who_they_are(policy: Policy, tmp_path: Path) -> None:
    entries = trail_of_its_ticket(policy, tmp_path).entries
    observed = [entry for entry in entries if entry.what == "observed"]
    assert sorted((one.facts["object"], one.facts["phase"], one.facts["count"], one.by) for one in observed) == [
        (f"Pod/team-{number}/web-{number}", phase, 1, "rule r")
        for number in range(3)
        for phase in ("problem", "recovery")
    ]
    said = [entry.said for entry in entries if entry.what == "problem updated"]
    place = "in the ticket of its group" if policy.group_by else "in the summary beyond the limit"
    for number in range(3):
        assert any(f"web-{number} crash-loop: open" in text and text.endswith(place) for text in said), said
    assert any(entry.what == "told: open" for entry in entries)


def test_a_topic_is_not_read_once_for_each_of_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus that cannot read one key would read all it has some thousand times for a group of 300."""
    read, number, members = EmbeddedBus.read, 0, range(40)

    def counted(self: EmbeddedBus, topic: str, start: Start, *, key: str = "") -> AsyncGenerator[Record, None]:
        nonlocal number
        number += 1
        return read(self, topic, start, key=key)

    async def play() -> list[Episode]:
        life = Life(Policies(GROUPED))
        await life.see(*(trouble(one, pod(one, f"team-{one}"), "crash-loop") for one in members))
        await life.until(290)
        return life.told

    told = asyncio.run(play())
    ticket = next(one for one in reversed(told) if one.ticket)
    seen = [trouble(one, pod(one, f"team-{one}"), "crash-loop") for one in members]
    monkeypatch.setattr(EmbeddedBus, "read", counted)
    (found,) = played(tmp_path, [*kept(seen, told), report(ticket, "open")], "INC0010001")
    observed = {entry.facts["object"] for entry in found.entries if entry.what == "observed"}
    assert observed == {f"Pod/team-{one}/web-{one}" for one in members}
    assert number < len(members)
