"""How commands reach the bus that is meant: by name, by the settings, or that of `tidings up` in its folder."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from shared.bus.protocol import Bus, BusUnavailableError
from shared.bus.registry import BUSES, chosen, configured, open_bus, or_embedded
from shared.cli.output import fail
from shared.cli.stored import STATE
from shared.settings.environment import SettingsError

T = TypeVar("T")

_EMBEDDED: Final = "embedded"
_HINT: Final = "; or name the folder of `tidings up` by --data"
_NOTHING_KEPT: Final = "; the `tidings up` of {data} kept no events: start it by `tidings up --with archive`"

BusOption = Annotated[
    str, typer.Option("--bus", metavar="|".join(BUSES), help="Which bus; else BUS, or the only one that is configured.")
]


def check_bus(name: str) -> None:
    """End the command where there is no bus of that name."""
    if name and name not in BUSES:
        fail(f"there is no bus {name}: use one of {', '.join(BUSES)}", code=2)


def opened(name: str, data: Path, environ: Mapping[str, str], *, must_exist: bool = True) -> tuple[str, Bus]:
    """Return the bus that is meant and its name.

    Raises SettingsError, with `must_exist` also where the embedded one has no file: an empty bus looks like an answer.
    """
    # Who names the embedded bus means it, whatever other bus the settings lead to.
    named = name == _EMBEDDED and _EMBEDDED not in configured(environ)
    own: dict[str, str] = {}
    if name in {"", _EMBEDDED} and (data / "bus.db").is_file():
        own = or_embedded({} if named else environ, data)
    settings = {**environ, **own}
    nowhere = named or (not settings.get("BUS") and not configured(settings))
    try:
        found = name or chosen(settings)
        bus = open_bus(found, settings)
    except SettingsError as error:
        hint = _hint(data) if nowhere and name in {"", _EMBEDDED} else ""
        raise SettingsError([f"{problem}{hint}" for problem in error.problems]) from error
    file = settings.get(BUSES[_EMBEDDED].wanted, "")
    if must_exist and found == _EMBEDDED and not Path(file).is_file():
        raise SettingsError([f"there is no embedded bus at {file}: EMBEDDED_BUS names its file, or --data its folder"])
    return found, bus


def _hint(data: Path) -> str:
    return _NOTHING_KEPT.format(data=data) if (data / STATE).is_file() else _HINT


def done(work: Callable[[], Awaitable[T]]) -> T:
    """Do it; what cannot be done is said, and ends the command."""

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except SettingsError as error:
        fail(*error.problems)
    except BusUnavailableError as error:  # also of a place
        fail(str(error))
    except OSError as error:
        what = error.strerror or type(error).__name__
        fail(f"{error.filename}: {what}" if error.filename else what)
