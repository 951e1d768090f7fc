"""`tidings episodes`: list, show, close by hand."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from shared.cli.output import Output, OutputOption, fail, print_document, print_rows, show, waiting
from shared.cli.stored import DATA, DataOption, StoreOption, with_store
from shared.delivery.claims import numbers
from shared.episodes.bonds import GROUP, STORM
from shared.episodes.browse import Filter, Page, close_by_hand, find, listing
from shared.episodes.relations import OF_GROUP
from shared.events.episode import Cause, Episode, EpisodeState
from shared.events.words import counted
from shared.stores.protocol import Store

EXAMPLE = "Example: tidings episodes list --state open --namespace shop"
_COLUMNS = (
    "id",
    "state",
    "severity",
    "ticket",
    "number",
    "role",
    "baseline",
    "count",
    "started",
    "resolved",
    "cluster",
    "summary",
)
_STANDS_FOR: Final = {GROUP: "stands for a group", STORM: "stands for a summary"}
_PART_OF: Final = {"consequence": "a consequence", "group": "in a group", "limit": "in a summary"}

app = typer.Typer(
    no_args_is_help=True, epilog=EXAMPLE, help="List, show or close episodes: what is and was wrong in the clusters."
)

IdArgument = Annotated[
    str,
    typer.Argument(metavar="EPISODE|TICKET", help="The episode's id, or its ticket's number, as `list` shows them."),
]
_MOST = 10_000


@app.command("list", epilog=EXAMPLE)
def _list(
    state: Annotated[str, typer.Option(help="open or resolved; both where not said.")] = "",
    cluster: Annotated[str, typer.Option(help="Only of this cluster.")] = "",
    namespace: Annotated[str, typer.Option(help="Only of this namespace.")] = "",
    ticket: Annotated[
        bool | None, typer.Option("--ticket/--no-ticket", help="Only with a ticket, or only without one.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 100,
    data: DataOption = DATA,
    store: StoreOption = "",
    output: OutputOption = Output.table,
) -> None:
    """List episodes, the latest begun first."""
    states: dict[str, EpisodeState | None] = {"": None, "open": "open", "resolved": "resolved"}
    if state not in states:
        fail(f"--state is open or resolved, not {state}", code=2)
    wanted = Filter(state=states[state], cluster=cluster, namespace=namespace, ticket=ticket)
    with waiting("reading the store"):
        page, told = with_store(data, store, lambda opened: _all(opened, wanted))
    found = sorted(page.episodes, key=lambda episode: episode.started, reverse=True)[:limit]
    print_rows([_row(one, page.had.get(one.id), told.get(one.id, ())) for one in found], _COLUMNS, output)
    if page.unreadable:
        fail(f"{counted(page.unreadable, 'record')} cannot be read by this version")


@app.command("show", epilog="Example: tidings episodes show 9k2m…-1pq4v0")
def _show(
    episode_id: IdArgument, data: DataOption = DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """Show one episode whole: as its ticket would say it, or as JSON."""
    episode = with_store(data, store, lambda opened: _named(opened, episode_id))
    if episode is None:
        fail(f"there is no episode {episode_id}")
    if output is Output.table:
        from shared.cli.episode_page import page  # templates, which nothing else here needs

        kept, _ = with_store(data, store, lambda opened: _all(opened, Filter(id=episode.id)))
        show(page(episode, kept.had.get(episode.id)), soft_wrap=True)
        return
    print_document(episode.model_dump(mode="json"), output)


@app.command("close", epilog="Example: tidings episodes close 9k2m…-1pq4v0")
def _close(
    episode_id: IdArgument, data: DataOption = DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """End an open episode by hand; its ticket is resolved at the correlator's next tick."""
    episode = with_store(data, store, lambda opened: _end(opened, episode_id))
    if episode is None:
        fail(f"there is no episode {episode_id}")
    if output is Output.table:
        show(f"{episode.summary}: {episode.state}, {episode.ended_by}", soft_wrap=True)
    else:
        print_document(episode.model_dump(mode="json"), output)


async def _named(store: Store, name: str) -> Episode | None:
    """Return the episode of that id, or the latest that has a ticket of that number."""
    episode = await find(store, name)
    if episode is not None:
        return episode
    told = [one for one, tickets in (await numbers(store)).items() if name in tickets]
    known = [one for one in [await find(store, one) for one in told] if one is not None]
    return max(known, key=lambda one: one.started, default=None)


async def _end(store: Store, name: str) -> Episode | None:
    episode = await _named(store, name)
    return None if episode is None else await close_by_hand(store, episode.id, time.time())


async def _all(store: Store, wanted: Filter) -> tuple[Page, dict[str, tuple[str, ...]]]:
    """Return all episodes that are wanted, as one page, and the tickets by episode."""
    page = await listing(store, wanted, limit=_MOST)
    while page.cursor:
        more = await listing(store, wanted, cursor=page.cursor, limit=_MOST)
        unreadable = page.unreadable + more.unreadable
        page = Page((*page.episodes, *more.episodes), more.cursor, unreadable, {**page.had, **more.had})
    return page, await numbers(store)


def _row(episode: Episode, had: Cause | None, tickets: Sequence[str]) -> dict[str, Any]:
    row = episode.model_dump(mode="json")
    times = {"started": _short(row["started"]), "resolved": _short(row["resolved"])}
    return {**row, **times, "number": " ".join(tickets), "role": _role(episode, had)}


def _role(episode: Episode, had: Cause | None) -> str:
    """Return whether it stands for others, and what has taken it in: of those a ticket is not to be looked for."""
    cause = episode.cause or had
    parts = [_STANDS_FOR.get(episode.relations.get(OF_GROUP, ""), "")]
    parts += [_PART_OF[cause.kind]] if cause is not None else []
    return ", ".join(part for part in parts if part)


def _short(time_text: str | None) -> str:
    return (time_text or "")[:19].replace("T", " ")
