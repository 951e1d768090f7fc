"""The JSON Schema of mapping files, for editors; what it cannot say, `tidings validate` finds."""

from typing import Any

from shared.delivery.conversions import TYPES
from shared.delivery.escaping import ESCAPES
from shared.delivery.mapping import MINIMISED, OPERATIONS, Minimise
from shared.delivery.mapping_overrides import ASKED

_SCALAR = {"type": ["string", "number", "boolean"]}
_LOOKED_UP = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
_NOTHING = {"type": "null", "description": "Takes away what the shipped mapping, or the mapping itself, has here."}


def mapping_schema() -> dict[str, Any]:
    """Return the schema of a mapping file (docs/mapping.md)."""
    return {
        "title": "Tidings mapping",
        "description": "Which field of a foreign record holds what.",
        "type": "object",
        "additionalProperties": False,
        "anyOf": [{"required": ["operations"]}, {"required": ["extends"]}],
        "properties": {
            "description": {"type": "string"},
            "destination": {"type": "string", "description": "Function whose mapping this is, as `siem_forwarder`."},
            "extends": {"const": "shipped", "description": "Take everything of the shipped mapping that is not here."},
            "minimise": {
                "description": "What becomes of user names, addresses and names of objects.",
                "type": "object",
                "additionalProperties": False,
                "properties": {name: {"enum": list(MINIMISED)} for name in Minimise._fields},
            },
            "lookups": {
                "description": "Tables that a field's `lookup` names: value of the event to value of the field.",
                "type": "object",
                "additionalProperties": {
                    "anyOf": [_NOTHING, {"type": "object", "additionalProperties": {"anyOf": [_NOTHING, _LOOKED_UP]}}]
                },
            },
            "texts": {
                "description": "Parts of templates by name, which stand for `{{ texts.NAME }}`.",
                "type": "object",
                "additionalProperties": {"anyOf": [_NOTHING, {"type": "string"}]},
            },
            "operations": {"$ref": "#/$defs/operations"},
            "overrides": {
                "description": "Fields that differ for some events; of those that hold the later ones win.",
                "type": "array",
                "items": _override(),
            },
        },
        "$defs": {
            "operations": {
                "type": "object",
                "additionalProperties": False,
                "properties": {name: {"anyOf": [_NOTHING, {"$ref": "#/$defs/fields"}]} for name in OPERATIONS},
            },
            "fields": {"type": "object", "additionalProperties": {"$ref": "#/$defs/field"}},
            "field": {"anyOf": [_NOTHING, {"$ref": "#/$defs/item"}]},
            "item": {"anyOf": [_SCALAR, _field()]},
            "texts": {"anyOf": [_SCALAR, {"type": "array", "minItems": 1, "items": _SCALAR}]},
        },
    }


def _override() -> dict[str, Any]:
    texts = {"$ref": "#/$defs/texts"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["for", "operations"],
        "properties": {
            "for": {
                "description": "What the event must be, all of it; `*` at the end of a text is any ending.",
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "properties": {
                    name: {"type": "object", "additionalProperties": texts} if name == "label" else texts
                    for name in ASKED
                },
            },
            "operations": {"$ref": "#/$defs/operations"},
        },
    }


def _field() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": [name]} for name in ("value", "from", "fields", "items")],
        "properties": {
            "value": {**_SCALAR, "description": "A Jinja template over the event model, or a constant."},
            "from": {"type": "string", "description": "A path of the event model, taken over as it is."},
            "fields": {"$ref": "#/$defs/fields", "description": "Members of a nested object."},
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/$defs/item"},
                "description": "Members of a list; those that are empty are left out.",
            },
            "when": {"type": "string", "description": "A condition: the field is left out where it does not hold."},
            "lookup": {"type": "string", "description": "The table of `lookups` that turns the value into another."},
            "default": {**_SCALAR, "description": "Taken where the lookup has no such value."},
            "max": {"type": "integer", "minimum": 1, "description": "Characters after which the text is cut."},
            "type": {"enum": list(TYPES)},
            "escape": {"enum": sorted(ESCAPES), "description": "How what the template prints is escaped."},
        },
    }
