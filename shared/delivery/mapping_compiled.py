"""The shipped mappings compiled, so that a cold start reads no YAML and imports no Jinja (docs/decisions/0057).

What is compiled is what the reader made of the file: fields as tuples, templates as the text that it has checked. They
are parsed again, by the same sandbox, where they are first rendered: none is trusted for lying in this file.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Members
from functools import partial
from pathlib import Path
from typing import Any, Final

from shared.delivery.conversions import TYPES
from shared.delivery.mapping import ANY, Mapping, Minimise, Terms
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_overrides import Condition, Override
from shared.delivery.templates import Text
from shared.events.problem import Problem
from shared.start import compiled

FORMAT: Final = 4
_COMPILERS: Final = (
    *("conversions", "escaping", "filters", "limits", "mapping", "mapping_compiled", "mapping_conditions"),
    *(
        "links",
        "mapping_field",
        "mapping_file",
        "mapping_names",
        "mapping_overrides",
        "mapping_texts",
        "mapping_values",
    ),
    *("sandbox", "telling", "templates"),
    *(
        "../events/change",
        "../events/delivery",
        "../events/episode",
        "../events/model",
        "../events/nodes",
        "../events/yaml_nodes",
    ),
    "../start/compiled",
)
_OPERATIONS: Final = "operations"
_OVERRIDES: Final = "overrides"
_MINIMISE: Final = "minimise"
_Row = tuple[Any, ...]  # of a field: its name and what _row says
_Table = dict[str, tuple[_Row, ...]]  # of the fields by operation
_TYPE_OF: Final = {convert: name for name, convert in TYPES.items()}


def load_shipped(path: Path, terms: Terms = ANY) -> Mapping | list[Problem]:
    """Return a shipped mapping; from its YAML only where the compiled form is missing or stale."""
    terms = terms._replace(shipped=None)  # it cannot extend itself
    file = compiled_file(path)
    try:
        content = compiled.load(file, partial(fingerprint, path))
        if content is not None and all(map(content[_OPERATIONS].get, terms.needed)) and not _names_any(content, terms):
            return _mapping(content)
        mark = fingerprint(path)
    except OSError:
        return _read(path, terms)  # which says what cannot be read
    found = _read(path, terms)
    if isinstance(found, Mapping):
        compiled.write(file, compiled.dump(_content(found), mark))
    return found


def compiled_file(path: Path) -> Path:
    """Return where the compiled form of a shipped mapping lies, as `_mapping.bin` beside `mapping.yaml`."""
    return path.with_name(f"_{path.stem}.bin")


def compile_mapping(path: Path) -> bytes:
    """Return the compiled form of a mapping: what the build hook puts into the wheel. Raises ValueError."""
    found = _read(path, ANY)
    if isinstance(found, list):
        raise ValueError("; ".join(map(str, found)))  # noqa: TRY004 - the file is wrong, not its type
    return compiled.dump(_content(found), compiled.INSTALLED)


def fingerprint(path: Path) -> str:
    """Return a digest of a mapping and of the modules that read it. Raises OSError."""
    here = Path(__file__).parent
    return compiled.fingerprint(FORMAT, (*(here / f"{name}.py" for name in _COMPILERS), here / "texts.yaml", path))


def _read(path: Path, terms: Terms) -> Mapping | list[Problem]:
    from shared.delivery.mapping_file import read  # YAML and Jinja, a fifth of a start

    return read(path, terms)


def _content(mapping: Mapping) -> dict[str, Any]:
    return {
        _OPERATIONS: _rows(mapping.operations),
        _OVERRIDES: tuple(
            (
                tuple((one.of, one.label, one.texts, one.beginnings) for one in override.conditions),
                _rows(override.operations),
            )
            for override in mapping.overrides
        ),
        _MINIMISE: None if mapping.minimise is None else tuple(mapping.minimise),
    }


def _rows(operations: Members[str, tuple[Field, ...]]) -> _Table:
    return {name: tuple(_row(one) for one in fields) for name, fields in operations.items()}


def _row(one: Field) -> _Row:
    texts = [None if text is None else (text.source, text.constant, text.path) for text in (one.text, one.when)]
    group, items = (tuple(_row(inner) for inner in inside) for inside in (one.group, one.items))
    kind = _TYPE_OF[one.convert]
    return (one.name, *texts, one.path, group, items, one.lookup, one.default, one.max, kind, one.escape)


def _mapping(content: dict[str, Any]) -> Mapping:
    operations = _fields(content[_OPERATIONS])
    overrides = tuple(
        Override(tuple(Condition(*row) for row in conditions), _fields(table))
        for conditions, table in content[_OVERRIDES]
    )
    tables = (operations, *(override.operations for override in overrides))
    names = frozenset(one.name for table in tables for fields in table.values() for one in fields)
    minimise = content[_MINIMISE]
    return Mapping(operations, names, overrides, None if minimise is None else Minimise(*minimise))


def _fields(table: _Table) -> dict[str, tuple[Field, ...]]:
    return {name: tuple(_field(row) for row in rows) for name, rows in table.items()}


def _field(row: _Row) -> Field:
    name, text, when, path, group, items, lookup, default, most, kind, escape = row
    return Field(
        name,
        text=None if text is None else Text(text[0], text[1], text[2], escape),
        path=path,
        group=tuple(_field(inner) for inner in group),
        items=tuple(_field(inner) for inner in items),
        when=None if when is None else Text(*when),
        lookup=lookup,
        default=default,
        max=most,
        convert=TYPES[kind],
        escape=escape,
    )


def _names_any(content: dict[str, Any], terms: Terms) -> bool:
    """Return True where a field is set that the destination sets itself: reading the file anew says on which line."""
    tables = (content[_OPERATIONS], *(table for _, table in content[_OVERRIDES]))
    return any(
        not terms.ours.get(name, frozenset()).isdisjoint(_names(rows))
        for table in tables
        for name, rows in table.items()
    )


def _names(rows: tuple[_Row, ...], prefix: str = "") -> Iterator[str]:
    for name, _text, _when, _path, group, items, *_rest in rows:
        yield f"{prefix}{name}"
        yield from _names((*group, *items), f"{prefix}{name}.")
