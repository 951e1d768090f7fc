"""`tidings episodes show`: where a ticket stands and why, then what it says."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.app import app
from shared.cli.episode_page import page
from shared.episodes.browse import Filter, listing
from shared.events.episode import Episode
from shared.stores.registry import open_store, sqlite_url
from tests.support.life import Life, pod, trouble
from tests.support.stories import HELD, NODE, ON_NODE
from tests.support.tickets import START, episode, resolved

TAKEN = {"id": "n-1", "summary": "Node worker-1 is not ready", "object": "Node/worker-1"}


@pytest.mark.parametrize(
    ("one", "lines"),
    [
        (episode(), ["open, has a ticket"]),
        (episode(ticket=False), ["open, has no ticket"]),
        (episode(ticket=False, baseline=True), ["open, known before first contact"]),
        (episode(ticket=False, quiet="patches"), ["open, has no ticket", "kept quiet by patches"]),
        (episode(flapping=True), ["open, has a ticket", "flapping"]),
        (
            resolved(cause={**TAKEN, "kind": "consequence"}),
            ["resolved, has a ticket", "a consequence of Node worker-1 is not ready n-1"],
        ),
        (
            episode(ticket=False, cause={"kind": "limit"}),
            [
                "open, has no ticket",
                "beyond the limit, in a summary, whose ticket is the one that `list` shows for what stands for it",
            ],
        ),
        (
            episode(ticket=False, cause={"kind": "group"}),
            [
                "open, has no ticket",
                "in a group, whose ticket is the one that `list` shows for what stands for it",
            ],
        ),
    ],
)
def test_the_page_says_where_the_ticket_stands_and_why(one: Episode, lines: list[str]) -> None:
    assert page(one).split("\n\n", 1)[0].splitlines() == [f"{one.id}, revision {one.revision}", *lines]


def test_the_page_says_what_a_ticket_says() -> None:
    suspect = {"id": "c-1", "time": START, "what": "Deployment/shop/api: image", "who": "kim"}
    text = page(episode(suspects=[suspect]))
    assert "[prod-1] Pod shop/api-0 keeps crashing" in text.splitlines()
    assert "- 2026-03-01T08:00:00Z: Deployment/shop/api: image (by kim)" in text.splitlines()
    assert "The problem ended after 1 h, 1 occurrence; ended by Started." in page(resolved()).splitlines()


def test_show_reads_it_from_the_store_and_the_api_finds_it_by_its_id(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state.db")

    async def played() -> list[Episode]:
        store = open_store(url, {})
        life = Life(HELD, store=store)
        await life.at(0, trouble(0, NODE, "not-ready"), *(trouble(1, pod(n), "unhealthy", **ON_NODE) for n in range(3)))
        await life.until(120)
        (ticket,) = life.open()
        found = (await listing(store, Filter(id=ticket.episode.id))).episodes
        await store.close()
        return list(found)

    (node,) = asyncio.run(played())
    shown = CliRunner().invoke(app, ["episodes", "show", node.id, "--store", url])
    assert shown.exit_code == 0, shown.output
    assert {"Affected: 3", "- Pod/shop/web-1 (unhealthy), since 2026-09-01T12:00:01Z"} <= set(shown.output.splitlines())
    whole = CliRunner().invoke(app, ["episodes", "show", node.id, "--store", url, "--output", "json"])
    assert [one["what"] for one in json.loads(whole.output)["timeline"]] == ["opened", "affected"]
