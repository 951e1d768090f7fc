"""`tidings up`: the embedded system with a live table, then a summary."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from shared.cli.output import Output, OutputOption, console, fail, print_document
from shared.local.lock import InUseError
from shared.local.recorded.player import FeedError
from shared.local.settings import RECORDED, UpSettings, dotenv
from shared.local.snapshot import Snapshot, look
from shared.local.system import System, UpError
from shared.settings.environment import SettingsError
from shared.telemetry import logs

EXAMPLE = "Example: tidings up --listen 127.0.0.1:8080 --data .tidings --feed recorded"
_REFRESH = 0.25


def command(
    listen: Annotated[
        str, typer.Option(help="Address to listen on, HOST:PORT; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
    data: Annotated[Path, typer.Option(help="Folder that keeps its state.")] = Path(".tidings"),
    feed: Annotated[str, typer.Option(help="recorded, none, or a recording's file (.yaml or .jsonl).")] = RECORDED,
    knative: Annotated[Path, typer.Option(help="Folder with the Trigger and service manifests.")] = Path("knative"),
    speed: Annotated[
        float, typer.Option(help="Seconds of the recording in one second; 0 is as fast as it goes.")
    ] = 3600.0,
    again: Annotated[
        bool, typer.Option("--again", help="Play the recording from its beginning, over what is there.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="End when the recording has ended and nothing waits.")] = False,
    output: OutputOption = Output.table,
) -> None:
    """Run the whole system in one process on one port: broker, functions, and stand-ins for what is not configured.

    Started again on the same folder, it goes on where it was.
    """
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isdecimal():
        fail("--listen takes HOST:PORT, as 127.0.0.1:8080", code=2)
    try:
        environ = {**dotenv(Path(".env")), **os.environ}
        logs.setup(environ.get("LOG_LEVEL", "warning"))
        settings = UpSettings(
            data=data, knative=knative, host=host, port=int(port), feed=feed, speed=speed, again=again, environ=environ
        )
        asyncio.run(_run(System(settings), once=once, output=output))
    except (UpError, SettingsError) as error:
        fail(*error.problems)
    except InUseError:
        fail(f"{data} is in use by another `tidings up`: end that one, or name another folder by --data")
    except (FeedError, OSError, ValueError) as error:
        fail(str(error))


async def _run(system: System, *, once: bool, output: Output) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        await system.start()
        if output is Output.table:
            _greet(system)
        await _show(system, ended, once=once, live=output is Output.table)
        shot = await look(system)
    finally:
        await system.stop()
    if output is Output.table:
        console().print(_summary(shot, system))
    else:
        print_document(_as_dict(shot))


def _greet(system: System) -> None:
    out = console()
    out.print(f"Tidings listens on [bold]{system.address}[/bold]  (API: {system.address}/api/v1/episodes)")
    for path in system.standins.mounted():
        out.print(f"  stand-in: {system.address}{path}")
    if system.feed is not None:
        progress = system.feed.progress
        state = "was played before; --again plays it once more" if progress.done else f"{progress.total} events"
        out.print(f"  feed: {system.settings.recording} ({state})")
    out.print("  Ctrl-C ends it; started again it goes on where it was.\n")


async def _show(system: System, ended: asyncio.Event, *, once: bool, live: bool) -> None:
    finished = asyncio.create_task(system.wait(until_idle=once))
    stopped = asyncio.create_task(ended.wait())
    screen = console()
    shown = live and screen.is_terminal
    with Live(console=screen, auto_refresh=False, transient=True) if shown else contextlib.nullcontext() as table:
        while not finished.done() and not stopped.done():
            if table is not None:
                table.update(_live(await look(system)), refresh=True)
            await asyncio.wait({finished, stopped}, timeout=_REFRESH, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if finished.done():
        finished.result()
    else:
        finished.cancel()


def _live(shot: Snapshot) -> Group:
    latest = Table("when", "ticket", "what", "about", box=None, pad_edge=False, header_style="dim")
    for line in shot.latest:
        when = line.time.strftime("%H:%M:%S") if line.time else ""
        latest.add_row(when, line.number, Text(line.what, style=_STYLES.get(line.what, "")), Text(line.summary[:90]))
    return Group(_counts(shot), Text(), latest)


_STYLES = {"opened": "red", "reopened": "red", "updated": "yellow", "resolved": "green"}


def _counts(shot: Snapshot) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    feed = f"{shot.fed} of {shot.feed_total}" if shot.feed_total else "none"
    at = f", {shot.feed_time:%Y-%m-%d %H:%M}" if shot.feed_time else ""
    opened, updated, resolved, reopened = (shot.deliveries[name] for name in ("open", "update", "resolve", "reopen"))
    table.add_row("events in", str(shot.events), f"recording: {feed}{at}")
    table.add_row("classified", str(shot.classified), f"{shot.ignored} left out, {shot.unknown} of unknown reason")
    table.add_row(
        "tickets", _tickets(shot), f"now: {opened} opened, {updated} updated, {resolved} resolved, {reopened} reopened"
    )
    records = "-" if shot.siem_records is None else str(shot.siem_records)
    table.add_row("SIEM records", records, f"{shot.siem_repeats} repeated" if shot.siem_repeats else "each once")
    table.add_row("waiting", str(shot.waiting), f"{shot.retried} retries, {shot.dead_letters} dead letters")
    return table


def _tickets(shot: Snapshot) -> str:
    if shot.tickets is None:
        return "-"
    return ", ".join(f"{count} {state}" for state, count in sorted(shot.tickets.items())) or "0"


def _summary(shot: Snapshot, system: System) -> Group:
    state = "nothing waiting" if not shot.waiting else f"{shot.waiting} waiting, kept for the next start"
    title = Text.assemble(("Summary", "bold"), f"  ({state}; state in {system.settings.data})")
    return Group(title, _counts(shot))


def _as_dict(shot: Snapshot) -> dict[str, object]:
    names = [name for name in Snapshot.__slots__ if name != "latest"]
    return {name: getattr(shot, name) for name in names}
