"""`tidings validate --convert`: a field mapping of others becomes a mapping file of ours; what cannot is named."""

from pathlib import Path

import typer

from shared.cli.output import Output, complain, fail, print_document, show
from shared.delivery.foreign_mapping import Converted, Wanted, convert_mapping
from shared.delivery.mapping_file import read_text
from shared.events.problem import Problem
from shared.events.words import counted
from shared.rules.shipped import SHIPPED
from shared.runtime.registry import FUNCTIONS
from shared.runtime.terms import terms_of

_FUNCTION = "servicenow_incident"


def run(path: Path, table: str, write: Path | None, output: Output, *, severity_rules: bool) -> None:
    """Convert a file, print or write the result, and name what could not be converted; then exit with 1."""
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: the file cannot be read ({type(error).__name__})", code=2)
    destination = FUNCTIONS[_FUNCTION].destination
    if destination is None:
        raise RuntimeError("the registry does not know it for a destination")
    terms = terms_of({_FUNCTION: destination})
    shipped = (SHIPPED.parents[1] / _FUNCTION / "mapping.yaml").read_text(encoding="utf-8")
    made = convert_mapping(source, str(path), Wanted(table, severity_rules), terms, shipped)
    if not isinstance(made, Converted):
        fail(*map(str, made))
    read = read_text(made.text, str(write or "the converted mapping"), terms)
    problems = [*made.problems, *(read if isinstance(read, list) else [])]
    _show(made, problems, write, output)
    if problems:
        raise typer.Exit(1)


def _show(made: Converted, problems: list[Problem], write: Path | None, output: Output) -> None:
    if write is not None:
        try:
            write.write_text(made.text, encoding="utf-8")
        except OSError as error:
            fail(f"{write}: it cannot be written ({error.strerror})")
    if output is not Output.table:
        rows = {"problems": _rows(problems), "notes": _rows(made.notes)}
        print_document({"mapping": made.text, **rows}, output)
        return
    complain(*(f"note: {one}" for one in made.notes), *map(str, problems))
    if write is None:
        show(made.text, soft_wrap=True, end="")
    else:
        left = f"; {counted(len(problems), 'construct')} not converted" if problems else ""
        show(f"{write}: a mapping for SERVICENOW_MAPPING{left}", soft_wrap=True)


def _rows(problems: list[Problem]) -> list[dict[str, object]]:
    return [one._asdict() for one in problems]
