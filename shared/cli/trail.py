"""`tidings trail`: what led to a ticket, an episode or a problem, and what was told of it, as a timeline."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.bus.protocol import BusUnavailableError
from shared.bus.registry import BUSES, chosen, open_bus, or_embedded
from shared.bus.trail import Trail, find
from shared.bus.trail_entry import Entry
from shared.cli import configured
from shared.cli.moments import moment
from shared.cli.output import Output, OutputOption, complain, fail, print_rows, waiting
from shared.cli.stored import DATA, DataOption
from shared.events.times import to_text
from shared.events.words import counted
from shared.settings.environment import SettingsError

EXAMPLE = "Example: tidings trail INC0010042 --since 7d"
_COLUMNS = ("time", "what", "by", "said")


def command(
    wanted: Annotated[
        str,
        typer.Argument(metavar="TICKET|EPISODE|KEY", help="Ticket number, id of an episode or change, problem key."),
    ],
    since: Annotated[str, typer.Option(help="Only what was kept since: 7d, 12h, 30m, or a time.")] = "",
    bus: Annotated[
        str, typer.Option("--bus", metavar="|".join(BUSES), help="Which bus; else BUS, or the one that is configured.")
    ] = "",
    data: DataOption = DATA,
    output: OutputOption = Output.table,
) -> None:
    """Show what caused it, by which rule, what was made of it, who was told and what came back."""
    begin = moment(since, "--since")
    with waiting("reading the bus"):
        trail = _read(wanted, begin, bus, data)
    if not trail.entries:
        fail(f"nothing is kept of {wanted}")
    print_rows([_row(entry) for entry in trail.entries], _COLUMNS, output)
    if trail.left_off:
        complain(f"{counted(trail.left_off, 'further event')} left off: narrow it down by --since")


def _read(wanted: str, since: datetime | None, name: str, data: Path) -> Trail:
    if name and name not in BUSES:
        fail(f"there is no bus {name}: use one of {', '.join(BUSES)}", code=2)

    async def whole() -> Trail:
        environ = configured.effective()
        own = or_embedded(environ, data) if name in {"", "embedded"} and (data / "bus.db").is_file() else {}
        bus = open_bus(name or chosen({**environ, **own}), {**environ, **own})
        try:
            return await find(bus, wanted, since)
        finally:
            await bus.close()

    try:
        return asyncio.run(whole())
    except SettingsError as error:
        fail(*error.problems)
    except BusUnavailableError as error:
        fail(str(error))


def _row(entry: Entry) -> dict[str, Any]:
    return {"time": to_text(entry.time), "what": entry.what, "by": entry.by, "said": entry.said, **entry.facts}
