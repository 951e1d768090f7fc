"""`tidings episodes`: who is part of what, which ticket is whose, and each by its ticket's number."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from shared.cli.app import app
from shared.delivery.claim import Memory
from shared.delivery.claims import Claims, Taken
from shared.stores.registry import open_store, sqlite_url
from shared.telemetry.metrics import Metrics
from tests.support.life import Life, fine, pod, trouble
from tests.support.stories import GROUPED

NUMBER = "INC0010001"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Return a store with two pods in one group, whose ticket ServiceNow and GLPI have."""
    where = sqlite_url(tmp_path / "state.db")

    async def play() -> None:
        store = open_store(where, {})
        life = Life(GROUPED, store=store)
        await life.see(*(trouble(number, pod(number), "mount-failed") for number in range(2)))
        await life.until(60)
        (ticket,) = life.tickets.values()
        for destination, number in (("servicenow_incident", NUMBER), ("glpi_ticket", "7")):
            claims = Claims(store, destination, Metrics())
            taken = await claims.take(ticket.episode.id, ticket.episode.revision, 1.0)
            assert isinstance(taken, Taken)
            assert await claims.complete(taken, Memory(revision=1, record="x", number=number))
        await store.close()

    asyncio.run(play())
    return where


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["episodes", *arguments, "--store", url])


def listed(url: str, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(url, "list", *arguments, "--output", "json").stdout)
    return rows


def test_a_list_says_what_stands_for_others_and_which_ticket_is_whose(url: str) -> None:
    rows = sorted((row["role"], row["ticket"], row["number"]) for row in listed(url))
    assert rows == [
        ("in a group", False, ""),
        ("in a group", False, ""),
        ("stands for a group", True, f"7 {NUMBER}"),
    ]
    heads, *lines = run(url, "list").stdout.splitlines()
    assert heads.split()[-2:] == ["cluster", "summary"]
    assert all(f" {row['cluster']} " in " ".join(lines) for row in listed(url)), "two clusters have pods of one name"
    assert [row["role"] for row in listed(url, "--ticket")] == ["stands for a group"]
    assert [row["role"] for row in listed(url, "--no-ticket")] == ["in a group"] * 2


def test_show_and_close_take_the_number_of_a_ticket(url: str) -> None:
    (row,) = listed(url, "--ticket")
    assert run(url, "show", NUMBER).stdout.startswith(f"{row['id']}, revision")
    ended = run(url, "close", NUMBER)
    assert (ended.exit_code, ended.stdout) == (0, f"{row['summary']}: resolved, closed by hand\n")
    assert {one["state"] for one in listed(url)} == {"resolved"}, "with all that it stands for"
    roles = sorted((one["role"], one["id"]) for one in listed(url))
    assert [role for role, _ in roles] == ["in a group", "in a group", "stands for a group"]
    assert run(url, "show", roles[0][1]).stdout.splitlines()[1:3] == [
        "resolved, has no ticket",
        "in a group, whose ticket is the one that `list` shows for what stands for it",
    ]
    unknown = run(url, "show", "INC0099999")
    assert (unknown.exit_code, unknown.stderr) == (1, "tidings: there is no episode INC0099999\n")


def test_one_that_is_over_says_which_group_had_it_and_one_that_stood_alone_says_none(tmp_path: Path) -> None:
    where = sqlite_url(tmp_path / "state.db")

    async def play() -> None:
        store = open_store(where, {})
        life = Life(GROUPED, store=store)
        await life.see(*(trouble(number, pod(number), "mount-failed") for number in range(2)))
        await life.at(60, *(fine(60, pod(number)) for number in range(2)))
        await life.at(900, trouble(900, pod(7, "elsewhere"), "mount-failed"))
        await life.at(905, fine(905, pod(7, "elsewhere")))
        await life.until(3000)
        await store.close()

    asyncio.run(play())
    rows = listed(where, "--state", "resolved")
    assert sorted((row["object"]["name"], row["role"]) for row in rows if row["role"] != "stands for a group") == [
        ("web-0", "in a group"),
        ("web-1", "in a group"),
        ("web-7", ""),
    ]
