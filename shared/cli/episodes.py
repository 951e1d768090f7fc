"""`tidings episodes`: list, show, close by hand."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from shared.cli.output import Output, OutputOption, fail, print_document, print_rows, show, waiting
from shared.episodes.browse import Filter, close_by_hand, find, listing
from shared.episodes.record import RecordError
from shared.events.episode import Episode, EpisodeState
from shared.events.words import counted
from shared.stores.protocol import Store, StoreUnavailableError
from shared.stores.registry import open_store, sqlite_url

EXAMPLE = "Example: tidings episodes list --state open --namespace shop"
_COLUMNS = ("id", "state", "severity", "ticket", "baseline", "count", "started", "resolved", "summary")

app = typer.Typer(
    no_args_is_help=True, epilog=EXAMPLE, help="List, show or close episodes: what is and was wrong in the clusters."
)

DataOption = Annotated[Path, typer.Option(help="Folder that keeps the state of `tidings up`.")]
StoreOption = Annotated[str, typer.Option(envvar="STORE_URL", help="The store itself, as sqlite:///path; over --data.")]
IdArgument = Annotated[str, typer.Argument(help="The episode's id, as `list` shows it.")]
_DATA = Path(".tidings")
_MOST = 10_000

T = TypeVar("T")


@app.command("list", epilog=EXAMPLE)
def _list(
    state: Annotated[str, typer.Option(help="open or resolved; both where not said.")] = "",
    cluster: Annotated[str, typer.Option(help="Only of this cluster.")] = "",
    namespace: Annotated[str, typer.Option(help="Only of this namespace.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 100,
    data: DataOption = _DATA,
    store: StoreOption = "",
    output: OutputOption = Output.table,
) -> None:
    """List episodes, the latest begun first."""
    states: dict[str, EpisodeState | None] = {"": None, "open": "open", "resolved": "resolved"}
    if state not in states:
        fail(f"--state is open or resolved, not {state}", code=2)
    wanted = Filter(state=states[state], cluster=cluster, namespace=namespace)
    with waiting("reading the store"):
        episodes, unreadable = _with_store(data, store, lambda opened: _all(opened, wanted))
    found = sorted(episodes, key=lambda episode: episode.started, reverse=True)[:limit]
    print_rows([_row(episode) for episode in found], _COLUMNS, output)
    if unreadable:
        fail(f"{counted(unreadable, 'record')} cannot be read by this version")


@app.command("show", epilog="Example: tidings episodes show 9k2m…-1pq4v0")
def _show(
    episode_id: IdArgument, data: DataOption = _DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """Show one episode whole: as its ticket would say it, or as JSON."""
    episode = _with_store(data, store, lambda opened: find(opened, episode_id))
    if episode is None:
        fail(f"there is no episode {episode_id}")
    if output is Output.table:
        from shared.cli.episode_page import page  # templates, which nothing else here needs

        show(page(episode), soft_wrap=True)
        return
    print_document(episode.model_dump(mode="json"), output)


@app.command("close", epilog="Example: tidings episodes close 9k2m…-1pq4v0")
def _close(
    episode_id: IdArgument, data: DataOption = _DATA, store: StoreOption = "", output: OutputOption = Output.table
) -> None:
    """End an open episode by hand; its ticket is resolved at the correlator's next tick."""
    episode = _with_store(data, store, lambda opened: close_by_hand(opened, episode_id, time.time()))
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


def _with_store(data: Path, url: str, act: Callable[[Store], Awaitable[T]]) -> T:
    path = data / "state.db"
    if not url and not path.is_file():
        fail(f"{data} holds no state: name the folder of `tidings up` by --data, or a store by --store")

    async def run() -> T:
        store = open_store(url or sqlite_url(path))
        try:
            return await act(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except (StoreUnavailableError, RecordError, TimeoutError, ValueError) as error:
        fail(str(error))
