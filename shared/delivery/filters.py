"""The filters that mapping templates may use: a fixed list, each bounded by what it is given."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

from jinja2.runtime import Undefined

from shared.delivery import printing
from shared.delivery.escaping import Json
from shared.delivery.observables import observables
from shared.delivery.printing import as_json, duration

_MAX_RESULT = 131_072
_MAX_ITEMS = 1_000


def show(value: Any) -> Any:
    """Return how a value is printed; what is undefined stays so, and raises where it is used as a text."""
    return value if isinstance(value, Undefined) else printing.show(value)


def _text(value: Any) -> str:
    _defined(value)
    return str(show(value))


def _defined(value: Any) -> None:
    if isinstance(value, Undefined):
        str(value)  # raises: StrictUndefined


def _default(value: Any, fallback: Any = "") -> Any:
    return fallback if isinstance(value, Undefined) or value is None or value == "" else value


def _replace(value: Any, old: str, new: str) -> str:
    text = _text(value)
    if not old or len(text) + text.count(old) * len(new) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return text.replace(old, new)


def _join(value: Iterable[Any], separator: str = "") -> str:
    _defined(value)
    parts = [_text(part) for part in islice(value, _MAX_ITEMS)]
    if sum(map(len, parts)) + len(separator) * len(parts) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return separator.join(parts)


def _truncate(value: Any, length: int) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def _indent(value: Any, width: int = 2) -> str:
    lines = _text(value).split("\n")
    width = max(0, min(width, 16))
    if sum(map(len, lines)) + (width + 1) * len(lines) > _MAX_RESULT:
        raise ValueError("the result would be too long")
    return ("\n" + " " * width).join(lines)


def _minus(later: Any, earlier: Any) -> timedelta:
    _defined(later)
    _defined(earlier)
    result: timedelta = later - earlier
    return result


def _epoch(value: Any) -> str:
    _defined(value)
    return f"{value.timestamp():.3f}"


def _first(value: Iterable[Any]) -> Any:
    for one in value:
        return one
    raise ValueError("there is none")  # StopIteration would end the template as an error of ours


def _get(value: Any, name: str, fallback: Any = "") -> Any:
    _defined(value)
    return value.get(name, fallback) if isinstance(value, Mapping) else fallback


def _observables(value: Any, kind: str) -> str:
    _defined(value)
    return observables(value, kind)


def _int(value: Any) -> int:
    _defined(value)
    return int(value)


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "duration": duration,
    "epoch": _epoch,
    "first": _first,
    "get": _get,
    "indent": _indent,
    "int": _int,
    "join": _join,
    "json": lambda value: Json(as_json(value)),
    "last": lambda value: value[-1],
    "length": len,
    "lower": lambda value: _text(value).lower(),
    "minus": _minus,
    "observables": _observables,
    "replace": _replace,
    "string": _text,
    "time": show,
    "title": lambda value: _text(value).title(),
    "trim": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
}
