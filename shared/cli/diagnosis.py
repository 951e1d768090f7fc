"""What `tidings doctor` finds, as rows: the files, the settings, the store, and each destination."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shared.cli import configured
from shared.cli.bus_check import archive, buses
from shared.cli.checked import check
from shared.cli.senders import senders
from shared.events.problem import ProblemsError
from shared.rules.shipped import SHIPPED
from shared.runtime.registry import FUNCTIONS, components, load
from shared.settings.environment import SettingsError
from shared.stores.protocol import StoreUnavailableError
from shared.stores.registry import open_store
from shared.telemetry.metrics import Metrics

Row = dict[str, Any]
_OWN: Final = ("CLASSIFIER_RULES", "CORRELATOR_POLICY", "REMEDIATE_HOOKS", "INTAKE_LAYOUTS")
"""Settings that name files of one's own of which no other row says anything; mappings are their destination's."""
_STATES: Final[Mapping[bool | None, str]] = {True: "good", False: "bad", None: "unseen"}


async def diagnose(knative: Path, told: Callable[[Collection[str]], None]) -> list[Row]:
    """Return a row of system, state (`good`, `bad`, `unseen`, `absent`) and finding for each thing that can be wrong.

    All systems are asked at the same time: one that hangs keeps none waiting. `told` gets the names of those that have
    yet to answer, whenever that changes.
    """
    rows = [_files("rules", SHIPPED), _files("manifests", knative), *_settings()]
    try:
        environ = configured.effective()
    except SettingsError:
        return rows  # `.env` cannot be read: what it would say of the systems is not known
    own = configured.files()
    rows += [_files(name, own[name]) for name in _OWN if name in own and own[name].exists()]
    wanted = components(environ)
    asked = {"senders": senders(environ), "store": _store(environ), **buses(environ), "archive": archive(environ)}
    for name, registered in FUNCTIONS.items():
        destination = registered.destination
        if registered.acts and name in wanted:
            asked[name] = _checked(name, environ)
        if destination is None or (destination.component and destination.configured(environ) and name not in wanted):
            continue  # a system of the base that is configured says nothing of what else is wanted there
        absent = "" if destination.configured(environ) else f"not configured: {destination.variable} is not set"
        asked[name] = _checked(name, destination.shown_by(environ), absent)
    for found in await asyncio.gather(*_telling(asked, told)):
        rows += found
    return rows


def _telling(
    asked: Mapping[str, Coroutine[Any, Any, list[Row]]], told: Callable[[Collection[str]], None]
) -> Iterator[Coroutine[Any, Any, list[Row]]]:
    """Return the questions in their order; whenever one is answered, `told` gets the names of those that are not."""
    left = dict.fromkeys(asked)

    async def ask(name: str, question: Coroutine[Any, Any, list[Row]]) -> list[Row]:
        rows = await question
        del left[name]
        if left:
            told(left)
        return rows

    told(left)
    return (ask(name, question) for name, question in asked.items())


def _settings() -> list[Row]:
    """Return what is unknown or unreadable, one row each; what a function says of its own comes with that function."""
    found = configured.check(destinations=False)
    return [_row("settings", "bad", configured.in_words(problem)) for problem in found] or [
        _row("settings", "good", ".env and the environment" if configured.DOTENV.exists() else "the environment")
    ]


async def _checked(name: str, environ: Mapping[str, str], absent: str = "") -> list[Row]:
    """Return what a function's own check says; where it is `absent`, for that reason, only what its settings do."""
    try:
        # What is kept is elsewhere: the check must not touch it, and a bad store has a row of its own.
        function: Any = load(name, environ, Metrics(), store=open_store("memory:", environ))
    except SettingsError as error:
        return [_row(name, "bad", problem) for problem in error.problems]
    try:
        if absent:
            return [_row(name, "absent", absent)]
        return [_row(name, _STATES[good], text) for good, text in await function.check()]
    except (SettingsError, ProblemsError) as error:
        return [_row(name, "bad", str(problem)) for problem in error.problems]
    finally:
        await function.stop()


def _files(name: str, path: Path) -> Row:
    if not path.exists():
        return _row(name, "absent", f"{path} is not there")
    problems = check([path]).problems
    if not problems:
        return _row(name, "good", str(path))
    return _row(name, "bad", f"{len(problems)} {'error' if len(problems) == 1 else 'errors'}: tidings validate {path}")


async def _store(environ: Mapping[str, str]) -> list[Row]:
    url = environ.get("STORE_URL", "")
    if not url:
        return [_row("store", "absent", "not configured: STORE_URL is not set")]
    try:
        store = open_store(url, environ)
        await store.get("doctor")
        await store.close()
    except (StoreUnavailableError, ValueError, OSError) as error:
        return [_row("store", "bad", str(error))]
    return [_row("store", "good", url)]


def _row(system: str, state: str, finding: str) -> Row:
    return {"system": system, "state": state, "finding": finding}
