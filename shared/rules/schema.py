"""The published JSON Schemas of pack files and of their tests, made from the models (docs/schemas/)."""

from typing import Any

from pydantic import BaseModel

from shared.rules import fields
from shared.rules.model import MATCHER_SCHEMA, PackModel, TestsModel

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EVENT_EXTRA = {"uid": {"type": "string"}, "labels": {"type": "object"}, "annotations": {"type": "object"}}
_OPEN = "^(labels|annotations|original)\\..+"


def rules_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a pack file."""
    schema = _of(PackModel, "A Tidings rule pack")
    definitions = schema["$defs"]
    definitions["Matcher"] = MATCHER_SCHEMA
    definitions["RuleModel"]["properties"]["match"] = {
        "type": "object",
        "description": "Fields of an observation; all must hold.",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {name: {"$ref": "#/$defs/Matcher"} for name in fields.NAMES},
        "patternProperties": {_OPEN: {"$ref": "#/$defs/Matcher"}},
    }
    return schema


def tests_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a pack's test file."""
    schema = _of(TestsModel, "Tests of a Tidings rule pack")
    scalar: dict[str, Any] = {"type": ["string", "integer", "number", "boolean"]}
    schema["$defs"]["Event"] = {
        "type": "object",
        "description": "Fields of an observation in the short form; what is left out has a sensible value.",
        "additionalProperties": False,
        "properties": {
            **dict.fromkeys(fields.NAMES, scalar),
            **_EVENT_EXTRA,
            **{name: {"type": "object"} for name in ("owner", "related", "original")},
        },
        "patternProperties": {_OPEN: scalar},
    }
    case = schema["$defs"]["CaseModel"]["properties"]
    case["event"] = {"$ref": "#/$defs/Event"}
    case["events"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Event"}}
    case["object"] = {"type": "object", "description": case["object"]["description"]}
    return schema


def _of(model: type[BaseModel], title: str) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"$schema": _DIALECT, **_without_null(schema), "title": title}


def _without_null(value: Any) -> Any:
    """Take out `null`: a key is there with a value, or it is not there."""
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_null(item) for key, item in value.items() if key != "title" or isinstance(item, dict)}
    if kept.get("default", 0) is None:
        del kept["default"]
    choices = kept.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        choices.remove({"type": "null"})
        if len(choices) == 1:
            del kept["anyOf"]
            kept = {**choices[0], **kept}
    return kept
