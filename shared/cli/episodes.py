"""`tidings episodes`: list, show, close by hand."""

import time
from typing import Annotated, Any

import typer

from shared.cli.output import Output, OutputOption, fail, print_document, print_rows, show, waiting
from shared.cli.stored import DATA, DataOption, StoreOption, with_store
from shared.episodes.browse import Filter, close_by_hand, find, listing
from shared.events.episode import Episode, EpisodeState
from shared.events.words import counted
from shared.stores.protocol import Store

EXAMPLE = "Example: tidings episodes list --state open --namespace shop"
_COLUMNS = ("id", "state", "severity", "ticket", "baseline", "count", "started", "resolved", "summary")

app = typer.Typer(
    no_args_is_help=True, epilog=EXAMPLE, help="List, show or close episodes: what is and was wrong in the clusters."
)

IdArgument = Annotated[str, typer.Argument(help="The episode's id, as `list` shows it.")]
_MOST = 10_000


@app.command("list", epilog=EXAMPLE)
def _list(
    state: Annotated[str, typer.Option(help="open or resolved; both where not said.")] = "",
    cluster: Annotated[str, typer.Option(help="Only of this cluster.")] = "",
    namespace: Annotated[str, typer.Option(help="Only of this namespace.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 100,
    data: DataOption = DATA,
    store: StoreOption = "",
    output: OutputOption = Output.table,
) -> None:
    """List episodes, the latest begun first."""
    states: dict[str, EpisodeState | None] = {"": None, "open": "open", "resolved": "resolved"}
    if state not in states:
        fail(f"--state is open or resolved, not {state}", code=2)
    wanted = Filter(state=states[state], cluster=cluster, namespace=namespace)
    with waiting("reading the store"):
        episodes, unreadable = with_store(data, store, lambda opened: _all(opened, wanted))
    found = sorted(episodes, key=lambda episode: episode.started, reverse=True)[:limit]
    print_rows([_row(episode) for episode in found], _COLUMNS, output)
    if unreadable:
        fail(f"{counted(unreadable, 'record')} cannot be read by this version")


@app.command("show", epilog="Example: tidings episodes show 9k2m…-1pq4v0")
def _show(
    episode_id: IdArgument, data: DataOption = DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """Show one episode whole: as its ticket would say it, or as JSON."""
    episode = with_store(data, store, lambda opened: find(opened, episode_id))
    if episode is None:
        fail(f"there is no episode {episode_id}")
    if output is Output.table:
        from shared.cli.episode_page import page  # templates, which nothing else here needs

        show(page(episode), soft_wrap=True)
        return
    print_document(episode.model_dump(mode="json"), output)


@app.command("close", epilog="Example: tidings episodes close 9k2m…-1pq4v0")
def _close(
    episode_id: IdArgument, data: DataOption = DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """End an open episode by hand; its ticket is resolved at the correlator's next tick."""
    episode = with_store(data, store, lambda opened: close_by_hand(opened, episode_id, time.time()))
    if episode is None:
        fail(f"there is no episode {episode_id}")
    if output is Output.table:
        show(f"{episode.summary}: {episode.state}, {episode.ended_by}", soft_wrap=True)
    else:
        print_document(episode.model_dump(mode="json"), output)


async def _all(store: Store, wanted: Filter) -> tuple[list[Episode], int]:
    """Return all episodes that are wanted, and how many records cannot be read."""
    episodes: list[Episode] = []
    page = await listing(store, wanted, limit=_MOST)
    unreadable = page.unreadable
    episodes += page.episodes
    while page.cursor:
        page = await listing(store, wanted, cursor=page.cursor, limit=_MOST)
        unreadable += page.unreadable
        episodes += page.episodes
    return episodes, unreadable


def _row(episode: Episode) -> dict[str, Any]:
    row = episode.model_dump(mode="json")
    return {**row, "started": _short(row["started"]), "resolved": _short(row["resolved"])}


def _short(time_text: str | None) -> str:
    return (time_text or "")[:19].replace("T", " ")
