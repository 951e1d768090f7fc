"""A filter as somebody writes it beside a command: the Trigger's own language, as JSON or as a CESQL expression."""

from typing import TYPE_CHECKING, Any, Final, get_args

import orjson

from shared.events.problem import Problem, did_you_mean
from shared.local.broker.filters import FilterSet, Test, compiled
from shared.local.broker.located import Located
from shared.local.broker.parse_filters import parse_selection, reporter

if TYPE_CHECKING:
    from shared.local.broker.event_kinds import EventKind
    from shared.local.broker.reach import Selection

_OF_LETTERS: Final = frozenset({"stage", "reason"})
"""What a dead letter says of its own."""


def selection(text: str) -> Test | list[Problem]:
    """Return what tells whether an event passes: all do where the text is empty. What is wrong is returned instead.

    JSON is one filter, as `{"exact": {"severity": "critical"}}`, or a list of which all must pass; else it is CESQL. A
    slip of the pen is as wrong as any mistake, and so is what can pass nothing: nobody looks at what did not pass.
    """
    if not text.strip():
        return lambda _event: True
    try:
        spec = _spec(text)
    except orjson.JSONDecodeError as error:
        return [Problem("--filter", 0, f"not valid JSON: {error.msg}", "or write a CESQL expression")]
    problems: list[Problem] = []
    filters = parse_selection(spec, reporter("--filter", problems))
    if not problems and not filters.filters:
        problems = [Problem("--filter", 0, "there is no filter in it", "leave it out to take every event")]
    problems = problems or _slips(spec, filters) or _passing_nothing(filters)
    return problems or compiled(filters.effective())


def _slips(spec: Located, filters: FilterSet) -> list[Problem]:
    """Return where a filter without a mistake asks for what no event of ours has, and what one has all but a letter.

    Nobody means that, and everything would be passed over for it. Any other name may be one of others' events, and in
    a filter that is for theirs alone, as by its type, every name and word is.
    """
    from shared.local.broker.names_advice import NAMES, compared  # not on a function's start, which asks for none
    from shared.local.broker.slips import WORDS, is_slip

    found: list[Problem] = []
    names = sorted(NAMES | _OF_LETTERS)
    for dialect, name, value in compared(spec):
        if is_slip(name, names):
            found.append(Problem("--filter", 0, f'no event has an attribute "{name}"', did_you_mean(name, names)))
        elif dialect == "exact" and is_slip(str(value.value), WORDS.get(name, ())):
            message = f'there is no {name} "{value.value}"'
            found.append(Problem("--filter", 0, message, did_you_mean(str(value.value), WORDS[name])))
    return [] if found and _is_for_others(filters) else found


def _is_for_others(filters: FilterSet) -> bool:
    """Return whether no event of ours could pass, whatever its attributes were."""
    from shared.local.broker import reach  # as above
    from shared.local.broker.event_kinds import kinds
    from shared.local.broker.slips import FAMILIES

    chosen = reach.selection(filters)
    ours = {kind.type for kind in kinds() if kind.type.startswith(FAMILIES)}
    return all(reach.reach(chosen, _with_any(kind, chosen)) is reach.Reach.none for kind in ours)


def _passing_nothing(filters: FilterSet) -> list[Problem]:
    """Return that no event can pass: none of ours with what others may add, of anybody else, or that a topic keeps."""
    from shared.events.letter import Act, type_of_act
    from shared.local.broker import reach  # as above
    from shared.local.broker.event_kinds import kinds
    from shared.local.broker.names_advice import NAMES

    chosen = reach.selection(filters)
    added = (chosen.values.keys() - NAMES) | _OF_LETTERS
    marks = [_with_any(type_of_act(act), chosen) for act in get_args(Act)]
    if reach.constant(chosen, [*kinds(added), *marks]) is not False:
        return []
    return [Problem("--filter", 0, "no event can pass it", "`tidings triggers` shows which events there are")]


def _with_any(type_: str, chosen: "Selection") -> "EventKind":
    """Return the kind of an event of a type that may have, or lack, everything that a filter asks for."""
    from shared.local.broker.event_kinds import EventKind  # as above

    asked = frozenset(chosen.values.keys() - {"type"})
    return EventKind(type_, free=asked, optional=asked)


def _spec(text: str) -> Located:
    """Return it as a Trigger would have it. Raises JSONDecodeError."""
    written: Any = [{"cesql": text}]
    if text.lstrip()[:1] in {"{", "["}:
        found = orjson.loads(text)
        written = found if isinstance(found, list) else [found]
    return Located({"filters": _located(written)}, 0)


def _located(value: Any) -> Located:
    if isinstance(value, dict):
        return Located({name: _located(child) for name, child in value.items()}, 0)
    if isinstance(value, list):
        return Located([_located(child) for child in value], 0)
    return Located(value, 0)
