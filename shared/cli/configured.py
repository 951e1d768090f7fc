"""The settings that a command goes by: `.env` below the environment, and what is wrong with them."""

import difflib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from shared.events.problem import Problem
from shared.runtime.registry import FUNCTIONS
from shared.settings.dotenv import Dotenv, load
from shared.settings.environment import Settings, SettingsError, prefix_of, read, strangers, variables

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


def check(dotfile: Path | None = DOTENV, environ: Mapping[str, str] = os.environ) -> list[Problem]:
    """Return all that is wrong with `.env` and the environment: what is unknown, what is missing, what cannot be.

    A destination is looked at where its first setting is there; without it, a stand-in takes its place.
    """
    found = load(dotfile) if dotfile is not None else Dotenv()
    together = {**found.values, **environ}
    return [*found.problems, *unknown(found, dotfile, environ), *_wrong(found, dotfile, together)]


def check_file(path: Path) -> list[Problem]:
    """Return what is wrong with one `.env` file: lines that are none, settings that there are not."""
    found = load(path)
    return [*found.problems, *unknown(found, path, {})]


def unknown(found: Dotenv, path: Path | None, environ: Mapping[str, str]) -> list[Problem]:
    """Return a problem for each variable that looks like one of ours and is none."""
    models = _models()
    prefixes = {"AUTH_", *(f"{name.split('_')[0].upper()}_" for name in FUNCTIONS)}
    inside = strangers(models.values(), found.values, prefixes) | _misspelt(models, found.values)
    outside = strangers(models.values(), environ, prefixes)
    problems = [_problem(sentence, str(path), found.lines[name]) for name, sentence in inside.items()]
    return sorted([*problems, *(_problem(sentence, ENVIRONMENT, 0) for sentence in outside.values())])


def warnings(dotfile: Path = DOTENV) -> list[Problem]:
    """Return what `check` finds unknown: what a start only warns of."""
    return unknown(load(dotfile), dotfile, os.environ)


def in_words(problem: Problem) -> str:
    """Return a problem of settings as one sentence; of the environment only what is wrong, for it has no place."""
    place = f"{problem.file}:{problem.line}: " if problem.line else ""
    return f"{place}{problem.message}" + (f": {problem.suggestion}" if problem.suggestion else "")


def _misspelt(models: Mapping[str, type[Settings]], values: Mapping[str, str]) -> dict[str, str]:
    """Find names in our own file whose very prefix is misspelt: there, nobody else's variables are expected."""
    known = {name for model in models.values() for name in variables(model)}
    families = {prefix_of(name) for name in known}
    sentences: dict[str, str] = {}
    for name in values:
        if len(name) >= _SHORT and "_" in name and prefix_of(name) not in families:
            near = difflib.get_close_matches(name.removesuffix("_FILE"), known, 1, _ALIKE)
            if near:
                sentences[name] = f"{name} is not a setting: did you mean {near[0]}?"
    return sentences


def _wrong(found: Dotenv, path: Path | None, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what the models say of the values; a problem of several functions' shared variable is told once."""
    told: set[str] = set()
    for name, model in _models().items():
        registered = FUNCTIONS.get(name)
        variable = registered.destination.variable if registered is not None and registered.destination else ""
        if variable and not (environ.get(variable) or environ.get(f"{variable}_FILE")):
            continue
        try:
            read(model, environ)
        except SettingsError as error:
            for sentence in error.problems:
                if sentence not in told:
                    told.add(sentence)
                    line = found.lines.get(sentence.split(":")[0].split(" ")[0], 0)
                    yield _problem(sentence, str(path) if line else ENVIRONMENT, line)


def _problem(sentence: str, file: str, line: int) -> Problem:
    message, _, suggestion = sentence.partition(": ")
    return Problem(file, line, message, suggestion)


def _models() -> dict[str, type[Settings]]:
    """Return every settings model: each function's, and that of the host around it."""
    from shared.runtime.document import settings_models  # imports every function's room: only where all are asked for
    from shared.settings.host import HostSettings

    return {"host": HostSettings, **settings_models()}
