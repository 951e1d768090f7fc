"""`tidings doctor`: each configured system in one line: reach, credentials, rights, fields."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.output import Output, OutputOption, print_rows, waiting

EXAMPLE = "Example: SPLUNK_HEC_URL=https://splunk.example:8088 SPLUNK_TOKEN_FILE=token tidings doctor"


def command(
    knative: Annotated[Path, typer.Option(help="Folder with the Trigger and service manifests.")] = Path("knative"),
    output: OutputOption = Output.table,
) -> None:
    """Check each system that the settings name (environment and `.env`); nothing is sent or changed."""
    import asyncio
    import logging

    from shared.cli.diagnosis import diagnose  # the command's room, only when it runs

    logging.getLogger("tidings.destinations").setLevel(logging.ERROR)  # the rows say what does not answer
    with waiting("asking each system"):
        rows = asyncio.run(diagnose(knative))
    print_rows(rows, ("system", "state", "finding"), output)
    if any(row["state"] == "bad" for row in rows):
        raise typer.Exit(1)
