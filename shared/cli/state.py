"""`tidings state`: export all state to a file, import it into any store."""

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated

import typer

from shared.cli.output import Output, OutputOption, complain, fail, print_rows, waiting
from shared.cli.stored import DATA, DataOption, StoreOption, with_store
from shared.episodes.keeper import DUE
from shared.events.words import counted
from shared.stores.dump import DumpError, Loaded, is_empty, lines, load, verify
from shared.stores.protocol import Store

EXPORT = "Example: tidings state export state.jsonl --store sqlite:///var/lib/tidings/store.db"
IMPORT = "Example: tidings state import state.jsonl --store nats://nats:4222/tidings?replicas=3"

app = typer.Typer(
    no_args_is_help=True,
    epilog=IMPORT,
    help="Export or import what a store keeps: episodes, claims, first contacts, namespaces, what was seen.",
)

_SHOWN_EVERY = 1000


@app.command("export", epilog=EXPORT)
def _export(
    file: Annotated[Path, typer.Argument(help="The file to write; - for stdout.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    data: DataOption = DATA,
    store: StoreOption = "",
    output: OutputOption = Output.table,
) -> None:
    """Write all that a store keeps to a file, readable by its owner alone. Functions may go on meanwhile."""
    if str(file) != "-" and file.exists() and not force:
        fail(f"{file} is there already: name another file, or replace it by --force")
    with _written(file) as target, waiting("reading the store") as tell:
        done = with_store(data, store, lambda opened: _copy(opened, target, tell))
    if str(file) != "-":
        print_rows(_rows(exported=done), ("family", "exported"), output)


@app.command("import", epilog=IMPORT)
def _import(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Into a store that holds something: what is there stays.")
    ] = False,
    data: DataOption = DATA,
    store: StoreOption = "",
    output: OutputOption = Output.table,
) -> None:
    """Read a file into a store. Stop the functions that use it before: they must find all of it, or nothing."""
    try:
        with file.open("rb") as source, waiting("checking the file") as tell:
            entries = verify(source)
            source.seek(0)
            done = with_store(
                data, store, lambda opened: _fill(opened, source, entries, tell, merge=merge), must_exist=False
            )
    except OSError as error:
        fail(f"{file} cannot be read ({error.strerror})")
    except DumpError as error:
        fail(f"{file}: {error}")
    if done is None:
        fail("the store holds something already: name an empty one, or add what is missing there by --merge")
    print_rows(
        _rows(written=done.written, kept=done.kept, expired=done.expired),
        ("family", "written", "kept", "expired"),
        output,
    )
    if done.kept:
        complain(f"{counted(done.kept.total(), 'entry', 'entries')} of the file stayed as the store had them")


async def _copy(store: Store, target: IO[bytes], tell: Callable[[str], None]) -> Counter[str]:
    done: Counter[str] = Counter()
    async for family, line in lines(store, datetime.now(UTC).isoformat(timespec="seconds"), DUE):
        target.write(line)
        if family:
            done[family] += 1
            if done.total() % _SHOWN_EVERY == 0:
                tell(f"reading the store: {done.total()} entries")
    return done


async def _fill(
    store: Store, source: IO[bytes], entries: int, tell: Callable[[str], None], *, merge: bool
) -> Loaded | None:
    if not merge and not await is_empty(store):
        return None
    done = Loaded()
    async for done in load(store, source, time.time()):
        so_far = done.written.total() + done.kept.total() + done.expired.total()
        tell(f"writing: {so_far} of {entries} entries")
    return done


def _rows(**counts: Counter[str]) -> list[dict[str, str | int]]:
    """Return a row for each family of keys, and one for all."""
    families = sorted({family for count in counts.values() for family in count})
    rows: list[dict[str, str | int]] = [
        {"family": family, **{name: count[family] for name, count in counts.items()}} for family in families
    ]
    return [*rows, {"family": "all", **{name: count.total() for name, count in counts.items()}}]


@contextlib.contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """Give a file that has its name once it is whole: one that was there before stays until then."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    beginning = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        beginning.replace(file)
    except OSError as error:
        fail(f"{file} cannot be written ({error.strerror})")
    finally:
        beginning.unlink(missing_ok=True)
