"""How commands print: a table for people, JSON or JSON lines for programs; errors on stderr, never a traceback."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.events.problem import Problem


class Output(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"
    jsonl = "jsonl"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table for people, json for one document, jsonl for one object a line.")
]

Row = Mapping[str, Any]


def print_rows(rows: Iterable[Row], columns: Sequence[str], output: Output, *, title: str = "") -> None:
    """Print rows: a table of these columns, or every member as JSON."""
    if output is Output.jsonl:
        for row in rows:
            print_line(row)
    elif output is Output.json:
        print_document(list(rows))
    else:
        table = Table(
            *columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold"
        )
        for row in rows:
            table.add_row(*(Text(_cell(row.get(column))) for column in columns))
        console().print(table)


def print_line(value: Any) -> None:
    """Print one value as one line of JSON."""
    sys.stdout.buffer.write(orjson.dumps(value, default=str) + b"\n")


def print_document(value: Any) -> None:
    """Print one value as indented JSON."""
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def print_problems(problems: Sequence[Problem], output: Output) -> None:
    """Print problems, each with file:line and what to write instead."""
    if output is not Output.table:
        rows = [
            {"file": item.file, "line": item.line, "message": item.message, "suggestion": item.suggestion}
            for item in problems
        ]
        print_rows(rows, (), output)
        return
    for item in problems:
        line = Text.assemble((f"{item.file}:{item.line}", "bold"), ": ", item.message)
        if item.suggestion:
            line.append(f"\n    {item.suggestion}", style="green")
        console().print(line, soft_wrap=True)


def console() -> Console:
    """Return a console on stdout; in a pipe it prints plain text."""
    return Console(highlight=False)


def fail(*problems: str, code: int = 1) -> NoReturn:
    """Print problems on stderr and exit."""
    errors = Console(stderr=True, highlight=False)
    for problem in problems:
        errors.print(Text.assemble(("tidings: ", "red"), problem), soft_wrap=True)
    raise typer.Exit(code)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
