"""Mapping: which field of a foreign record holds what, as a file that administrators edit (docs/mapping.md).

One mechanism for all destinations. A mapping has operations (`open`, `update`, `resolve`, `reopen`, `cancel` for
tickets, `record` for observations, `report` for deliveries); an operation has fields; a field is a template over the
event model, a value taken over as it is (`from`), a group of fields, or a list of them (`items`). `load_mapping` finds
every mistake at once; `render` never raises.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Members
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple

from shared.delivery.escaping import cut, escaped
from shared.delivery.limits import NO_LIMITS, Limits, bounded
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_overrides import Override, merged
from shared.delivery.printing import show
from shared.delivery.templates import MISSING, Context, TemplateRefused, follow
from shared.events.outcome import Rejected
from shared.events.problem import Problem
from shared.events.redaction import is_suspect, redact
from shared.events.redaction_texts import redact_text

STAGE: Final = "mapping"
OPERATIONS: Final = ("open", "update", "resolve", "reopen", "cancel", "record", "audit", "report")
Reserved = Members[str, frozenset[str]]
"""Names of fields, dotted inside groups, that no mapping may set, by operation."""
NO_FIELDS: Final[Reserved] = {}
_MOST_TOGETHER: Final = 256
_LONG: Final = object()
_STRUCTURES: Final = (dict, list)
_NUMBERS: Final = frozenset({int, float, bool})
MINIMISED: Final = ("drop", "pseudonym", "keep")


class Minimise(NamedTuple):
    """What becomes of user names, addresses and names of objects: `drop`, `pseudonym` or `keep`."""

    users: str = "keep"
    addresses: str = "keep"
    names: str = "keep"


Keys = Callable[[str], bytes]
"""Returns the key of a cluster's pseudonyms, empty where there is none (any more)."""


def no_keys(_cluster: str) -> bytes:
    """Return no key, for whichever cluster: then what should be a pseudonym is dropped."""
    return b""


def no_mistakes(_mapping: "Mapping") -> Sequence[str]:
    """Return nothing that cannot work."""
    return ()


class Terms(NamedTuple):
    """What a destination asks of its mapping.

    Args:
        ours: the fields that it sets itself, by operation: no mapping may.
        needed: operations without which it would send nothing.
        limits: what the foreign system takes in its fields.
        known: names that fields may have; empty where the foreign system knows them alone.
        mistakes: tells as sentences what cannot work in a mapping though it is well formed.
        shipped: the mapping that comes with it, which an own one can extend; it was compiled.
        names: of the functions that may read the mapping; empty where anybody may.
        keys: of the pseudonyms that it may ask for.
        subject: what its tickets are of, `episode` or `change`; empty where either may be meant.
    """

    ours: Reserved = NO_FIELDS
    needed: Sequence[str] = ()
    limits: Limits = NO_LIMITS
    known: tuple[str, ...] = ()
    mistakes: Callable[["Mapping"], Sequence[str]] = no_mistakes
    shipped: Path | None = None
    names: tuple[str, ...] = ()
    keys: Keys = no_keys
    subject: str = ""


ANY: Final = Terms()


@dataclass(frozen=True, slots=True)
class Mapping:
    """A loaded mapping: fields by operation, every field name that it can ever set, and what differs for whom."""

    operations: Members[str, tuple[Field, ...]]
    names: frozenset[str] = field(default=frozenset())
    overrides: tuple[Override, ...] = ()
    minimise: Minimise | None = None
    keys: Keys = field(default=no_keys, repr=False, compare=False)
    _together: dict[tuple[str, tuple[int, ...]], tuple[Field, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def prepare(self) -> None:
        """Compile what is still to be compiled, so that no event waits for it; what cannot be, its rendering tells."""
        waiting = [one for _, fields in self.every() for one in fields]
        while waiting:
            one = waiting.pop()
            waiting.extend((*one.group, *one.items))
            for text in (one.text, one.when):
                if text is not None and text.needs_jinja:
                    with contextlib.suppress(TemplateRefused):
                        text.compiled()

    def fields(self, operation: str, context: Context) -> tuple[Field, ...]:
        """Return the fields of one operation for one event: of the overrides that hold the later ones win."""
        which = tuple(place for place, override in enumerate(self.overrides) if override.holds(context))
        found = self._together.get((operation, which))
        if found is None:
            found = self.operations.get(operation, ())
            for place in which:
                found = merged(found, self.overrides[place].operations.get(operation, ()))
            if len(self._together) >= _MOST_TOGETHER:
                self._together.clear()
            self._together[(operation, which)] = found
        return found

    def shown(self, context: Context) -> Context | Rejected:
        """Return what the destination may know of an event; what a destination sends unmapped must come from here."""
        if self.minimise is None:
            return context
        from shared.delivery.minimise import minimised  # only where somebody asks for it

        return minimised(context, self.minimise, self.keys)

    def every(self) -> Iterator[tuple[str, tuple[Field, ...]]]:
        """Yield each operation and its fields, those of overrides too."""
        for table in (self.operations, *(override.operations for override in self.overrides)):
            yield from table.items()

    def changed(self, change: Callable[[str, tuple[Field, ...]], tuple[Field, ...]]) -> "Mapping":
        """Return it with other fields: `change` gets each operation and its fields, those of overrides too."""

        def other(table: Members[str, tuple[Field, ...]]) -> dict[str, tuple[Field, ...]]:
            return {name: change(name, fields) for name, fields in table.items()}

        overrides = tuple(replace(one, operations=other(one.operations)) for one in self.overrides)
        return replace(self, operations=other(self.operations), overrides=overrides)


def load_mapping(path: Path, terms: Terms = ANY) -> "Mapping | list[Problem]":
    """Read and check a mapping file; all mistakes at once, each with its line and what to write instead.

    A mapping that names a field of the destination's own is wrong, and so is one that lacks an operation without which
    the destination would send nothing. Where the file is the shipped one, neither YAML nor Jinja is imported.
    """
    if path == terms.shipped:
        from shared.delivery.mapping_compiled import load_shipped  # the arrow back would be a circle

        found = load_shipped(path, terms)
    else:
        from shared.delivery.mapping_file import read  # YAML is read here only, and the arrow back would be a circle

        found = read(path, terms)
    if isinstance(found, list):
        return found
    found = replace(found, keys=terms.keys) if found.minimise is not None else found
    limits = terms.limits
    return found.changed(lambda _, fields: bounded(fields, limits)) if limits else found


def render(
    mapping: Mapping, operation: str, context: Context, shown: Context | None = None
) -> dict[str, Any] | Rejected:
    """Return the fields of one operation, without those that are empty or whose condition does not hold.

    `context` is that of `Kind.context` for tickets, `{"observation": Observation, "verdict": Verdict}` for records,
    `{"delivery": DeliveryReport}` for reports; `shown` is what `Mapping.shown` made of it, where that was asked before.
    A field whose template cannot work gives Rejected that names the field; an operation that the mapping does not have
    gives no fields. What comes back holds no secret, whoever sent the event: this is the last look before it leaves
    (F41), so that a posted event that never passed our edge is masked too.
    """
    fields = mapping.fields(operation, context) if mapping.overrides else mapping.operations.get(operation, ())
    found = mapping.shown(context) if shown is None else shown
    if isinstance(found, Rejected):
        return found
    roots = SimpleNamespace(**found)
    values = _render(fields, roots, "")
    if isinstance(values, Rejected) or not is_suspect(values):
        return values
    return _render(fields, roots, "", masked=True)


def _render(
    fields: tuple[Field, ...], roots: SimpleNamespace, prefix: str, *, masked: bool = False
) -> dict[str, Any] | Rejected:
    values: dict[str, Any] = {}
    for one in fields:
        value = _LONG
        if one.take is not None and not masked:
            try:
                value = one.take(roots)
            except AttributeError:  # through a dictionary, through None, or to nothing
                value = follow(one.path, vars(roots))
            if type(value) is not str or one.lookup is not None:
                value = _short(one, value)
            elif not value:  # else a text as it is, as nearly all are
                value = MISSING if one.default is None else _LONG
        if value is _LONG:
            try:
                value = _value(one, roots, prefix, masked=masked)
            except TemplateRefused as refused:
                return Rejected(STAGE, f"field {prefix}{one.name}: {refused.message}")
            if isinstance(value, Rejected):
                return value
            value = MISSING if value is None or value in ("", {}, []) else value
        if value is not MISSING:
            values[one.name] = value
    return values


def _short(one: Field, value: Any) -> Any:
    """Return what `_value` makes of what was taken over, at a third of the cost; or `_LONG` where it takes more."""
    kind = type(value)
    if one.lookup is not None:
        value = one.lookup.get(value, one.default) if kind is str and value else _LONG
        return value if type(value) is str and value else _LONG
    if kind in _NUMBERS:
        return value
    if kind is datetime:
        return show(value)
    if kind in _STRUCTURES:
        return _LONG if value else MISSING
    return MISSING if one.default is None and (value is None or value is MISSING) else _LONG


def _value(one: Field, roots: SimpleNamespace, prefix: str, *, masked: bool) -> Any:
    context = vars(roots)
    if one.when is not None and not one.when.render(context):
        return MISSING
    if one.group:
        return _render(one.group, roots, f"{prefix}{one.name}.", masked=masked)
    if one.items:
        values = _render(one.items, roots, f"{prefix}{one.name}.", masked=masked)
        return values if isinstance(values, Rejected) else list(values.values())
    if one.text is not None:
        value: Any = one.text.render(context)
    else:
        value = escaped(one.escape, plain(follow(one.path, context))) if one.path else MISSING
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
    return cut(one.escape, value, one.max) if one.max and isinstance(value, str) else value


def _converted(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise TemplateRefused("the value does not have the type that the mapping asks for") from None


def plain(value: Any) -> Any:
    """Return a value as JSON has it: models as their members, tuples as lists, times as ISO text."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [plain(member) for member in value]
    return show(value) if hasattr(value, "astimezone") else value
