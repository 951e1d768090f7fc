"""How commands reach the bus that is meant: by name, by the settings, or that of `tidings up` in its folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from shared.bus.protocol import Bus
from shared.bus.registry import BUSES, chosen, open_bus, or_embedded
from shared.cli.output import fail

BusOption = Annotated[
    str, typer.Option("--bus", metavar="|".join(BUSES), help="Which bus; else BUS, or the only one that is configured.")
]


def check_bus(name: str) -> None:
    """End the command where there is no bus of that name."""
    if name and name not in BUSES:
        fail(f"there is no bus {name}: use one of {', '.join(BUSES)}", code=2)


def opened(name: str, data: Path, environ: Mapping[str, str]) -> tuple[str, Bus]:
    """Return the bus that is meant and its name. Raises SettingsError."""
    own = or_embedded(environ, data) if name in {"", "embedded"} and (data / "bus.db").is_file() else {}
    found = name or chosen({**environ, **own})
    return found, open_bus(found, {**environ, **own})
