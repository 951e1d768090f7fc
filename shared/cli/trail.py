"""`tidings trail`: what led to a ticket, an episode or a problem, and what was told of it; whether the trail is whole.

`tidings trail TICKET` is the command of old, and `tidings trail verify` stands beside it.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shared.bus.protocol import Readable
from shared.bus.trail import Trail, find
from shared.bus.trail_entry import Entry
from shared.cli import configured
from shared.cli.buses import BusOption, check_bus, done, opened
from shared.cli.moments import moment
from shared.cli.output import Output, OutputOption, complain, fail, print_rows, waiting
from shared.cli.places import AtOption, PublicKeyOption, RootsOption
from shared.cli.stored import DATA, DataOption
from shared.events.times import to_text
from shared.events.words import counted

EXAMPLE = "Example: tidings trail INC0010042 --since 7d"
_COLUMNS = ("time", "what", "by", "said")
_SHOW = "show"


class _OrShow(TyperGroup):
    """A group whose `show` need not be named: `tidings trail INC0010042`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name it where no command is."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else [_SHOW, *args])


app = typer.Typer(
    cls=_OrShow,
    no_args_is_help=True,
    epilog=EXAMPLE,
    help="Show what led to a ticket, or verify what is archived: tidings trail TICKET, tidings trail verify.",
)


@app.command(_SHOW, epilog=EXAMPLE)
def _show(
    wanted: Annotated[
        str,
        typer.Argument(metavar="TICKET|EPISODE|KEY", help="Ticket number, id of an episode or change, problem key."),
    ],
    since: Annotated[str, typer.Option(help="Only what was kept since: 7d, 12h, 30m, or a time.")] = "",
    bus: BusOption = "",
    at: Annotated[str, typer.Option(help="An archive to read instead: a folder, or s3://BUCKET/PREFIX.")] = "",
    data: DataOption = DATA,
    output: OutputOption = Output.table,
) -> None:
    """Show what caused it, by which rule, what was made of it, who was told and what came back."""
    check_bus(bus)
    begin = moment(since, "--since")
    with waiting("reading the archive" if at else "reading the bus"):
        trail = _read(wanted, begin, bus, at, data)
    if not trail.entries:
        fail(f"nothing is kept of {wanted}")
    print_rows([_row(entry) for entry in trail.entries], _COLUMNS, output)
    if trail.left_off:
        complain(f"{counted(trail.left_off, 'further event')} left off: narrow it down by --since")


@app.command("verify", epilog="Example: tidings trail verify --at s3://archive/tidings --public-key seal.pub.pem")
def _verify(
    at: AtOption, roots: RootsOption = "", public_key: PublicKeyOption = None, output: OutputOption = Output.table
) -> None:
    """Check every sealed segment of an archive: what was changed, removed, reordered or put there; 1 where any was."""
    from shared.cli.verifying import verified  # what the trail itself does not need

    verified(at, roots, public_key, output)


def _read(wanted: str, since: datetime | None, name: str, at: str, data: Path) -> Trail:
    async def whole() -> Trail:
        source = _source(name, at, data)
        try:
            return await find(source, wanted, since)
        finally:
            await source.close()

    return done(whole)


def _source(name: str, at: str, data: Path) -> Readable:
    environ = configured.effective()
    if at:
        from shared.archive.place import open_place  # only where an archive is read
        from shared.archive.reader import ArchiveReader

        return ArchiveReader(open_place(at, environ))
    return opened(name, data, environ)[1]


def _row(entry: Entry) -> dict[str, Any]:
    return {"time": to_text(entry.time), "what": entry.what, "by": entry.by, "said": entry.said, **entry.facts}
