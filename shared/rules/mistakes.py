"""Say what a model found wrong in our own words: what is wrong, and what to write instead."""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from shared.events.problem import did_you_mean
from shared.rules.document import Path


class Mistake(NamedTuple):
    """One mistake at a path within the checked data."""

    path: Path
    message: str
    suggestion: str


def find(model: type[BaseModel], data: Any) -> list[Mistake]:
    """Return what the model finds wrong in the data, in the data's order."""
    found = list(_empty(model, data, ()))
    try:
        model.model_validate(data)
    except ValidationError as error:
        found += [_mistake(model, detail) for detail in error.errors(include_url=False)]
    return found


def _empty(model: type[BaseModel], data: Any, path: Path) -> Iterator[Mistake]:
    """Find keys with nothing behind them: in YAML that is null, which says neither yes nor no."""
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        field = model.model_fields.get(str(key))
        if value is None and field is not None and not field.is_required():
            yield Mistake((*path, key), f'"{key}" has no value', "write one, or remove the line")
        elif isinstance(field.annotation if field is not None else None, type):
            yield from _empty(_model_at(model, (key,)), value, (*path, key))


def _mistake(model: type[BaseModel], detail: Any) -> Mistake:
    path: Path = tuple(detail["loc"])
    context = detail.get("ctx", {})
    key = str(path[-1]) if path else ""
    value = detail.get("input")
    match detail["type"]:
        case "rule":
            return Mistake(path, f"{key}: {context['message']}", context["suggestion"])
        case "missing":
            return Mistake(path[:-1], f'"{key}" is missing', f"add {key}: {_about(model, path)}".rstrip(": "))
        case "extra_forbidden":
            names = _model_at(model, path[:-1]).model_fields
            return Mistake(path, f'unknown key "{key}"', did_you_mean(key, names))
        case "literal_error":
            words = _words(model, path)
            return Mistake(path, f"{_short(value)} is no {key}", _near(value, words))
        case "string_pattern_mismatch":
            hint = (
                "write an http(s) address" if key == "runbook" else "use a-z, 0-9 and single hyphens, as node-not-ready"
            )
            return Mistake(path, f"{key}: {_short(value)} is not well formed", hint)
        case kind:
            return Mistake(path, f"{key or 'this'}: {_short(value)} is not right", _EXPECTED.get(kind, detail["msg"]))


_EXPECTED = {
    "string_type": "write a text; put it in quotes if YAML takes it for something else",
    "dict_type": "write a mapping: key: value",
    "model_type": "write a mapping: key: value",
    "list_type": "write a list: [a, b]",
    "int_type": "write a whole number",
    "bool_type": "write true or false",
    "string_too_short": "write something",
    "too_short": "write at least one",
}


def _short(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what fits a line of a terminal


def _near(value: Any, words: tuple[str, ...]) -> str:
    listed = "use one of: " + ", ".join(words)
    near = did_you_mean(str(value), words, otherwise=listed)
    return near if near == listed else f"{near} ({listed})"


def _words(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    annotation = _model_at(model, path[:-1]).model_fields[str(path[-1])].annotation
    return tuple(
        str(word)
        for choice in get_args(annotation) or (annotation,)
        for word in (get_args(choice) or (choice,))
        if isinstance(word, str)
    )


def _about(model: type[BaseModel], path: Path) -> str:
    field = _model_at(model, path[:-1]).model_fields.get(str(path[-1]))
    return (field.description or "").rstrip(".") if field is not None else ""


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """Return the model that checks what lies at a path."""
    for step in path:
        if isinstance(step, int):
            continue
        annotation = model.model_fields[step].annotation
        for choice in (annotation, *get_args(annotation)):
            if isinstance(choice, type) and issubclass(choice, BaseModel):
                model = choice
    return model
