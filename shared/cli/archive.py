"""`tidings archive`: years of what a bus kept, in a folder or in S3: export, seal, list, erase, expire."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import typer

from shared.archive.catalogue import is_erased, manifests
from shared.archive.export import Bounds
from shared.archive.manifest import Manifest, parsed_name
from shared.archive.place import Place
from shared.bus.names import misnamed
from shared.bus.topology import TOPOLOGY
from shared.cli import configured
from shared.cli.archiving import Exporting, Made, each, erased, expired, exported, sealed, topics_of
from shared.cli.buses import BusOption, check_bus, done
from shared.cli.moments import moment, span
from shared.cli.output import Output, OutputOption, Row, complain, fail, print_rows, waiting
from shared.cli.places import AtOption, RootsOption, place_at
from shared.cli.stored import DATA, DataOption
from shared.events.times import to_text

EXAMPLE = "Example: tidings archive export --to s3://archive/tidings --roots /mnt/elsewhere/roots"
_SEAL = "Example: ARCHIVE_SEAL_KEY_FILE=seal.pem tidings archive seal --at /mnt/archive --roots /mnt/elsewhere/roots"
_ERASE = "Example: tidings archive erase audit-trail.00000042 --at /mnt/archive --why 'asked for by law, case 7'"
_COLUMNS = ("segment", "records", "bytes", "first", "last")
_SIZE = re.compile(r"(\d{1,9})(KiB|MiB|GiB)", re.ASCII)
_BYTES = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_LARGEST = 4 * 1024**3
_SEALS = ("segment", "records", "root", "at")

app = typer.Typer(
    no_args_is_help=True, epilog=EXAMPLE, help="Keep what a bus holds for years: export, seal, list, erase, expire."
)

WhyOption = Annotated[str, typer.Option(help="Why: it is signed, and stays.")]


@app.command("export", epilog=EXAMPLE)
def _export(
    to: Annotated[str, typer.Option(metavar="PLACE", help="A folder, or s3://BUCKET/PREFIX.")],
    roots: Annotated[
        str, typer.Option(metavar="PLACE", help="Seal them as well, as `seal` does, with the seals there.")
    ] = "",
    bus: BusOption = "",
    named: Annotated[str, typer.Option("--topics", help="Topics or streams by comma; else all of Tidings.")] = "",
    segment_size: Annotated[str, typer.Option(help="A segment ends after so much, before it is compressed.")] = "64MiB",
    segment_age: Annotated[str, typer.Option(help="A segment ends so long after its first record.")] = "1d",
    data: DataOption = DATA,
    output: OutputOption = Output.table,
) -> None:
    """Write what came since the last export as segments: each is whole or not there, and a killed run repeats none."""
    check_bus(bus)
    wanted = tuple(dict.fromkeys(part.strip() for part in named.split(",") if part.strip()))
    if wrong := misnamed(bus, wanted):
        fail(*wrong, code=2)
    bounds = Bounds(_size(segment_size, "--segment-size"), span(segment_age, "--segment-age"))
    if bounds.size > _LARGEST:
        fail("--segment-size: S3 takes an object of at most 5 GiB at once: 4GiB is the largest", code=2)
    asked = Exporting(to, roots, bus, data, wanted or tuple(row.topic.name for row in TOPOLOGY), bounds)
    with waiting("exporting") as update:
        made = done(lambda: exported(asked, update))
    _print([_row(one) for one in made.found], _COLUMNS, output, made.problems)
    if not made.found and not made.problems:
        complain(f"nothing to export: the bus holds nothing that is not yet in {to}")


@app.command("seal", epilog=_SEAL)
def _seal(at: AtOption, roots: RootsOption = "", output: OutputOption = Output.table) -> None:
    """Read what is not sealed yet in order, and sign the root of each segment that is whole and follows the last."""
    with waiting("sealing") as update:
        made = done(lambda: sealed(at, roots, update))
    rows = [one.statement.model_dump(mode="json") | {"segment": one.statement.name} for one in made.found]
    _print(rows, _SEALS, output, made.problems)
    if not rows and not made.problems:
        complain(f"nothing to seal: each segment in {at} has its seal")


@app.command("list", epilog="Example: tidings archive list --at /mnt/archive --output jsonl")
def _list(at: AtOption, output: OutputOption = Output.table) -> None:
    """List the segments of an archive."""

    async def work() -> Made[Row]:
        async with place_at(at, configured.effective()) as place:
            return await each(await topics_of(place), lambda topic: _listed(place, topic))

    with waiting("reading the archive"):
        made = done(work)
    _print(made.found, (*_COLUMNS, "state"), output, made.problems)


async def _listed(place: Place, topic: str) -> AsyncIterator[Row]:
    async for one in manifests(place, topic):
        yield _row(one, "erased" if await is_erased(place, one) else "there")


@app.command("erase", epilog=_ERASE)
def _erase(
    segment: Annotated[str, typer.Argument(help="The segment, as `list` shows it.")],
    at: AtOption,
    why: WhyOption,
    roots: RootsOption = "",
    output: OutputOption = Output.table,
) -> None:
    """Remove what a sealed segment holds, and sign that and why: its manifest stays, and verify knows it was meant."""
    found = parsed_name(segment)
    if found is None or not why.strip():
        fail("a segment is named as audit-trail.00000042, and --why must say something", code=2)
    with waiting("erasing"):
        gone = done(lambda: erased(at, roots, found, why))
    print_rows([_row(gone, "erased")], (*_COLUMNS, "state"), output)


@app.command("expire", epilog="Example: tidings archive expire --at s3://archive/tidings --older-than 7y")
def _expire(
    at: AtOption,
    older_than: Annotated[str, typer.Option(help="Erase segments whose last record is older: 400d, 7y.")],
    roots: RootsOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")] = False,
    output: OutputOption = Output.table,
) -> None:
    """Erase whole segments that are old enough, and remove what a killed export left."""
    span(older_than, "--older-than")  # a date is none: the job of every night would go on with it
    before = moment(older_than, "--older-than")
    assert before is not None  # noqa: S101 - of a span it never is
    why = f"expired: older than {older_than}"
    with waiting("erasing") as update:
        made = done(lambda: expired(at, roots, before, why, dry_run=dry_run, update=update))
    rows = [
        {**dict.fromkeys(_COLUMNS), "segment": one, "state": "stray"} if isinstance(one, str) else _row(one, "expired")
        for one in made.found
    ]
    _print(rows, (*_COLUMNS, "state"), output, made.problems)


def _print(rows: Sequence[Row], columns: Sequence[str], output: Output, problems: Sequence[str]) -> None:
    """Print what was done, then what could not be: that ends the command."""
    if rows or not problems or output is not Output.table:
        print_rows(rows, columns, output)
    if problems:
        fail(*problems)


def _size(text: str, option: str) -> int:
    """Return a size in bytes; what is none ends the command."""
    found = _SIZE.fullmatch(text)
    size = int(found[1]) * _BYTES[found[2]] if found else 0
    if not size:
        fail(f"{option}: {text!r} is no size: write 512KiB, 64MiB or 1GiB", code=2)
    return size


def _row(one: Manifest, state: str = "") -> Row:
    row = {
        "segment": one.name,
        "records": one.records,
        "bytes": one.size,
        "first": to_text(one.first),
        "last": to_text(one.last),
    }
    return {**row, "state": state} if state else row
