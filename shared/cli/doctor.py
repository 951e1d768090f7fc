"""`tidings doctor`: each configured system in one line: reach, credentials, rights, fields."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.cli.output import Output, OutputOption, print_rows
from shared.cli.validate import check
from shared.local.settings import dotenv
from shared.rules.shipped import SHIPPED
from shared.runtime.registry import FUNCTIONS, load
from shared.settings.environment import SettingsError
from shared.stores.protocol import StoreUnavailableError
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics

EXAMPLE = "Example: SPLUNK_HEC_URL=https://splunk.example:8088 tidings doctor"

Row = dict[str, Any]


def command(
    knative: Annotated[Path, typer.Option(help="Folder with the Trigger and service manifests.")] = Path("knative"),
    output: OutputOption = Output.table,
) -> None:
    """Check each system that the settings name (environment and `.env`); nothing is sent or changed."""
    environ = {**dotenv(Path(".env")), **os.environ}
    rows = asyncio.run(_rows(environ, knative))
    print_rows(rows, ("system", "state", "finding"), output)
    if any(row["state"] == "bad" for row in rows):
        raise typer.Exit(1)


async def _rows(environ: Mapping[str, str], knative: Path) -> list[Row]:
    rows = [_files("rules", SHIPPED), _files("manifests", knative), await _store(environ)]
    for name, registered in FUNCTIONS.items():
        destination = registered.destination
        if destination is None:
            continue
        if not (environ.get(destination.variable) or environ.get(f"{destination.variable}_FILE")):
            rows.append(_row(name, "absent", f"not configured: {destination.variable} is not set"))
            continue
        try:
            function: Any = load(name, environ, Metrics())
            rows += [_row(name, "good" if good else "bad", text) for good, text in await function.check()]
        except SettingsError as error:
            rows += [_row(name, "bad", problem) for problem in error.problems]
            continue
        await function.stop()
    return rows


def _files(name: str, path: Path) -> Row:
    if not path.exists():
        return _row(name, "absent", f"{path} is not there")
    problems, _ = check([path])
    return _row(
        name,
        "bad" if problems else "good",
        f"{len(problems)} errors: tidings validate {path}" if problems else str(path),
    )


async def _store(environ: Mapping[str, str]) -> Row:
    url = environ.get("STORE_URL", "")
    if not url:
        return _row("store", "absent", "not configured: STORE_URL is not set")
    try:
        store = open_store(url)
        await store.get("doctor")
        await store.close()
    except (StoreUnavailableError, ValueError, OSError) as error:
        return _row("store", "bad", str(error))
    return _row("store", "good", url)


def _row(system: str, state: str, finding: str) -> Row:
    return {"system": system, "state": state, "finding": finding}
