"""The settings that a command goes by: `.env` below the environment, and what is wrong with them."""

import contextlib
import difflib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from shared.bus.registry import BUSES
from shared.cli.dotenv import Dotenv, load
from shared.events.problem import Problem
from shared.runtime.registry import FUNCTIONS
from shared.settings.environment import Settings, SettingsError, prefix_of, read, strangers, variables, wrong_values

DOTENV = Path(".env")
ENVIRONMENT = "environment"
_ALIKE = 0.85  # of two whole names: one or two letters apart
_SHORT = 8  # letters of a name that is too common to be taken for a misspelt one of ours


def effective(dotfile: Path = DOTENV) -> dict[str, str]:
    """Return the settings in force: those of `.env`, and above them the environment's. Raises SettingsError.

    What is unknown among them is the caller's to report (`unknown`); the functions that read them keep quiet of it.
    """
    logging.getLogger("tidings.settings").setLevel(logging.ERROR)
    found = load(dotfile)
    if found.problems:
        raise SettingsError([str(problem) for problem in found.problems])
    return {**found.values, **os.environ}


def check(
    dotfile: Path = DOTENV, environ: Mapping[str, str] = os.environ, *, destinations: bool = True
) -> list[Problem]:
    """Return all that is wrong with `.env` and the environment: what is unknown, what is missing, what cannot be.

    Of a destination whose first setting is not there, for which a stand-in takes its place, only the values are looked
    at; with `destinations` false, nothing of the others.
    """
    found = load(dotfile)
    together = {**found.values, **environ}
    wrong = [
        *_wrong(together, destinations=destinations),
        *(f"{name}: there is no {path}" for name, path in files(dotfile, environ).items() if not path.exists()),
    ]
    placed = (_placed(sentence, found, dotfile) for sentence in dict.fromkeys(wrong))
    return [*found.problems, *unknown(found, dotfile, environ), *placed]


def files(dotfile: Path = DOTENV, environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Return the files and folders of the user's own that settings name, by variable: rules, mappings.

    The file of the embedded bus is none of them: nobody writes it, and it is made where it is not.
    """
    together = {**load(dotfile).values, **environ}
    named = {
        variable: field
        for model in models().values()
        for field, variable in zip(model.model_fields.values(), variables(model), strict=True)
        if variable != BUSES["embedded"].wanted
        and (field.annotation is Path or Path in getattr(field.annotation, "__args__", ()))
    }
    return {name: _path(named[name], together[name]) for name in sorted(named) if together.get(name)}


def _path(field: FieldInfo, text: str) -> Path:
    """Return the file that a setting's text means, as its own validator has it: `slack` is one that is shipped."""
    meant: Any = text
    for one in field.metadata:
        if isinstance(one, BeforeValidator):
            with contextlib.suppress(ValueError):  # told where the model is read
                meant = one.func(meant)  # type: ignore[call-arg] # one that asks for nothing besides
    return Path(meant)


def unknown(found: Dotenv, path: Path, environ: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each variable that looks like one of ours and is none."""
    inside = _unknown(found.values) | _misspelt(found.values)
    problems = [_problem(sentence, str(path), found.lines[name]) for name, sentence in inside.items()]
    return sorted([*problems, *(_problem(sentence, ENVIRONMENT, 0) for sentence in _unknown(environ).values())])


def unknown_at(places: Mapping[str, int], file: str) -> list[Problem]:
    """Return a problem for each variable of a manifest, told by name and line, that looks like ours and is none."""
    names = dict.fromkeys(places, "")
    return [_problem(sentence, file, places[name]) for name, sentence in _unknown(names).items()]


def wrong_shadow(value: str, file: str, line: int) -> list[Problem]:
    """Return what is wrong with a manifest's SHADOW."""
    from shared.runtime.shadow import ShadowSettings

    return [_problem(sentence, file, line) for sentence in wrong_values(ShadowSettings, {"SHADOW": value})]


def _unknown(values: Mapping[str, str]) -> dict[str, str]:
    return strangers(models().values(), values, {prefix_of(name).upper() for name in FUNCTIONS})


def warnings(dotfile: Path = DOTENV) -> list[Problem]:
    """Return what `check` finds unknown: what a start only warns of."""
    return unknown(load(dotfile), dotfile, os.environ)


def in_words(problem: Problem) -> str:
    """Return a problem of settings as one sentence; of the environment only what is wrong, for it has no place."""
    place = f"{problem.file}:{problem.line}: " if problem.line else ""
    return f"{place}{problem.message}" + (f": {problem.suggestion}" if problem.suggestion else "")


def _misspelt(values: Mapping[str, str]) -> dict[str, str]:
    """Find names in our own file whose very prefix is misspelt: there, nobody else's variables are expected."""
    known = {name for model in models().values() for name in variables(model)}
    families = {prefix_of(name) for name in known}
    sentences: dict[str, str] = {}
    for name in values:
        if len(name) >= _SHORT and "_" in name and prefix_of(name) not in families:
            near = difflib.get_close_matches(name.removesuffix("_FILE"), known, 1, _ALIKE)
            if near:
                sentences[name] = f"{name} is not a setting: did you mean {near[0]}?"
    return sentences


def _wrong(environ: Mapping[str, str], *, destinations: bool) -> Iterator[str]:
    """Yield what the models say of the values, a sentence each."""
    for name, model in models().items():
        yield from _complaints(name, model, environ, destinations=destinations)


def _placed(sentence: str, found: Dotenv, path: Path) -> Problem:
    """Return a sentence with the line of its variable, where `.env` has it."""
    line = found.lines.get(re.split(r"[: ]", sentence)[0], 0)
    return _problem(sentence, str(path) if line else ENVIRONMENT, line)


def _complaints(name: str, model: type[Settings], environ: Mapping[str, str], *, destinations: bool) -> list[str]:
    if name in BUSES and not environ.get(BUSES[name].wanted):
        return wrong_values(model, environ)
    registered = FUNCTIONS.get(name)
    destination = registered.destination if registered is not None else None
    if destination is not None:
        if not destination.configured(environ):
            return wrong_values(model, environ)
        if not destinations:
            return []
    try:
        read(model, environ)
    except SettingsError as error:
        return error.problems
    return []


def _problem(sentence: str, file: str, line: int) -> Problem:
    message, _, suggestion = sentence.partition(": ")
    if " " not in message:  # a variable alone: what is wrong with it belongs to it
        return Problem(file, line, sentence)
    return Problem(file, line, message, suggestion)


def models() -> dict[str, type[Settings]]:
    """Return every settings model: each function's, and that of the host around it."""
    from shared.archive.settings import S3Settings, SealSettings
    from shared.bus.settings import BusSettings
    from shared.runtime.auth.settings import AuthSettings
    from shared.runtime.document import settings_models  # imports every function's room: only where all are asked for
    from shared.runtime.shadow import ShadowSettings
    from shared.settings.host import HostSettings
    from shared.settings.nats import NatsSettings

    buses = {name: bus.settings() for name, bus in BUSES.items()}
    own: dict[str, type[Settings]] = {
        "host": HostSettings,
        "auth": AuthSettings,
        "nats": NatsSettings,
        "bus": BusSettings,
        "seals": SealSettings,
        "s3": S3Settings,
        "shadow": ShadowSettings,
    }
    return {**own, **buses, **settings_models()}
