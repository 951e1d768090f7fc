"""`tidings schema NAME`: the JSON Schemas of what teams write and what events carry."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import TypeAdapter

from functions.intake.layouts import layouts_schema
from functions.remediate.hook_forms import hooks_schema
from shared.cli.output import Output, OutputOption, fail, print_document, show
from shared.delivery.schema import mapping_schema
from shared.episodes.policy_forms import policy_schema
from shared.events.change import Change
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.letter import LetterMark
from shared.events.listed import Listed
from shared.events.model import Classified, Observation, Verdict
from shared.events.outcome import Outcome
from shared.rules.schema import rules_schema, tests_schema

EXAMPLE = "Example: tidings schema rules > rules.json"


def _outcome() -> dict[str, Any]:
    """Return how the handling of one event can end."""
    return {"title": "Outcome", **TypeAdapter[Any](Outcome).json_schema()}


def _settings() -> dict[str, Any]:
    """Return every variable of every function; which of them must be set depends on what is configured."""
    from shared.cli.configured import models  # imports every function's room

    properties: dict[str, Any] = {}
    for model in models().values():
        for variable, schema in model.model_json_schema()["properties"].items():
            # A file of ours that a default names lies elsewhere on every machine.
            moves = schema.get("format") == "path" or {"type": "string", "format": "path"} in schema.get("anyOf", [])
            properties[variable] = {key: value for key, value in schema.items() if key != "default" or not moves}
    # Variables are texts, whatever they mean; a file may hold each of them.
    files = {rf"^({'|'.join(sorted(properties))})_FILE$": {"type": "string", "description": "File with the value."}}
    return {"title": "Settings", "type": "object", "properties": properties, "patternProperties": files}


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "observation": Observation.model_json_schema,
    "verdict": Verdict.model_json_schema,
    "classified": Classified.model_json_schema,
    "episode": Episode.model_json_schema,
    "change": Change.model_json_schema,
    "delivery": DeliveryReport.model_json_schema,
    "dead-letter": LetterMark.model_json_schema,
    "listed": Listed.model_json_schema,
    "outcome": _outcome,
    "rules": rules_schema,
    "rules-test": tests_schema,
    "mapping": mapping_schema,
    "layouts": layouts_schema,
    "policy": policy_schema,
    "hooks": hooks_schema,
    "settings": _settings,
}


def command(
    name: Annotated[str, typer.Argument(help="What is wanted; without a name, all names are listed.")] = "",
    every: Annotated[Path | None, typer.Option("--all", help="Write all of them into this folder.")] = None,
    output: OutputOption = Output.table,
) -> None:
    """Print the JSON Schema of rules, mappings, settings or events."""
    if every is not None:
        try:
            every.mkdir(parents=True, exist_ok=True)
            for known in SCHEMAS:
                (every / f"{known}.json").write_bytes(render(known))
        except OSError as error:
            fail(f"{error.filename or every}: {error.strerror}")
        show(f"{len(SCHEMAS)} schemas written to {every}")
    elif name in SCHEMAS:
        print_document(document(name), output)
    else:
        what = f"there is no schema {name!r}" if name else "which schema?"
        fail(f"{what}; there are: {', '.join(SCHEMAS)}", code=2)


def document(name: str) -> dict[str, Any]:
    """Return one schema with its dialect and title."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name]()}


def render(name: str) -> bytes:
    """Return one schema as the file that is published under docs/schemas."""
    return orjson.dumps(document(name), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, default=str) + b"\n"
