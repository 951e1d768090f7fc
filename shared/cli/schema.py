"""`tidings schema NAME`: the JSON Schemas of what teams write and what events carry."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from shared.cli.output import console, fail, print_document
from shared.delivery.schema import mapping_schema
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Classified, Observation, Verdict
from shared.rules.schema import rules_schema, tests_schema

EXAMPLE = "Example: tidings schema rules > rules.json"

SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "observation": Observation.model_json_schema,
    "verdict": Verdict.model_json_schema,
    "classified": Classified.model_json_schema,
    "episode": Episode.model_json_schema,
    "delivery": DeliveryReport.model_json_schema,
    "rules": rules_schema,
    "rules-test": tests_schema,
    "mapping": mapping_schema,
}


def command(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SCHEMAS)}.")] = "",
    every: Annotated[Path | None, typer.Option("--all", help="Write all of them into this folder.")] = None,
) -> None:
    """Print the JSON Schema of rules, mappings or events."""
    if every is not None:
        every.mkdir(parents=True, exist_ok=True)
        for known in SCHEMAS:
            (every / f"{known}.json").write_bytes(render(known))
        console().print(f"{len(SCHEMAS)} schemas written to {every}")
    elif name in SCHEMAS:
        print_document(document(name))
    else:
        fail(f"there is no schema {name!r}; there are: {', '.join(SCHEMAS)}", code=2)


def document(name: str) -> dict[str, Any]:
    """Return one schema with its dialect and title."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name]()}


def render(name: str) -> bytes:
    """Return one schema as the file that is published under docs/schemas."""
    return orjson.dumps(document(name), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"
