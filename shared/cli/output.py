"""How commands print: a table for people, JSON or JSON lines for programs; errors on stderr, never a traceback."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console
from rich.text import Text

from shared.cli.table import drawn
from shared.events.problem import Problem

_WIDE = 1_000_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Output(StrEnum):
    """Forms of output."""

    table = "table"
    json = "json"
    jsonl = "jsonl"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table for people, json for one document, jsonl for one object a line.")
]

Row = Mapping[str, Any]


def print_rows(rows: Iterable[Row], columns: Sequence[str], output: Output) -> None:
    """Print rows: a table of these columns, or every member as JSON. Nothing of a table is ever cut."""
    if output is Output.jsonl:
        for row in rows:
            print_line(row)
    elif output is Output.json:
        print_document(list(rows))
    else:
        cells = [[_cell(row.get(column)) for column in columns] for row in rows]
        show(drawn(columns, cells, width()), soft_wrap=True, end="")


def print_line(value: Any) -> None:
    """Print one value as one line of JSON, at once: whoever reads may wait for it."""
    _write(_json(value, 0) + b"\n")


def print_document(value: Any, output: Output = Output.json) -> None:
    """Print one value as indented JSON, as one line where JSON lines are wanted."""
    _write(_json(value, 0 if output is Output.jsonl else orjson.OPT_INDENT_2) + b"\n")


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
        place = f"{item.file}:{item.line}" if item.line else item.file
        line = Text.assemble((place, "bold"), ": ", item.message)
        if item.suggestion:
            line.append(f"\n    {item.suggestion}", style="green")
        show(line, soft_wrap=True)


def show(*things: Any, soft_wrap: bool = False, end: str = "\n") -> None:
    """Print for people on stdout; neither markup nor control codes in texts work, for they may be anybody's."""
    console().print(*map(_harmless, things), soft_wrap=soft_wrap, markup=False, end=end)


def console() -> Console:
    """Return a console on stdout; in a pipe it prints plain text."""
    return _Screen(highlight=False)


def width() -> int:
    """Return the columns of the terminal; in a pipe so many that nothing is wrapped."""
    return console().width if sys.stdout.isatty() else _WIDE


@contextmanager
def waiting(what: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal that something takes its time; nothing in a pipe. What it yields shows another text."""
    errors = Console(stderr=True)
    if errors.is_terminal and sys.stdout.isatty():
        with errors.status(what) as status:
            yield status.update
    else:
        yield lambda _what: None


@contextmanager
def lines(what: str) -> Iterator[tuple[Callable[[Text], None], Callable[[str], None]]]:
    """Yield what prints one line after the other, and what says how far it is: below them, and on a terminal alone."""
    screen = console()

    def line(text: Text) -> None:
        screen.print(_harmless(text), soft_wrap=True, markup=False)

    if screen.is_terminal:
        with screen.status(what) as status:
            yield line, status.update
    else:
        yield line, lambda _what: None


def complain(*problems: str) -> None:
    """Print problems on stderr."""
    errors = Console(stderr=True, highlight=False)
    for problem in problems:
        errors.print(_harmless(Text.assemble(("tidings: ", "red"), problem)), soft_wrap=True)


def fail(*problems: str, code: int = 1) -> NoReturn:
    """Print problems on stderr and exit."""
    complain(*problems)
    raise typer.Exit(code)


def _harmless(thing: Any) -> Any:
    """Return a text without what would steer a terminal: an event's message is written by strangers."""
    if isinstance(thing, str):
        return _CONTROL.sub("\ufffd", thing)
    if isinstance(thing, Text):
        thing.plain = _CONTROL.sub("\ufffd", thing.plain)  # of the same length: the styles stay where they are
    return thing


class _Screen(Console):
    """A console for which a reader that has enough, as `head`, is no error."""

    def on_broken_pipe(self) -> None:
        """End quietly."""
        _nobody_reads()


def _write(data: bytes) -> None:
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _nobody_reads()


def _nobody_reads() -> NoReturn:
    """End the command with code 0: the reader has all that it wanted. What is still in buffers goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    raise typer.Exit(0)


def _json(value: Any, option: int) -> bytes:
    return orjson.dumps(value, default=str, option=option | orjson.OPT_NON_STR_KEYS)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
