"""`tidings validate`: everything that teams edit, all errors at once, each with file:line and what to write instead."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, fail, print_problems, show
from shared.events.words import counted

EXAMPLE = "Example: tidings validate my-rules/ knative/ .env"


def command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders; without any: what is shipped, knative/, .env and the environment."),
    ] = None,
    convert: Annotated[
        Path | None,
        typer.Option(
            help="Turn a mapping.json of Go templates into a mapping file of ours, and print it.", metavar="FILE"
        ),
    ] = None,
    write: Annotated[Path | None, typer.Option(help="With --convert: write it there instead.", metavar="FILE")] = None,
    table: Annotated[str, typer.Option(help="With --convert: which of its tables.")] = "incident",
    severity_rules: Annotated[
        bool,
        typer.Option("--severity-rules", help="With --convert: keep its rules for impact and urgency, too."),
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Check rule packs and their tests, mappings, Trigger manifests and settings; files are told by what they hold."""
    if convert is not None:
        from shared.cli.converting import run  # the option's room, only when it is used

        run(convert, table, write, output, severity_rules=severity_rules)
        return
    from shared.cli import checked, configured  # the command's room, only when it runs

    missing = [path for path in paths or () if not path.exists()]
    if missing:
        fail(*(f"{path}: there is no such file or folder" for path in missing), code=2)
    result = checked.check(paths or checked.everything())
    problems = result.problems if paths else sorted({*result.problems, *configured.check()})
    print_problems([*problems, *result.warnings], output)
    if output is Output.table:
        fine = "no errors" if result.warnings else "everything is fine"
        verdict = counted(len(problems), "error") if problems else fine
        warned = f", {counted(len(result.warnings), 'warning')}" if result.warnings else ""
        settings = "" if paths else " and the settings"
        show(f"{verdict}{warned} ({counted(result.count, 'file')}{settings} checked)")
    if problems:
        raise typer.Exit(1)
