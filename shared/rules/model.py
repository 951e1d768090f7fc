"""The models of a pack file and of its test file; `shared.rules.schema` makes the published JSON Schemas of them."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.events.vocabulary import About, Category, Phase, Severity, Subcategory

_NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"^(\d{1,6})(s|m|h|d)$")

SCALAR_SCHEMA: dict[str, Any] = {"type": ["string", "integer", "number", "boolean"]}
MATCHER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {**SCALAR_SCHEMA, "description": "Exactly this."},
        {"type": "array", "items": SCALAR_SCHEMA, "minItems": 1, "description": "Any of these."},
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "description": "All of these.",
            "properties": {
                "prefix": {"type": "string", "minLength": 1},
                "suffix": {"type": "string", "minLength": 1},
                "contains": {"type": "string", "minLength": 1},
                "glob": {"type": "string", "minLength": 1, "description": "* is any text, ? any one character."},
                "regex": {"type": "string", "minLength": 1, "description": "RE2, found anywhere in the text."},
                "exists": {"type": "boolean"},
                **{name: {"type": "number"} for name in ("gt", "ge", "lt", "le")},
                "not": {"$ref": "#/$defs/Matcher"},
                "any": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Matcher"}},
            },
        },
    ]
}


def wrong(message: str, suggestion: str) -> PydanticCustomError:
    """Return a validation error that carries what to write instead."""
    return PydanticCustomError("rule", "{message}", {"message": message, "suggestion": suggestion})


def _duration(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    found = _DURATION.match(value) if isinstance(value, str) else None
    if found is None:
        raise wrong(f"{value!r} is no duration", "write a number and s, m, h or d, as 10m")
    return int(found[1]) * _UNITS[found[2]]


def _ticket(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict) and set(value) == {"after"}:
        after = value["after"]
        if isinstance(after, int) and not isinstance(after, bool) and 1 <= after <= 1_000_000:  # noqa: PLR2004
            return after
    raise wrong(f"{value!r} does not say when to open a ticket", "write true, false or {after: 5}")


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DURATION.pattern}, {"const": 0}]}),
]
Ticket = Annotated[
    int,
    BeforeValidator(_ticket),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {"after": {"type": "integer", "minimum": 1}},
                    "required": ["after"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
Name = Annotated[str, Field(pattern=_NAME, max_length=100)]
Line = Annotated[str, Field(min_length=1, max_length=500)]


class Strict(BaseModel):
    """The base: an unknown key is an error, and a text is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class VerdictFields(Strict):
    """What a rule, or a pack's defaults, may say of an observation."""

    category: Category | None = Field(default=None, description="Whose matter it is.")
    subcategory: Subcategory | None = Field(default=None, description="Which part of the category.")
    severity: Severity | None = Field(default=None, description="How grave it is for those who run the cluster.")
    phase: Phase | None = Field(default=None, description="A problem (if left out), its end, a change, or none.")
    condition: Name | None = Field(default=None, description="What is wrong; rules may share one. Default: the name.")
    part: str | None = Field(
        default=None, description="What splits problems on one object: `container`, `message`, or a field."
    )
    about: About | None = Field(
        default=None, description="`owner`: all pods of a workload share the problem. Default: `object`, each its own."
    )
    ended_by: list[Name] | None = Field(default=None, description="Names of the rules whose match ends this problem.")
    hold: Duration | None = Field(default=None, description="Silence after a recovery before it counts as over.")
    expires: Duration | None = Field(default=None, description="Over when not repeated for so long; 0 is never.")
    ticket: Ticket | None = Field(default=None, description="Whether, or after how many occurrences, to open one.")
    summary: Line | None = Field(default=None, description="One line for people; {name} and others are filled in.")
    why: Line | None = Field(default=None, description="One sentence: why this verdict.")
    runbook: str | None = Field(default=None, pattern=r"^https?://\S+$", description="Where to read what to do.")
    priority: int | None = Field(default=None, ge=-1000, le=1000, description="The last resort to win or to lose.")


class RuleModel(VerdictFields):
    """One rule: what it matches and what that means."""

    name: Name = Field(description="Unique over all packs; says what it is.")
    match: dict[str, Any] = Field(min_length=1, description="Fields of an observation; all must hold.")


class PackModel(Strict):
    """One pack file."""

    pack: Name = Field(description="The file's own name without .yaml.")
    description: Line = Field(description="What the pack is about, in one sentence.")
    defaults: VerdictFields = Field(default_factory=VerdictFields, description="For all rules that say nothing else.")
    rules: list[RuleModel] = Field(min_length=1, description="The rules, each with a name and a match.")


class Expectation(Strict):
    """What the verdict must say; what is left out is not looked at."""

    rule: str | None = None
    category: Category | None = None
    subcategory: Subcategory | None = None
    severity: Severity | None = None
    phase: Phase | None = None
    condition: str | None = None
    part: str | None = None
    about: About | None = None
    ends: list[str] | None = Field(default=None, description="What it ends, of the object and of its workload.")
    ticket: bool | None = Field(default=None, description="Whether this observation alone deserves a ticket.")
    ticket_after: int | None = Field(default=None, ge=0)
    hold: Duration | None = None
    expires: Duration | None = None
    summary: str | None = None
    known: bool | None = None


class CaseModel(Strict):
    """One test: an observation (short form or whole object), or several, and what is expected of each."""

    name: Line
    event: dict[str, Any] | None = Field(default=None, description="Fields of an observation, as in `match`.")
    events: list[dict[str, Any]] | None = Field(default=None, min_length=1)
    object: dict[str, Any] | None = Field(default=None, description="A whole Kubernetes Event or object.")
    expect: Expectation


class TestsModel(Strict):
    """One test file."""

    pack: Name = Field(description="The pack that is tested.")
    tests: list[CaseModel] = Field(min_length=1, description="The tests, each with an event and what is expected.")
