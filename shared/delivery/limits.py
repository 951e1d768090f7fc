"""What a foreign system takes in its fields, as far as it is known: how long, which values, which type."""

import re
from collections.abc import Iterable
from collections.abc import Mapping as Members
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

from shared.delivery.mapping_field import Field


class Limit(NamedTuple):
    """What one field takes: the most characters of a text (0: any number), the only values, the type.

    `pattern` is what the whole of a text must match, empty where any will do, and `example` one that does.
    """

    longest: int = 0
    choices: tuple[str, ...] = ()
    type: Literal["text", "number", "boolean"] = "text"
    pattern: str = ""
    example: str = ""


Limits = Members[str, Limit]
"""Limits by the name of the field, dotted inside groups; of fields that are not there nothing is known."""
NO_LIMITS: Final[Limits] = {}
_NEAR: Final = 0.9
"""How alike two names must be for one to be a slip of the pen: a letter or two of ten."""
_TRUTHS: Final = ("true", "false")


def complaint(limit: Limit, value: Any) -> tuple[str, str]:
    """Return what is wrong with a value that a mapping always sends, and what to write instead; both empty if right."""
    if isinstance(value, list):
        return ("", "") if limit == Limit() else ("the system takes a single value here, no list", "use one of them")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if limit.choices and text not in limit.choices:
        return f"the system does not take `{text[:40]}` here", "use one of: " + ", ".join(limit.choices)
    if limit.longest and len(text) > limit.longest:
        return f"the system takes at most {limit.longest} characters here, and these are {len(text)}", "shorten it"
    if limit.type == "number" and not _is_number(text):
        return f"`{text[:40]}` is no number, and the system takes nothing else here", "use a number"
    instead = "true or false" if limit.type == "boolean" and text.lower() not in _TRUTHS else ""
    if limit.pattern and not re.fullmatch(limit.pattern, text):
        instead = f"one such as `{limit.example}`"
    return (f"the system takes no `{text[:40]}` here", f"use {instead}") if instead else ("", "")


def meant(name: str, known: Iterable[str]) -> str:
    """Return the known name that was probably meant, empty where there is none.

    A system may have columns that only it knows, so an unknown name is not wrong by itself. One that is nearly known
    is, unless it is that name with something before it, as a customer's own `u_short_description`.
    """
    import difflib  # no shipped mapping needs it

    names = set(known)
    own = any(name.endswith(one) for one in names)
    near = [] if own else difflib.get_close_matches(name, names, n=1, cutoff=_NEAR)
    return near[0] if near else ""


def bounded(fields: tuple[Field, ...], limits: Limits, prefix: str = "") -> tuple[Field, ...]:
    """Return the fields, each of whose texts is cut where the system would refuse it or cut it without saying so."""
    return tuple(_bounded(one, limits, f"{prefix}{one.name}") for one in fields)


def _bounded(one: Field, limits: Limits, name: str) -> Field:
    if one.group:
        return replace(one, group=bounded(one.group, limits, f"{name}."))
    if one.items:
        return replace(one, items=bounded(one.items, limits, f"{name}."))
    longest = limits[name].longest if name in limits else 0
    return replace(one, max=longest) if longest and not one.max else one


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
