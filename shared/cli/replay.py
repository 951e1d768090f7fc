"""`tidings replay`, also by the name of `publish`: what a bus kept, to the broker, one destination or another bus."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from shared.bus.names import misnamed
from shared.bus.registry import BUSES
from shared.bus.topology import CHANGES, KUBERNETES, LETTERS, SECURITY, TOPOLOGY
from shared.cli import configured
from shared.cli.moments import moment
from shared.cli.output import Output, OutputOption, fail, print_rows, waiting
from shared.cli.replaying import ARCHIVE, DEAD_LETTERS, Unable, Wanted, counted_dry, run
from shared.cli.stored import DATA, DataOption
from shared.cli.tallied import print_tally
from shared.local.selection import selection
from shared.runtime.replay_source import Span
from shared.runtime.replay_target import targets
from shared.settings.environment import SettingsError
from shared.settings.host import log_level
from shared.start.loop import new_event_loop
from shared.telemetry import logs

EXAMPLE = "Example: tidings replay --source kafka --target splunk --from 2h --filter \"severity = 'critical'\""
SOURCES = (*BUSES, ARCHIVE, DEAD_LETTERS)
_TOPICS = (KUBERNETES, SECURITY, CHANGES)
_ALL = tuple(row.topic.name for row in TOPOLOGY)


def command(
    source: Annotated[str, typer.Option(metavar="|".join(SOURCES), help="Where the events come from.")],
    target: Annotated[str, typer.Option(metavar="|".join(targets()), help="Whom they are handed to.")],
    at: Annotated[
        str, typer.Option(metavar="PLACE", help="Where the archive is: a folder, or s3://BUCKET/PREFIX.")
    ] = "",
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Read what was published from then on: a time, or 2h ago.")
    ] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Read what was published before then.")] = "",
    only: Annotated[
        str, typer.Option("--filter", help="Only events that pass it: a Trigger's filters as JSON, or CESQL.")
    ] = "",
    topics: Annotated[
        str,
        typer.Option(
            help="Topics by comma; else KAFKA_TOPICS, or those of classified events and changes; to a bus, all."
        ),
    ] = "",
    rate: Annotated[float, typer.Option(min=0, help="At most so many events a second; 0 as many as go.")] = 0,
    group: Annotated[
        str, typer.Option(help="Consumer group of the bus that remembers what was handed over (tidings-TARGET).")
    ] = "",
    checkpoint: Annotated[
        Path | None, typer.Option(help="File that remembers it instead, also for --from and --to.")
    ] = None,
    data: DataOption = DATA,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many events there are, and send none.")] = False,
    output: OutputOption = Output.table,
) -> None:
    """Hand events that a bus kept to the broker, one destination or another bus, each with the identity it always had.

    Without --from, --to and --checkpoint it goes on where its group ended, so a second run sends nothing new. With
    them it reads that span, each time anew unless there is a checkpoint; so it reads an archive, whose segments are
    each compared with their manifest first. Ends with 1 where anything was refused.
    """
    if (source == ARCHIVE) != bool(at):
        fail("--source archive and --at belong together: --at says where the archive is", code=2)
    spanned = bool(since or until or checkpoint or at)
    _check(source, target, spanned=spanned, group=group)
    asked = Span(moment(since, "--from"), moment(until, "--to"))
    if asked.since and asked.until and asked.since >= asked.until:
        fail("--from: it is not before --to, and no event is in that span", code=2)
    passes = selection(only)
    if isinstance(passes, list):
        fail(*(f"--filter: {one.message}: {one.suggestion}" for one in passes), code=2)
    try:
        environ = configured.effective()
        named = _topics(source, target, topics or environ.get("KAFKA_TOPICS", "") * (source == "kafka"))
        if wrong := misnamed(source if source in BUSES else "", named, group):
            fail(*wrong, code=2)
        wanted = Wanted(
            source=source,
            target=target,
            topics=named,
            span=asked,
            group="" if spanned else group or f"tidings-{target}",
            checkpoint=checkpoint,
            passes=passes,
            rate=rate,
            at=at,
            data=data,
        )
        logs.setup(log_level(environ, "warning"))
        with waiting("reading") as update:
            if dry_run:
                rows = asyncio.run(counted_dry(wanted, environ))
            else:
                with asyncio.Runner(loop_factory=new_event_loop) as runner:
                    tally = runner.run(run(wanted, environ, update))
    except (SettingsError, Unable) as error:
        fail(*error.problems)
    if dry_run:
        print_rows(rows, ("topic", "events"), output)
        return
    print_tally(tally, output)
    if not tally.good or tally.why:
        raise typer.Exit(1)


def _check(source: str, target: str, *, spanned: bool, group: str) -> None:
    if source not in SOURCES:
        fail(f"--source: there is no {source}: use one of {', '.join(SOURCES)}", code=2)
    if target not in targets():
        fail(f"--target: there is no {target}: use one of {', '.join(targets())}", code=2)
    if target == source:
        fail(f"--target: what comes from {source} is there already", code=2)
    if group and spanned:
        fail("--group goes on where it ended: it takes no archive, --from, --to or --checkpoint", code=2)


def _topics(source: str, target: str, text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if named or source == DEAD_LETTERS:
        return named or (LETTERS,)
    return _ALL if target in BUSES else _TOPICS
