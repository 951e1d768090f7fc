"""The pages under docs that are made from the code: settings, metrics, rule packs, and what QRadar must know.

`python -m shared.runtime.document docs` writes them; a test says where they are stale.
"""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from shared.archive.settings import S3Settings, SealSettings
from shared.bus.registry import BUSES
from shared.bus.settings import BusSettings
from shared.rules.shipped import SHIPPED
from shared.runtime.auth.settings import AuthSettings
from shared.runtime.registry import FUNCTIONS
from shared.runtime.shadow import ShadowSettings
from shared.settings.environment import Secret, Settings
from shared.settings.nats import NatsSettings
from shared.stores.registry import STORES
from shared.telemetry.metrics import METRICS

_MADE = "<!-- Made by `python -m shared.runtime.document docs`; edit the code instead. -->"
_EVERY = (
    ("HOST", "`127.0.0.1`", "Address to listen on."),
    ("PORT", "`8080`", "Port to listen on."),
    ("LOG_LEVEL", "`info`", "`debug`, `info`, `warning` or `error`."),
    ("FUNCTION_TARGET", "none", "Name of the function, for each host; `tidings serve NAME` says it itself."),
    ("LISTEN_ADDRESS", "`[::]:8080,0.0.0.0:8080`", "Instead of HOST and PORT in `kn func`."),
    ("TLS_CERT_FILE", "none", "PEM file with the certificate of this port, which is then TLS; not in the other hosts."),
    ("TLS_KEY_FILE", "none", "PEM file with its key, where that is not in the same file."),
)
Row = tuple[str, ...]
_HEAD = ("variable", "default", "meaning")


def settings_models() -> dict[str, type[Settings]]:
    """Return each function's settings model by the function's name."""
    return {name: _model(registered.module) for name, registered in FUNCTIONS.items()}


def settings_page() -> str:
    """Return docs/settings.md."""
    parts = [
        "# Settings",
        _MADE,
        (
            "Environment variables, as functions on Knative have them. Each may be given as `NAME_FILE` instead: the "
            "name of a file that holds the value. A file goes before a variable; a secret's file is read again when it "
            "changes. `tidings up` also reads them from a `.env` file beside it."
        ),
        (
            "A `.env` file has one `NAME=value` a line, with or without `export` before it, and with or without quotes "
            "around the value. A comment has a line of its own that begins with `#`: what follows a value on its line "
            "belongs to the value. Nothing is expanded, and no value goes on in the next line. A variable of the "
            "environment goes before one of the `.env` file."
        ),
        "## Every function",
        _table(_HEAD, [(f"`{name}`", default, text) for name, default, text in _EVERY]),
        "## Who may send",
        "For every function and for `tidings up`; [who may send](who-may-send.md) has what to set for which sender.",
        _table(_HEAD, _rows(AuthSettings)),
        "## Shadow",
        "For every destination and for `tidings up`; [first contact](first-contact.md) has what it is for.",
        _table(_HEAD, _rows(ShadowSettings)),
        "## Where state is kept",
        "`STORE_URL` of each function that keeps state: " + " ".join(kind.help for kind in STORES.values()),
        "For NATS, besides its `STORE_URL` ([what it takes](episodes.md#storage)):",
        _table(_HEAD, _rows(NatsSettings)),
        "## The bus",
        "For `tidings bus` and `tidings doctor`; [the bus](bus.md) has which one is for whom.",
        _table(_HEAD, [row for model in _bus_models() for row in _rows(model)]),
        "## The long archive",
        "For `tidings archive`, `tidings trail` and `tidings replay`; [the archive](archive.md) has what each is for.",
        _table(_HEAD, [*_rows(SealSettings), *_rows(S3Settings)]),
    ]
    for function, model in settings_models().items():
        title = f"## {function.replace('_', '-')}"
        parts += [title, _sentence(FUNCTIONS[function].summary), _table(_HEAD, _rows(model))]
    return _page(parts)


def _bus_models() -> list[type[Settings]]:
    """Return the models of what is not told elsewhere on the page, as NATS is."""
    return [BusSettings, *(model for bus in BUSES.values() if (model := bus.settings()) is not NatsSettings)]


def metrics_page() -> str:
    """Return docs/metrics.md."""
    rows = [
        (f"`{name}`", declared.kind, ", ".join(f"`{label}`" for label in declared.labels), declared.help)
        for name, declared in METRICS.items()
    ]
    text = (
        "`GET /metrics` of every function and of `tidings up`, in Prometheus text, or OpenMetrics where `Accept` asks "
        "for it. Every label takes one of a closed set of values; of one that does not, at most 500 are kept apart."
    )
    return _page(["# Metrics", _MADE, text, _table(("metric", "kind", "labels", "meaning"), rows)])


def rules_page(folder: Path = SHIPPED) -> str:
    """Return docs/rule-packs.md."""
    import yaml  # only this page reads the packs as they are written

    rows: list[Row] = []
    for file in sorted(folder.glob("*.yaml")):
        if not file.stem.endswith("_test"):
            pack = yaml.safe_load(file.read_text(encoding="utf-8"))
            link = f"[{pack['pack']}](../functions/classifier/rules/{file.name})"
            rows.append((link, " ".join(str(pack.get("description", "")).split())))
    text = "What an event means is said by rules; these packs come with Tidings."
    return _page(["# Rule packs", _MADE, text, _table(("pack", "about"), rows)])


def qradar_page() -> str:
    """Return docs/qradar-events.md: what QRadar must know to name our events, from the shipped rules."""
    from shared.events.vocabulary import SUBCATEGORIES
    from shared.rules.fallback import IMPLICIT, NAMES
    from shared.rules.outcome_rows import ROWS
    from shared.rules.shipped import shipped_rules  # only this page reads the rules themselves

    rules = {(rule.name, rule.subcategory): rule for rule in shipped_rules()}
    named = [(f"`{name}`", f"`{cat}`", rule.severity, rule.why) for (name, cat), rule in sorted(rules.items())]
    said = {f"unknown-{row.name}": (row.at, row.severity, _sentence(row.why)) for row in ROWS}
    said |= dict.fromkeys(IMPLICIT, ("", "info", "An object that no rule names was added, changed or deleted."))
    unknown = [
        (f"`{name}`", " ".join(f"`{cat}`" for cat in at.split()) or "any", severity, why)
        for name, (at, severity, why) in sorted(said.items())
        if name in NAMES
    ]
    head = ("EventID", "cat", "severity", "meaning")
    return _page(
        [
            "# Events of QRadar",
            _MADE,
            (
                "QRadar finds the name, severity and category of an event (its QID) by EventID and `cat` of a line. By "
                "the shipped mapping EventID is the rule that decided and `cat` the subcategory. "
                "[docs/destinations/qradar.md](destinations/qradar.md) says where they are entered. A rule of your own "
                "has its own name there, and the subcategory that it gives."
            ),
            "## What the shipped rules name",
            _table(head, named),
            "## What no rule names",
            f"`any` is one of {', '.join(f'`{cat}`' for cats in SUBCATEGORIES.values() for cat in cats)}.",
            _table(head, unknown),
        ]
    )


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "rule-packs.md": rules_page,
    "qradar-events.md": qradar_page,
}


def main(folder: Path) -> None:
    """Write every page into the folder."""
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def _model(module: str) -> type[Settings]:
    """Return the settings model that a function's module uses: of several the one that builds on the others."""
    found = [
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type) and issubclass(value, Settings) and value is not Settings
    ]
    (model,) = [one for one in found if not any(one in other.__mro__[1:] for other in found)]
    return model


def _rows(model: type[Settings]) -> list[Row]:
    return [_setting(field.alias or name.upper(), field) for name, field in model.model_fields.items()]


def _setting(variable: str, field: Any) -> Row:
    secret = field.annotation is Secret or Secret in getattr(field.annotation, "__args__", ())
    default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
    meaning = f"{field.description or ''}{' A secret.' if secret else ''}".strip()
    return f"`{variable}`", default, meaning


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _default(value: Any) -> str:
    if isinstance(value, Path):
        value = value.name
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        value = [f"{name}:{item}" for name, item in value.items() if item]
    if isinstance(value, tuple | list):
        value = ",".join(str(item) for item in value)
    if isinstance(value, bool):
        value = str(value).lower()
    return "none" if value in {None, ""} else f"`{value}`"


def _table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, tuple("---" for _ in head), *(tuple(cell.replace("|", r"\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(parts: list[str]) -> str:
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
