"""`tidings dead-letters`: what no try could deliver: look, count, send again, discard."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from shared.bus.names import misnamed
from shared.bus.registry import BUSES
from shared.bus.topology import LETTERS
from shared.cli import configured
from shared.cli.buses import done, opened
from shared.cli.letters import COLUMNS, ENDED, Choice, Group, Letters, Seen, chosen, grouped
from shared.cli.letters_broker import BrokerLetters
from shared.cli.output import Output, OutputOption, Row, fail, print_document, print_rows, show
from shared.cli.tallied import print_tally
from shared.events.cloudevent import CloudEvent
from shared.events.letter import MAX_NOTE
from shared.events.words import counted
from shared.local.shown import shown
from shared.runtime.replay import Tally

T = TypeVar("T")

EXAMPLE = "Example: tidings dead-letters list --group-by reason"
_RETRY = "Example: tidings dead-letters retry --source kafka --filter \"stage = 'mapping'\" --rate 20"
_DISCARD = 'Example: tidings dead-letters discard 7 --note "a test of the network team"'

app = typer.Typer(no_args_is_help=True, epilog=EXAMPLE, help="List, show, retry or discard what no try could deliver.")

DataOption = Annotated[Path, typer.Option(help="Folder that keeps the state of `tidings up`.")]
SourceOption = Annotated[
    str,
    typer.Option(metavar="|".join(BUSES), help="The bus whose topic holds them; else the embedded broker's own."),
]
TopicOption = Annotated[str, typer.Option(help="The topic, as tidings-dead-letters, where the Kafka Broker puts them.")]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` shows them.")]
FilterOption = Annotated[
    str,
    typer.Option("--filter", help="Only those that pass it, with stage and reason: a Trigger's filters, or CESQL."),
]
_DATA = Path(".tidings")


@app.command("list", epilog=EXAMPLE)
def _list(
    group_by: Annotated[Group | None, typer.Option("--group-by", help="Count them instead.")] = None,
    trigger: Annotated[str, typer.Option(help="Only those of this Trigger; of a bus: of this subscriber.")] = "",
    only: FilterOption = "",
    ended: Annotated[
        bool, typer.Option("--ended", help="Those that were discarded, or retried from a bus, with the note.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    source: SourceOption = "",
    topic: TopicOption = LETTERS,
    data: DataOption = _DATA,
    output: OutputOption = Output.table,
) -> None:
    """List the dead letters, the oldest first."""
    choice = chosen(None, only, trigger)
    if ended and (only or trigger or group_by):
        fail("--ended lists all: it takes no --filter, --trigger or --group-by", code=2)
    if group_by is not None:
        counts = _with(source, topic, data, lambda letters: grouped(letters, choice, group_by))
        print_rows(counts, (group_by.value, "letters"), output)
        return

    async def work(letters: Letters) -> tuple[list[Row], int]:
        first, there = list[Row](), 0
        async for row in letters.ended() if ended else _rows(letters, choice):
            there += 1
            if there <= limit:
                first.append(row)
        return first, there

    rows, there = _with(source, topic, data, work)
    print_rows(rows, ENDED if ended else COLUMNS, output)
    if output is Output.table and there > len(rows):
        show(f"{len(rows)} of {there}; --limit shows more, and the newest are last")


@app.command("show", epilog="Example: tidings dead-letters show 7")
def _show(
    name: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    source: SourceOption = "",
    topic: TopicOption = LETTERS,
    data: DataOption = _DATA,
    output: OutputOption = Output.table,
) -> None:
    """Show one dead letter whole: the event, and what the broker adds for a dead letter sink."""
    choice = _named([name], "", source)

    async def work(letters: Letters) -> Seen | None:
        async for seen in letters.each():
            if choice.takes(seen):
                return seen
        return None

    found = _with(source, topic, data, work)
    if found is None:
        fail(f"there is no dead letter {name}")
    event = shown(found.event) if isinstance(found.event, CloudEvent) else None
    print_document({**found.row, **found.more, "event": event}, output)


@app.command("retry", epilog=_RETRY)
def _retry(
    names: NamesArgument = None,
    only: FilterOption = "",
    rate: Annotated[float, typer.Option(min=0, help="At most so many a second; 0 as many as go.")] = 0,
    to: Annotated[
        str,
        typer.Option(help="Of a bus: broker (K_SINK, the default), bus (their own topics), subscriber, or a name."),
    ] = "",
    source: SourceOption = "",
    topic: TopicOption = LETTERS,
    data: DataOption = _DATA,
    output: OutputOption = Output.table,
) -> None:
    """Send dead letters again, each as a new attempt of the same event, so that nothing doubles.

    Those of the embedded broker go to their own Trigger only; a running `tidings up` does it within seconds. Of a bus,
    those that were taken are listed no more; ends with 1 where anything was refused.
    """
    choice = _named(names, only, source)
    found = _with(source, topic, data, lambda letters: letters.retry(choice, to, rate))
    if isinstance(found, Tally):
        print_tally(found, output)
        _say_missing(choice)
        if not found.good or found.why:
            raise typer.Exit(1)
        return
    _say(found, "will be sent again", choice, output)


@app.command("discard", epilog=_DISCARD)
def _discard(
    note: Annotated[str, typer.Option(help="Why, for those who ask later: `list --ended` shows it.")],
    names: NamesArgument = None,
    only: FilterOption = "",
    source: SourceOption = "",
    topic: TopicOption = LETTERS,
    data: DataOption = _DATA,
    output: OutputOption = Output.table,
) -> None:
    """End dead letters for good, with a note that is kept."""
    if not note.strip() or len(note) > MAX_NOTE:
        fail(f"--note says why, in 1 to {MAX_NOTE} characters", code=2)
    choice = _named(names, only, source)
    _say(_with(source, topic, data, lambda letters: letters.discard(choice, note)), "discarded", choice, output)


async def _rows(letters: Letters, choice: Choice) -> AsyncIterator[Row]:
    async for seen in letters.each():
        if choice.takes(seen):
            yield seen.row


def _named(names: list[str] | None, only: str, source: str) -> Choice:
    """Return which are meant; none at all is wrong usage, and so is what cannot be a letter's name."""
    if not names and not only:
        fail("name dead letters, or choose them by --filter", code=2)
    for name in names or ():
        parts = name.split("/")
        if len(parts) != (2 if source else 1) or not all(part.isascii() and part.isdigit() for part in parts):
            fail(f"{name} is no dead letter's name: write it as {'0/41' if source else '7'}", code=2)
    return chosen(names, only)


def _say(count: int, what: str, choice: Choice, output: Output) -> None:
    if output is not Output.table:
        missing = [int(name) if name.isdigit() else name for name in choice.missing]
        print_document({"changed": count, "what": what, "missing": missing}, output)
    elif count or not choice.missing:
        show(f"{counted(count, 'dead letter')} {what}")
    _say_missing(choice)


def _say_missing(choice: Choice) -> None:
    if choice.missing:
        fail(*(f"there is no dead letter {name}" for name in choice.missing))


def _with(source: str, topic: str, data: Path, act: Callable[[Letters], Awaitable[T]]) -> T:
    """Open where they are kept, act, close it; what cannot be done ends the command with a sentence."""
    if source and source not in BUSES:
        fail(f"--source: there is no {source}: use one of {', '.join(BUSES)}", code=2)
    if source and (wrong := misnamed(source, [topic])):
        fail(*wrong, code=2)

    async def work() -> T:
        letters = _of_bus(source, topic, data) if source else BrokerLetters(data)
        try:
            return await act(letters)
        finally:
            await letters.close()

    return done(work)


def _of_bus(source: str, topic: str, data: Path) -> Letters:
    from shared.cli.letters_bus import TopicLetters  # a bus and the functions, which the broker's own need not have

    environ = configured.effective()
    return TopicLetters(opened(source, data, environ)[1], topic, environ)
