"""`tidings dead-letters`: what no try could deliver: look, send again, discard."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, fail, print_document, print_rows, show
from shared.events.words import counted
from shared.local.broker.database import Database
from shared.local.broker.letters import letter_of, letter_row
from shared.local.shown import shown

EXAMPLE = "Example: tidings dead-letters list --data .tidings"

app = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="List, show, retry or discard what no try could deliver.")

DataOption = Annotated[Path, typer.Option(help="Folder that keeps the state of `tidings up`.")]
NumbersArgument = Annotated[list[int], typer.Argument(help="Numbers of the letters, as `list` shows them.")]
_DATA = Path(".tidings")


@app.command("list", epilog=EXAMPLE)
def _list(
    data: DataOption = _DATA,
    trigger: Annotated[str, typer.Option(help="Only those of this Trigger.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    output: OutputOption = Output.table,
) -> None:
    """List the dead letters, the oldest first."""
    with _letters(data) as database:
        rows = [letter_row(letter_of(row)) for row in database.letters(trigger, wanted=False, after=0, limit=limit)]
        counts = database.letter_counts()
    print_rows(rows, ("id", "trigger", "type", "subject", "code", "stage", "reason", "tries"), output)
    there = counts.get(trigger, 0) if trigger else sum(counts.values())
    if output is Output.table and there > len(rows):
        show(f"{len(rows)} of {there}; --limit shows more, and the newest are last")


@app.command("show", epilog="Example: tidings dead-letters show 7")
def _show(
    number: Annotated[int, typer.Argument(help="Number of the letter, as `list` shows it.")],
    data: DataOption = _DATA,
    output: OutputOption = Output.table,
) -> None:
    """Show one dead letter whole: the event, and what the broker adds for a dead letter sink."""
    with _letters(data) as database:
        row = database.letter(number)
    if row is None:
        fail(f"there is no dead letter {number}")
    letter = letter_of(row)
    print_document({**letter_row(letter), "event": shown(letter.as_event())}, output)


@app.command("retry", epilog="Example: tidings dead-letters retry 7 8")
def _retry(numbers: NumbersArgument, data: DataOption = _DATA, output: OutputOption = Output.table) -> None:
    """Send dead letters again, each to its own Trigger only; a running `tidings up` does it within seconds."""
    _change(data, numbers, "will be sent again", lambda database, there: database.want(there, wanted=True), output)


@app.command("discard", epilog="Example: tidings dead-letters discard 7")
def _discard(numbers: NumbersArgument, data: DataOption = _DATA, output: OutputOption = Output.table) -> None:
    """Delete dead letters for good."""
    _change(data, numbers, "discarded", lambda database, there: database.discard(there), output)


def _change(
    data: Path, numbers: list[int], what: str, act: Callable[[Database, list[int]], int], output: Output
) -> None:
    with _letters(data) as database:
        there = [number for number in dict.fromkeys(numbers) if database.letter(number) is not None]
        count = act(database, there)
    missing = [number for number in dict.fromkeys(numbers) if number not in there]
    if output is not Output.table:
        print_document({"changed": count, "what": what, "missing": missing}, output)
    elif count:
        show(f"{counted(count, 'dead letter')} {what}")
    if missing:
        fail(*(f"there is no dead letter {number}" for number in missing))


@contextmanager
def _letters(data: Path) -> Iterator[Database]:
    try:
        database = Database(data / "broker.db", guest=True)
    except FileNotFoundError:
        fail(f"{data} holds no broker: name the folder of `tidings up` by --data")
    except (sqlite3.Error, OSError) as error:
        fail(f"{data}: {error}")
    try:
        yield database
    except sqlite3.Error as error:
        fail(f"{data}: {error}")
    finally:
        database.close()
