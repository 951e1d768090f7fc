"""What people read in tickets: stories played to the correlator, delivered to an instance, and read there."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from shared.delivery.mapping import Mapping, load_mapping, render
from shared.delivery.telling import context_of, news_of
from shared.episodes.policy import IMMEDIATE, Policies
from shared.events.episode import Episode, What
from shared.events.model import Classified
from shared.runtime.registry import readers
from shared.runtime.terms import terms_of
from tests.support import stories
from tests.support.correlator import START as START_OF_LIFE
from tests.support.life import Life, fine, pod, trouble
from tests.support.stories import GROUPED, HELD, PLAIN, read, told
from tests.support.tickets import START, episode, resolved

GERMAN = Path(__file__).parents[2] / "docs" / "examples" / "servicenow-incident-german.yaml"
SHIPPED = Path(__file__).parents[2] / "functions" / "servicenow_incident" / "mapping.yaml"
CONSOLE = {"LINKS_CONSOLE": "prod-eu1=https://console.example.com"}
PAGE = Path(__file__).parents[2] / "docs" / "destinations" / "servicenow.md"


def lines(text: str) -> list[str]:
    """Return a text's lines without the mark that ends a note."""
    return [line for line in text.splitlines() if line and not line.startswith("[")]


def newest(episodes: list[Episode], path: str) -> Episode:
    return max((one for one in episodes if one.object.path == path), key=lambda one: one.revision)


def test_the_ticket_of_a_lost_node_lists_its_pods_and_each_note_says_who_came_to_it() -> None:
    episodes = told(stories.lost_node, HELD)
    rows = read([one for one in episodes if one.state == "open" and one.affected_count], **CONSOLE)
    text = rows["Node/worker-1"]["description"]
    assert lines(text) == [
        "Node worker-1 is not ready",
        "NodeNotReady: Node worker-1 status is now: NodeNotReady",
        "Cluster: prod-eu1",
        "Object: Node/worker-1",
        "Reported by: node-controller",
        "Category: infrastructure / node",
        "Severity: critical",
        "First seen: 2026-09-01T12:00:00Z",
        "Last seen: 2026-09-01T12:00:00Z",
        "Occurrences: 1",
        "Affected: 12",
        *(f"- Pod/shop/web-{number} (unhealthy), since 2026-09-01T12:00:{number + 1:02}Z" for number in range(10)),
        "- and 2 more",
        "Why it matters: Its pods are evicted after five minutes.",
        "Runbook: https://wiki.example.com/node-not-ready",
        "Console: https://console.example.com/k8s/cluster/nodes/worker-1",
        "Timeline:",
        "- 2026-09-01T12:00:00Z: began, severity critical",
        "- 2026-09-01T12:00:10Z: affected: 9",
        "- 2026-09-01T12:00:40Z: affected: 9 → 12",
        "Rule: node-not-ready",
        f"Problem key: {newest(episodes, 'Node/worker-1').problem_key}",
    ]
    (note,) = rows["Node/worker-1"]["notes"]
    assert lines(note) == ["Node worker-1 is not ready", "2026-09-01T12:00:40Z: affected: 9 → 12 (Pod/shop/web-9)"]
    page = PAGE.read_text(encoding="utf-8")
    assert f"```text\n{rows['Node/worker-1']['short_description']}\n\n{text}\n```" in page, "docs show what is rendered"
    assert f"```text\n{note}\n```" in page


def test_the_end_says_how_long_it_lasted_and_what_ended_it() -> None:
    row = read(told(stories.lost_node, HELD))["Node/worker-1"]
    assert lines(row["close_notes"]) == [
        "The problem ended after 11 min 40 s, 1 occurrence; ended by NodeReady.",
        "First seen 2026-09-01T12:00:00Z, over at 2026-09-01T12:11:40Z.",
    ]
    assert "- 2026-09-01T12:11:40Z: over, ended by NodeReady" in lines(row["description"])


def test_a_consequence_is_closed_below_its_causes_ticket_and_says_why_it_comes_back() -> None:
    episodes = told(stories.late_cause, HELD)
    cause = newest(episodes, "Node/worker-1").id
    # The cause has its ticket some seconds after the other one is to be closed; the broker brings that again.
    held = [one for one in episodes if one.cause is not None and one.state == "resolved"]
    until = next(place for place, one in enumerate(episodes) if one.object.kind == "Node" and one.ticket)
    late = [one for one in episodes[: until + 1] if one not in held] + held
    while_it_lasts = read(late)
    pod, node = while_it_lasts["Pod/shop/web-1"], while_it_lasts["Node/worker-1"]
    closed = [
        f"Closed as a consequence of another problem: Node worker-1 is not ready (Node/worker-1), episode {cause}.",
        "It has no ticket of its own while that lasts, and comes back if it outlasts it.",
    ]
    assert (pod["state"], pod["parent_incident"]) == ("6", node["sys_id"])
    assert lines(pod["close_notes"]) == lines(pod["notes"][-1]) == closed

    after = read([*late, *(one for one in episodes[until + 1 :] if one not in late)])["Pod/shop/web-1"]
    assert (after["state"], after["parent_incident"]) == ("6", "")
    assert [lines(note) for note in after["notes"]] == [
        closed,
        [
            "Pod shop/web-1 is not ready",
            "2026-09-01T12:08:30Z: it outlasts what had taken it in: Node worker-1 is not ready",
            "BackOff: Readiness probe failed: timeout",
            "Severity high, 1 occurrence, last seen 2026-09-01T12:00:00Z",
        ],
        ["Resolved by Tidings: Ready."],
    ]


def test_what_flaps_says_so_once() -> None:
    row = read(told(stories.flapping, PLAIN))["Pod/shop/web-1"]
    assert sum("flapping" in note for note in row["notes"]) == 1
    assert [line for line in lines(row["description"]) if line.startswith("- ")][-3:] == [
        f"- 2026-09-01T12:0{minute}:00Z: BackOff: Probe failed" for minute in (3, 4, 5)
    ]
    assert "- 2026-09-01T12:02:00Z: flapping: it ends and comes back too often to be told each time" in lines(
        row["description"]
    )


def test_a_groups_ticket_lists_its_members_and_tells_of_each_that_joins() -> None:
    row = read(told(stories.group, GROUPED))["Pod/shop/web-1"]
    assert row["short_description"].startswith("[c] 3 problems in namespace shop: FailedMount, first Pod")
    assert [line for line in lines(row["description"]) if line.startswith("- Pod")] == [
        "- Pod/shop/web-1 (mount-failed), since 2026-09-01T12:00:00Z",
        "- Pod/shop/web-2 (mount-failed), since 2026-09-01T12:00:04Z",
        "- Pod/shop/web-3 (mount-failed), since 2026-09-01T12:01:00Z",
    ]
    assert [lines(note)[1:] for note in row["notes"][:-1]] == [
        ["2026-09-01T12:01:10Z: affected: 2 → 3 (Pod/shop/web-3)"]
    ]


def test_the_summary_beyond_the_limit_lists_the_first_and_says_how_many_there_are() -> None:
    row = read(told(stories.storm, PLAIN))["Cluster/c"]
    assert row["short_description"] == "[c] 80 more problems in cluster c"
    listed = [line for line in lines(row["description"]) if line.startswith("- Pod")]
    assert len(listed) == 10
    assert "- and 70 more" in lines(row["description"])


def test_a_mere_count_moves_the_description_and_writes_no_note_and_a_new_message_is_said_once() -> None:
    episodes = told(stories.worse, PLAIN)
    counted = read([one for one in episodes if one.severity == "high"])["Pod/shop/web-1"]
    assert "Occurrences: 9" in lines(counted["description"])
    assert counted["notes"] == []
    (note,) = read(episodes)["Pod/shop/web-1"]["notes"]
    assert lines(note) == [
        "Pod shop/web-1 keeps crashing",
        "2026-09-01T12:05:01Z: severity high → critical",
        "2026-09-01T12:05:01Z: new message: OOMKilling",
        "OOMKilling: Out of memory",
    ]


def german() -> Mapping:
    found = load_mapping(GERMAN, terms_of(readers("SERVICENOW_MAPPING"), SHIPPED))
    assert isinstance(found, Mapping), found
    return found


def test_a_mapping_that_replaces_texts_alone_speaks_another_language() -> None:
    episodes = told(stories.lost_node, HELD)
    row = read(episodes, SERVICENOW_MAPPING=str(GERMAN))["Node/worker-1"]
    assert lines(row["close_notes"]) == [
        "Das Problem endete nach 11 min 40 s, 1 Vorkommen; beendet durch NodeReady.",
        "Zuerst gesehen 2026-09-01T12:00:00Z, vorbei um 2026-09-01T12:11:40Z.",
    ]
    assert {"Schwere: kritisch", "Verlauf:", "- 2026-09-01T12:00:40Z: betroffen: 9 → 12"} <= set(
        lines(row["description"])
    )
    assert (row["impact"], row["contact_type"]) == ("1", "Monitoring")


@pytest.mark.parametrize("kind", ["consequence", "group", "limit"])
def test_no_english_word_of_ours_is_left_in_the_german_one(kind: str) -> None:
    """Every text that the shipped one says differs, but for those that are made of the event's own words."""
    cause = {"kind": kind, "id": "a-1", "summary": "s", "object": "Node/n"}
    turns = [{"revision": 2, "time": START, "what": what, "before": "1", "after": "2"} for what in get_args(What)]
    suspect = {"id": "c-1", "time": START, "what": "image", "who": "kim"}
    every = {"timeline": turns, "suspects": [suspect], "affected_count": 3, "flapping": True, "reopened": 1, "why": "w"}
    shipped = load_mapping(SHIPPED)
    assert isinstance(shipped, Mapping)
    english = re.compile(
        r"\b(Closed|problem|occurrences?|Affected|Timeline|Changed|Resolved|seen|Severity|began|longer)\b"
    )
    for operation, one in (
        ("open", episode(2, **every)), ("update", episode(3, **every)), ("reopen", episode(4, **every)),
        ("resolve", resolved(5, **every)), ("resolve", resolved(6, **every, cause=cause)),
    ):  # fmt: skip
        theirs, ours = (render(one_of, operation, context_of(one, 1)) for one_of in (shipped, german()))
        assert isinstance(theirs, dict)
        assert isinstance(ours, dict)
        assert theirs.keys() == ours.keys()
        said = " ".join(ours[name] for name in ("description", "work_notes", "close_notes") if name in ours)
        assert english.findall(said) == []


def test_where_nothing_is_remembered_the_present_state_is_said_once() -> None:
    one = episode(7, timeline=[{"revision": 5, "time": START, "what": "severity", "before": "low", "after": "high"}])
    assert news_of(one, 0).turns == ()
    assert [turn.what for turn in news_of(one, 4).turns] == ["severity"]
    assert news_of(one, 5).turns == ()


def test_every_text_is_within_what_its_field_takes_however_much_there_is_to_say() -> None:
    things = [{"kind": "Pod", "namespace": "n" * 63, "name": f"{n}{'x' * 250}", "severity": "high", "since": START}
              for n in range(10)]  # fmt: skip
    turns = [{"revision": n, "time": START, "what": "affected", "before": "1", "after": "2", "things": ["y" * 300] * 10}
             for n in range(1, 21)]  # fmt: skip
    one = episode(21, summary="s" * 500, message="m" * 2000, affected=things, affected_count=99, timeline=turns)
    mapping = load_mapping(SHIPPED, terms_of(readers("SERVICENOW_MAPPING"), SHIPPED))
    assert isinstance(mapping, Mapping)
    for operation in ("open", "update", "reopen"):
        values = render(mapping, operation, context_of(one, 1))
        assert isinstance(values, dict)
        assert len(values.get("short_description", "")) <= 160
        assert len(values["description"]) <= 4000
        assert all(text.endswith("…") for name, text in values.items() if name == "work_notes")


def _ended(events: list[Classified], until: float) -> dict[str, str]:
    """Return the only ticket of what was observed, by `until`, with its last note."""

    async def play() -> list[Episode]:
        life = Life(Policies(IMMEDIATE))
        await life.see(*events)
        await life.until(until)
        return life.told

    (row,) = read(asyncio.run(play())).values()
    return {**row, "note": row["notes"][-1]}


def test_what_expired_is_not_told_as_mended() -> None:
    row = _ended([trouble(0, pod(1), "failed", expires=3600)], 3700)
    unheard = "Nothing more was heard of the problem for 1 h; whether it is mended is not known."
    first = "First seen 2026-09-01T12:00:00Z, last seen 2026-09-01T12:00:00Z, 1 occurrence."
    assert lines(row["close_notes"]) == [unheard, first]
    assert lines(row["note"]) == [f"Resolved by Tidings. {unheard}"]
    assert "- 2026-09-01T13:00:00Z: over: nothing more was heard of it" in lines(row["description"])


@pytest.mark.parametrize("ahead", [timedelta(hours=3), -timedelta(days=20_000)])
def test_a_wrong_clock_is_said_and_decides_no_duration(ahead: timedelta) -> None:
    wrong = START_OF_LIFE + ahead
    row = _ended([trouble(0, pod(1), "failed", time=wrong, hold=120), fine(270, pod(1), "failed")], 600)
    ended, times = lines(row["close_notes"])
    assert ended == "The problem ended after 4 min 30 s, 1 occurrence; ended by Started."
    assert times.startswith(
        f"First seen {wrong:%Y-%m-%dT%H:%M:%SZ}, over at 2026-09-01T12:04:30Z. These times are those of"
    )


def test_what_ended_it_says_so_in_its_own_words() -> None:
    ready = fine(270, pod(1), "failed", reason="ResourceUpdated", message="Ready is True: all replicas are up")
    others = [fine(270 + number, pod(1), "failed", message=f"again {number}") for number in range(1, 4)]
    row = _ended([trouble(0, pod(1), "failed", hold=120), ready, *others], 600)
    words = "ResourceUpdated: Ready is True: all replicas are up."
    assert lines(row["close_notes"])[0] == f"The problem ended after 4 min 30 s, 1 occurrence; ended by {words}"
    assert lines(row["note"]) == [f"Resolved by Tidings: {words}"]


def test_of_clocks_that_agree_nothing_is_said() -> None:
    row = _ended([trouble(0, pod(1), "failed"), fine(270, pod(1), "failed")], 600)
    assert lines(row["close_notes"])[-1] == "First seen 2026-09-01T12:00:00Z, over at 2026-09-01T12:04:30Z."
