"""Functions of the release before and of this one: on each other's events, on each other's state, and side by side."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.stores.registry import STORES
from tests.support.line import (
    CLASSIFIER,
    CORRELATOR,
    INCIDENT,
    LINE,
    LOST,
    OPEN,
    READY,
    RESOLVED,
    all_of,
    incidents,
    line,
    node_event,
    numbers,
    states,
    title,
)
from tests.support.nats import store_url
from tests.support.releases import NOW, Release, unpacked
from tests.support.servers import Standin, standin

STORES_TRIED = sorted(name for name, kind in STORES.items() if kind.durable)


def test_what_is_called_the_release_before_runs_its_own_code(before: Release) -> None:
    assert before.code() == before.root != NOW.root
    assert NOW.code() == NOW.root


def test_where_the_history_is_not_there_it_is_not_guessed_at(before: Release, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    clone = ["git", "clone", "-q", "--depth", "1", "--no-checkout", f"file://{NOW.root}", str(shallow)]
    subprocess.run(clone, check=True, capture_output=True, timeout=60)
    (tmp_path / "archive").mkdir()
    assert [unpacked(tmp_path / "to", place) for place in (shallow, tmp_path / "archive")] == [None, None]
    again = unpacked(tmp_path / "again")
    assert again is not None
    assert again.name == before.name


@pytest.mark.parametrize("middle", ["the release before", "this release"])
def test_events_of_one_release_are_read_by_the_other_on_their_whole_way(
    middle: str, before: Release, instance: Standin, settings: Mapping[str, str], tmp_path: Path
) -> None:
    """Classifier to correlator and correlator to ticket function, from the one to the other and back."""
    inner, outer = (before, NOW) if middle == "the release before" else (NOW, before)
    mixed = {CLASSIFIER: (outer,), CORRELATOR: (inner,), INCIDENT: (outer,)}
    with line(tmp_path / "line", mixed, {**settings, "STORE_URL": store_url("sqlite", tmp_path)}) as running:
        running.carry(node_event("w1", LOST, 1), node_event("w2", LOST, 1))
        opened = numbers(instance.url)
        assert states(instance.url) == {title("w1"): OPEN, title("w2"): OPEN}
        running.carry(node_event("w1", LOST, 1, 4), node_event("w1", READY, 2))
        assert states(instance.url) == {title("w1"): RESOLVED, title("w2"): OPEN}
        assert numbers(instance.url) == opened
    assert len(running.revisions()) == 2
    assert max(one.count for one in running.told()) == 4


@pytest.mark.parametrize("store", STORES_TRIED)
def test_the_next_release_goes_on_with_what_is_stored_and_so_does_the_one_before_after_a_rollback(
    store: str, before: Release, instance: Standin, settings: Mapping[str, str], tmp_path: Path
) -> None:
    """Each of three stages is a line of one release; tickets of all kinds of age are updated and closed by another."""
    settings = {**settings, "STORE_URL": store_url(store, tmp_path)}
    with line(tmp_path / "1", all_of(before), settings) as first:
        first.carry(*(node_event(node, LOST, 1) for node in ("w1", "w2", "w3")))
    opened = numbers(instance.url)
    assert len(opened) == 3
    with line(tmp_path / "2", all_of(NOW), settings) as upgraded:
        upgraded.carry(node_event("w1", LOST, 1, 3), node_event("w1", READY, 2), node_event("w2", LOST, 1, 2))
        upgraded.carry(node_event("w4", LOST, 1))
    assert states(instance.url) == {title("w1"): RESOLVED, **{title(node): OPEN for node in ("w2", "w3", "w4")}}
    with line(tmp_path / "3", all_of(before), settings) as back:
        back.carry(node_event("w2", LOST, 1, 5), node_event("w2", READY, 2), node_event("w4", READY, 2))
        back.carry(node_event("w3", LOST, 1, 2))
    assert states(instance.url) == {title("w3"): OPEN, **{title(node): RESOLVED for node in ("w1", "w2", "w4")}}
    assert opened.items() <= numbers(instance.url).items(), "each ticket is the one that was opened first"
    stages = [stage.revisions() for stage in (first, upgraded, back)]
    ids = set().union(*stages)
    assert len(ids) == 4, "one episode for each node"
    for episode in ids:
        revisions = [revision for stage in stages for revision in stage.get(episode, [])]
        assert revisions == sorted(set(revisions)), "a revision only grows, whichever release gives it"


@pytest.mark.parametrize("store", STORES_TRIED)
def test_both_releases_side_by_side_make_the_tickets_that_one_alone_makes(
    store: str, before: Release, instance: Standin, settings: Mapping[str, str], tmp_path: Path
) -> None:
    """As in a roll-out, or with a part of the traffic: each function in both releases, taking turns on one store."""
    nodes = [f"w{number}" for number in range(6)]
    story = [
        *(node_event(node, LOST, 1) for node in nodes),
        *(node_event(node, LOST, 1, 3) for node in nodes[1:]),
        *(node_event(node, READY, 2) for node in nodes[:4]),
        node_event(nodes[0], LOST, 3),
    ]
    (tmp_path / "alone").mkdir()
    with standin("servicenow", tmp_path / "alone" / "servicenow.db") as other:
        alone = {**settings, "SERVICENOW_INSTANCE": other.url, "STORE_URL": store_url(store, tmp_path / "alone")}
        with line(tmp_path / "one", all_of(NOW), alone) as one:
            one.carry(*story)
        wanted = {about: shown(row) for about, row in incidents(other.url).items()}
    both = dict.fromkeys(LINE, (before, NOW))
    with line(tmp_path / "two", both, {**settings, "STORE_URL": store_url(store, tmp_path)}) as two:
        two.carry(*story)
    assert {about: shown(row) for about, row in incidents(instance.url).items()} == wanted
    assert {row["state"] for row in wanted.values()} == {OPEN, RESOLVED}
    assert two.revisions() == one.revisions()


def shown(row: Mapping[str, str]) -> dict[str, str]:
    """Return what does not depend on the moment in which an incident was written."""
    return {name: row[name] for name in ("correlation_id", "state", "impact", "urgency", "priority", "category")}
