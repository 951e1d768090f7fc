"""The JSON Schema of mapping files, for editors; what it cannot say, `tidings validate` finds."""

from typing import Any

from shared.delivery.conversions import TYPES
from shared.delivery.mapping import OPERATIONS

_SCALAR = {"type": ["string", "number", "boolean"]}


def mapping_schema() -> dict[str, Any]:
    """Return the schema of a mapping file (docs/mapping.md)."""
    return {
        "title": "Tidings mapping",
        "description": "Which field of a foreign record holds what.",
        "type": "object",
        "additionalProperties": False,
        "required": ["operations"],
        "properties": {
            "description": {"type": "string"},
            "lookups": {
                "description": "Tables that a field's `lookup` names: value of the event to value of the field.",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": _SCALAR},
            },
            "operations": {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: {"$ref": "#/$defs/fields"} for name in OPERATIONS},
            },
        },
        "$defs": {
            "fields": {"type": "object", "additionalProperties": {"$ref": "#/$defs/field"}},
            "field": {"anyOf": [_SCALAR, _field()]},
        },
    }


def _field() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in ("value", "from", "fields")],
        "properties": {
            "value": {**_SCALAR, "description": "A Jinja template over the event model, or a constant."},
            "from": {"type": "string", "description": "A path of the event model, taken over as it is."},
            "fields": {"$ref": "#/$defs/fields", "description": "Members of a nested object."},
            "when": {"type": "string", "description": "A condition: the field is left out where it does not hold."},
            "lookup": {"type": "string", "description": "The table of `lookups` that turns the value into another."},
            "default": {**_SCALAR, "description": "Taken where the lookup has no such value."},
            "max": {"type": "integer", "minimum": 1, "description": "Characters after which the text is cut."},
            "type": {"enum": list(TYPES)},
        },
    }
