"""How commands reach a store: that of `tidings up` in its folder, or any by its URL."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from shared.cli import configured
from shared.cli.output import fail
from shared.episodes.record import RecordError
from shared.settings.environment import SettingsError
from shared.stores.protocol import Store, StoreUnavailableError
from shared.stores.registry import open_store, sqlite_path, sqlite_url

DataOption = Annotated[Path, typer.Option(help="Folder that keeps the state of `tidings up`.")]
StoreOption = Annotated[
    str,
    typer.Option(envvar="STORE_URL", help="The store itself, as sqlite:///path or nats://host/bucket; over --data."),
]
DATA = Path(".tidings")
STATE = "state.db"
"""The file of a folder of `tidings up` that keeps its state."""
T = TypeVar("T")


def with_store(data: Path, url: str, act: Callable[[Store], Awaitable[T]], *, must_exist: bool = True) -> T:
    """Open a store, act, close it; what cannot be done ends the command with a sentence.

    The folder's own store is made where `must_exist` is False.
    """
    path = data / STATE
    if must_exist and not url and not path.is_file():
        fail(f"{data} holds no state: name the folder of `tidings up` by --data, or a store by --store")
    named = sqlite_path(url)
    if must_exist and named is not None and not named.is_file():
        fail(f"there is no store at {named}: nothing was made of it")  # opening it would make one

    async def run() -> T:
        store = open_store(url or sqlite_url(path), configured.effective())
        try:
            return await act(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except SettingsError as error:
        fail(*error.problems)
    except (StoreUnavailableError, RecordError, TimeoutError, ValueError) as error:
        fail(str(error))
