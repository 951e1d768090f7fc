"""What `tidings doctor` says of each bus that is configured: does it let us in, are its topics there."""

from collections.abc import Coroutine, Mapping
from typing import Any

from shared.bus.protocol import BusUnavailableError
from shared.bus.registry import chosen, configured, open_bus, opener
from shared.bus.topology import TOPOLOGY, differences
from shared.settings.environment import SettingsError

_Rows = list[dict[str, Any]]


def buses(environ: Mapping[str, str]) -> dict[str, Coroutine[Any, Any, _Rows]]:
    """Return by name what asks each bus that is configured, and where the function `archive` keeps events says that."""
    return {f"bus {name}": _asked(name, environ) for name in configured(environ)}


async def archive(environ: Mapping[str, str]) -> _Rows:
    """Return what keeps the function `archive` from having a bus; nothing where it has one, whose question says it."""
    if not environ.get("BUS") and not configured(environ):
        return [{"system": "archive", "state": "absent", "finding": "not configured: BUS is not set"}]
    try:
        name = chosen(environ)
        opener(name, environ)
    except SettingsError as error:
        return [{"system": "archive", "state": "bad", "finding": problem} for problem in error.problems]
    return []


async def _asked(name: str, environ: Mapping[str, str]) -> _Rows:
    rows = await _ask(name, environ)
    try:
        kept = chosen(environ)
    except SettingsError:  # `archive` says it
        return rows
    if kept != name:
        return rows
    state = rows[-1]["state"]
    said = f"would keep events on the bus {name}" if state == "good" else f"cannot keep events: the bus {name} is bad"
    return [*rows, {"system": "archive", "state": state, "finding": said}]


async def _ask(name: str, environ: Mapping[str, str]) -> _Rows:
    try:
        bus = open_bus(name, environ)
    except SettingsError as error:
        return [_row(name, "bad", problem) for problem in error.problems]
    try:
        found = {row.topic.name: differences(row.topic, await bus.describe(row.topic.name)) for row in TOPOLOGY}
    except BusUnavailableError as error:
        return [_row(name, "bad", str(error))]
    finally:
        await bus.close()
    wrong = [f"{topic}: {', '.join(what)}" for topic, what in found.items() if what]
    if wrong:
        return [_row(name, "bad", f"{'; '.join(wrong)}: tidings bus apply --bus {name}")]
    return [_row(name, "good", f"all {len(found)} topics are there")]


def _row(name: str, state: str, finding: str) -> dict[str, Any]:
    return {"system": f"bus {name}", "state": state, "finding": finding}
