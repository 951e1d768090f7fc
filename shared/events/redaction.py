"""Redaction: what must not leave the process is masked at any depth before anything else sees it (guarantees.md, Data).

Masked are values of Secrets, last-applied configurations, environment values, values under keys that name a secret,
tokens and passwords inside texts, and the user part of URLs. Key names stay, so that people see what was there.
Whatever cannot be walked is masked whole: it fails closed (F41, F42).
"""

from collections.abc import Callable
from typing import Any

import orjson

from shared.events.redaction_patterns import (
    MASK,
    MAX_SHAPE,
    NONE,
    SENSITIVE_FLAG,
    Meaning,
    has_hints,
    is_measure,
    is_plain,
    meaning,
    suspects_of,
)
from shared.events.redaction_texts import Path, Redaction, redact_text

_MAX_DEPTH = 100
_MAX_GROWTH = 10  # of JSON: one digit becomes a mask
_SECRET_FIELDS = frozenset({"data", "stringData", "binaryData"})
_JSON_ONLY = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def redact(value: Any) -> tuple[Any, Redaction]:
    """Return a JSON value without its secrets, itself where it holds none, and what was masked.

    Never raises for a JSON value. What it returns shares parts with the value: neither may be changed.
    """
    value = _without_managed_fields(value)
    size, harmless = _first_look(value)
    if harmless:
        return value, Redaction(NONE, size)
    size *= _MAX_GROWTH
    noted = Redaction(NONE, size)
    walked = _walk(value, (), noted)
    suspects = suspects_of(noted.kept)
    if suspects == NONE:
        return walked, noted  # all there was to mask is told by its place
    noted = Redaction(suspects, size)
    return _walk(value, (), noted), noted


def _first_look(value: Any) -> tuple[int, bool]:
    """Return the bytes of the value as JSON, and whether one search over them shows that nothing has to be masked."""
    try:
        text = orjson.dumps(value, option=_JSON_ONLY)
    except TypeError:  # no JSON, or no Unicode: to be looked at piece by piece
        return 0, False
    shallow = text.count(b"{") + text.count(b"[") <= _MAX_DEPTH
    return len(text), shallow and not has_hints(text)


def _without_managed_fields(value: Any) -> Any:
    """Return an object without its field owners: nearly all have them. Others, deeper, are left to the walk."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return value
    return {**value, "metadata": {key: item for key, item in metadata.items() if key != "managedFields"}}


def is_harmless(value: Any) -> bool:
    """Return True where one search shows that nothing of a JSON value is masked, by its place or its key either."""
    return _first_look(value)[1]


def is_suspect(value: Any) -> bool:
    """Return True where some text of a JSON value, at any depth, may hold a secret; keys are not judged by name."""
    return not is_harmless(value) and has_suspects(value)


def has_suspects(value: Any) -> bool:
    """Return the same of a value that is not harmless."""
    return suspects_of(_texts(value)) != NONE


def _texts(value: Any) -> list[str]:
    found: list[str] = []
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            found.extend(item)
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return found


def _walk(value: Any, path: Path, noted: Redaction) -> Any:
    handler = _BY_TYPE.get(type(value))
    if handler is None:
        noted.note("unknown-type", path)
        return MASK
    if len(path) > _MAX_DEPTH:
        noted.note("too-deep", path)
        return MASK
    return handler(value, path, noted)


def _same(value: Any, _path: Path, _noted: Redaction) -> Any:
    return value


def _text(value: str, path: Path, noted: Redaction) -> str:
    if noted.suspects is None or value in noted.suspects:
        return redact_text(value, noted, path)
    noted.kept.append(value)
    return value


def _list(value: list[Any], path: Path, noted: Redaction) -> list[Any]:
    if path and path[-1] == "env":
        return [_environment(item, (*path, str(index)), noted) for index, item in enumerate(value)]
    result = value
    flag = False
    for index, item in enumerate(value):
        here = (*path, str(index))
        if isinstance(item, str):
            if flag and item and not item.startswith("-"):
                noted.note("flag", here)
                below: Any = MASK  # what it was is nobody's business any more
                flag = False
            else:
                flag = item.startswith("-") and SENSITIVE_FLAG.search(item) is not None
                below = _walk(item, here, noted)
        else:
            below = (_mapping if type(item) is dict and len(path) < _MAX_DEPTH else _walk)(item, here, noted)
        if below is not item:
            result = list(value) if result is value else result
            result[index] = below
    return result


def _mapping(value: dict[str, Any], path: Path, noted: Redaction) -> dict[str, Any]:
    if ("kind" in value or "data" in value) and _is_secret(value):
        value = _without_values(value, path, noted)
    if "value" in value:
        value = _without_named(value, path, noted)
    keep = noted.kept.append
    shape = "\0".join(value)
    keep(shape)
    known = len(shape) <= MAX_SHAPE and noted.suspects is NONE and len(path) < _MAX_DEPTH
    if not (known and is_plain(shape, len(value))):
        return _judged_mapping(value, path, noted)
    result = value
    for key, item in value.items():  # the keys say nothing, as nearly all objects' do
        kind = type(item)
        if kind is str:
            keep(item)
        elif kind not in _UNTOUCHED:
            handler = _mapping if kind is dict else _list if kind is list else _walk
            below = handler(item, (*path, key), noted)
            if below is not item:
                result = dict(value) if result is value else result
                result[key] = below
    return result


def _without_named(value: dict[str, Any], path: Path, noted: Redaction) -> dict[str, Any]:
    """Return `{"name": "db.password", "value": "…"}`, as parameters and headers are written, without its value."""
    names = [name for key in ("name", "key") if isinstance(name := value.get(key), str)]
    if not any(meaning(name) == "sensitive" and _is_value(value["value"], name) for name in names):
        return value
    noted.note("key", (*path, "value"))
    return {**value, "value": MASK}


def _judged_mapping(value: dict[str, Any], path: Path, noted: Redaction) -> dict[str, Any]:
    suspects = noted.suspects
    result: dict[str, Any] = {}
    for key, item in value.items():
        said = meaning(key)
        if said != "dropped":
            # Among the suspects a key is cut where it has a zero character: that is what separates it from others.
            name = redact_text(key) if suspects is None or key in suspects or "\0" in key else key
            result[name] = _member(key, item, said, (*path, name), noted)
    return result


def _member(key: str, item: Any, said: Meaning, path: Path, noted: Redaction) -> Any:
    if said == "masked" or (said == "sensitive" and _is_value(item, key)):
        noted.note("key", path)
        return MASK
    if said == "sensitive" and isinstance(item, list):
        return _sensitive_list(item, path, noted)
    return _walk(item, path, noted)


def _sensitive_list(value: list[Any], path: Path, noted: Redaction) -> list[Any]:
    result = []
    for index, item in enumerate(value):
        if _is_value(item, path[-1]):
            noted.note("key", (*path, str(index)))
            result.append(MASK)
        else:
            result.append(_walk(item, (*path, str(index)), noted))
    return result


def _is_value(item: Any, key: str) -> bool:
    """Return True for what can be the secret that a sensitive key names; true, false and null say nothing of it."""
    if isinstance(item, int | float):
        return not isinstance(item, bool) and not is_measure(key)
    return isinstance(item, str) and item not in {"", MASK}


def _environment(item: Any, path: Path, noted: Redaction) -> Any:
    if isinstance(item, dict) and item.get("value") not in (None, ""):
        noted.note("env", (*path, "value"))
        item = {**item, "value": MASK}
    return _walk(item, path, noted)


def _is_secret(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    if kind == "Secret":
        return True
    # Items of a SecretList carry no kind of their own, but a Secret always says its type.
    return kind is None and "data" in value and isinstance(value.get("type"), str) and "metadata" in value


def _without_values(value: dict[str, Any], path: Path, noted: Redaction) -> dict[str, Any]:
    result = dict(value)
    for name in _SECRET_FIELDS & result.keys():
        content = result[name]
        noted.note("secret", (*path, name))
        result[name] = dict.fromkeys(content, MASK) if isinstance(content, dict) else MASK
    return result


_UNTOUCHED = frozenset({int, float, bool, type(None)})
_BY_TYPE: dict[type, Callable[[Any, Path, Redaction], Any]] = {
    str: _text,
    dict: _mapping,
    list: _list,
    int: _same,
    float: _same,
    bool: _same,
    type(None): _same,
}
