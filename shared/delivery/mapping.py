"""Mapping: which field of a foreign record holds what, as a file that administrators edit (docs/mapping.md).

One mechanism for all destinations. A mapping has operations (`open`, `update`, `resolve`, `reopen`, `cancel` for
tickets, `record` for SIEM); an operation has fields; a field is a template over the event model, a value taken over as
it is (`from`), or a group of fields. `load_mapping` finds every mistake at once; `render` never raises.
"""

import contextlib
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from shared.delivery.printing import show
from shared.delivery.templates import MISSING, Context, TemplateRefused, Text, follow
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from shared.events.redaction import is_suspect, redact, redact_text

STAGE: Final = "mapping"
OPERATIONS: Final = ("open", "update", "resolve", "reopen", "cancel", "record")
Reserved = Members[str, frozenset[str]]
"""Names of fields, dotted inside groups, that no mapping may set, by operation."""
NO_FIELDS: Final[Reserved] = {}
_LONG: Final = object()
_STRUCTURES: Final = (dict, list)
_NUMBERS: Final = frozenset({int, float, bool})


@dataclass(frozen=True, slots=True)
class Field:
    """How one field gets its value; exactly one of `text`, `path` (`from`) and `group` is set."""

    name: str
    text: Text | None = None
    path: tuple[str, ...] = ()
    group: tuple["Field", ...] = ()
    when: Text | None = None
    lookup: Members[str, Any] | None = None
    default: Any = None
    max: int = 0
    convert: Callable[[Any], Any] | None = None
    take: Callable[[Context], Any] | None = field(init=False, compare=False, default=None)
    """For what is taken over from a path or is constant, but for a lookup: how, without asking what else there is."""

    def __post_init__(self) -> None:
        """Choose the short way where nothing but a lookup is asked for: most fields of a record are so."""
        if self.when is None and not self.group and not self.max and self.convert is None:
            if self.path:
                object.__setattr__(self, "take", getter(self.path))
            elif self.text is not None and self.text.constant is not None:
                constant = self.text.constant
                object.__setattr__(self, "take", lambda _context: constant)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A loaded mapping: fields by operation, and every field name that it can ever set."""

    operations: Members[str, tuple[Field, ...]]
    names: frozenset[str] = field(default=frozenset())

    def prepare(self) -> None:
        """Compile what is still to be compiled, so that no event waits for it; what cannot be, its rendering tells."""
        waiting = [one for fields in self.operations.values() for one in fields]
        while waiting:
            one = waiting.pop()
            waiting.extend(one.group)
            for text in (one.text, one.when):
                if text is not None and text.needs_jinja:
                    with contextlib.suppress(TemplateRefused):
                        text.compiled()


def load_mapping(
    path: Path, ours: Reserved = NO_FIELDS, needed: Sequence[str] = (), *, shipped: Path | None = None
) -> "Mapping | list[Problem]":
    """Read and check a mapping file; all mistakes at once, each with its line and what to write instead.

    `ours` are the fields that the destination sets itself, by operation; a mapping that names one is wrong, and
    so is one that lacks an operation of `needed`, without which the destination would send nothing. Where the file is
    `shipped`, it was compiled: neither YAML nor Jinja is imported then.
    """
    if path == shipped:
        from shared.delivery.mapping_compiled import load_shipped  # the arrow back would be a circle

        return load_shipped(path, ours, needed)
    from shared.delivery.mapping_file import read  # YAML is read here only, and the arrow back would be a circle

    return read(path, ours, needed)


def render(mapping: Mapping, operation: str, context: Context) -> dict[str, Any] | Rejected:
    """Return the fields of one operation, without those that are empty or whose condition does not hold.

    `context` holds `{"episode": Episode}` for tickets, `{"observation": Observation, "verdict": Verdict}` for records.
    A field whose template cannot work gives Rejected that names the field; an operation that the mapping does not have
    gives no fields. What comes back holds no secret, whoever sent the event: this is the last look before it leaves
    (F41), so that a posted event that never passed our edge is masked too.
    """
    fields = mapping.operations.get(operation, ())
    values = _render(fields, context, "")
    if isinstance(values, Rejected) or not is_suspect(values):
        return values
    return _render(fields, context, "", masked=True)


def _render(
    fields: tuple[Field, ...], context: Context, prefix: str, *, masked: bool = False
) -> dict[str, Any] | Rejected:
    values: dict[str, Any] = {}
    for one in fields:
        value = _LONG if masked else _short(one, context)
        if value is not _LONG:
            if value is not MISSING:
                values[one.name] = value
            continue
        try:
            value = _value(one, context, prefix, masked=masked)
        except TemplateRefused as refused:
            return Rejected(STAGE, f"field {prefix}{one.name}: {refused.message}")
        if isinstance(value, Rejected):
            return value
        if value is not MISSING and value is not None and value not in ("", {}, []):
            values[one.name] = value
    return values


def _short(one: Field, context: Context) -> Any:
    """Return what `_value` would and `_render` would keep, at a third of the cost; or `_LONG` where it takes more."""
    if one.take is None:
        return _LONG
    value = one.take(context)
    kind = type(value)
    if one.lookup is not None:
        value = one.lookup.get(value, one.default) if kind is str and value else _LONG
        return value if type(value) is str and value else _LONG
    if (kind is str and value) or kind in _NUMBERS:
        return value
    if kind is datetime:
        return show(value)
    return MISSING if one.default is None and (value is None or value is MISSING or value == "") else _LONG


def _value(one: Field, context: Context, prefix: str, *, masked: bool) -> Any:
    if one.when is not None and not one.when.render(context):
        return MISSING
    if one.group:
        values = _render(one.group, context, f"{prefix}{one.name}.", masked=masked)
        if one.convert is None or isinstance(values, Rejected) or not values:
            return values
        return _converted(one.convert, values)
    value = one.text.render(context) if one.text is not None else plain(follow(one.path, context))
    if isinstance(value, str):
        value = redact_text(value) if masked else value  # before it is cut: the mask may be the longer one
    elif isinstance(value, _STRUCTURES) and value:
        value = redact(value)[0]  # its keys were chosen by others, and each may name a secret
    if one.lookup is not None:
        value = one.lookup.get(str(value), one.default)
    elif value is MISSING or value is None or value == "":
        value = one.default
    if one.convert is not None and value is not None:
        value = _converted(one.convert, value)
    if one.max and isinstance(value, str) and len(value) > one.max:
        value = value[: one.max - 1] + "…"
    return value


def _converted(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise TemplateRefused("the value does not have the type that the mapping asks for") from None


def getter(path: tuple[str, ...]) -> Callable[[Context], Any]:
    """Return what follows this path, in one step where it leads through attributes alone; same answers as `follow`."""
    root, names = path[0], path[1:]
    if not names or any(name.startswith("__") or not name.isidentifier() or hasattr(dict, name) for name in names):
        return lambda context: follow(path, context)
    attribute = attrgetter(".".join(names))

    def take(context: Context) -> Any:
        try:
            return attribute(context[root])
        except (AttributeError, KeyError):  # through a dictionary, through None, or to nothing
            return follow(path, context)

    return take


def plain(value: Any) -> Any:
    """Return a value as JSON has it: models as their members, tuples as lists, times as ISO text."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [plain(member) for member in value]
    return show(value) if hasattr(value, "astimezone") else value
