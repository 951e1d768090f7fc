"""The functions by name, imported only when asked for: a function's process loads its own room alone."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.runtime.function import Function
from shared.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Registered:
    """One function: its module, which exports `new(environ, metrics, ...)`, and what it is in one line."""

    module: str
    summary: str


FUNCTIONS: dict[str, Registered] = {
    "classifier": Registered("functions.classifier.handler", "says what an observation means"),
    "correlator": Registered("functions.correlator.handler", "makes one episode of one problem"),
    "servicenow_incident": Registered("functions.servicenow_incident.handler", "one incident for each episode"),
    "siem_forwarder": Registered("functions.siem_forwarder.handler", "hands every observation to the SIEM"),
}


class UnknownFunctionError(Exception):
    """There is no function of that name; the text names those that there are."""


def canonical(name: str) -> str:
    """Return a function's name as Python spells it, hyphens or not. Raises UnknownFunctionError."""
    plain = name.replace("-", "_")
    if plain not in FUNCTIONS:
        raise UnknownFunctionError(f"there is no function {name!r}; there are: {', '.join(FUNCTIONS)}")
    return plain


def load(name: str, environ: Mapping[str, str], metrics: Metrics, **parts: Any) -> Function:
    """Build a function; `parts` replaces what it would open itself, as `store=` and `publisher=`.

    Raises UnknownFunctionError, or SettingsError for settings that cannot work.
    """
    module = importlib.import_module(FUNCTIONS[canonical(name)].module)
    new: Callable[..., Function] = module.new
    return new(environ, metrics, **parts)
