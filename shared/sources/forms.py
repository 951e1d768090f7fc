"""The forms of a dialect: by which members a payload is told, and what one lacks that nobody knows.

A form is a line of marks with blanks between them. A mark is a dotted path that is there and not null
(`data.TimeStamp`), one of several (`involvedObject|regarding`), one of some texts (`kind=Event|EventList`, a plus is a
blank), or what must not be there (`!log_type`). A key that has dots itself, as `audit.linux`, is written as it is.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

_WIDESPREAD = frozenset({"apiVersion", "kind", "verb"})


class Mark(NamedTuple):
    """One mark: any of `paths` is there, with one of `values` where there are some; or, `absent`, none of them is."""

    paths: tuple[str, ...]
    values: tuple[str, ...]
    absent: bool

    def holds(self, payload: Any) -> bool:
        """Return True where the payload has it. Never raises."""
        for path in self.paths:
            value = value_at(payload, path)
            if value is not None and (self.absent or not self.values or value in self.values):
                return not self.absent
        return self.absent

    @property
    def text(self) -> str:
        """Return it in words."""
        values = f" {' or '.join(self.values)}" if self.values else ""
        return f"{' or '.join(self.paths)}{values}"


@cache
def marks_of(form: str) -> tuple[Mark, ...]:
    """Return the marks of a form."""
    marks = []
    for word in form.split():
        paths, _, values = word.removeprefix("!").partition("=")
        texts = tuple(values.replace("+", " ").split("|")) if values else ()
        marks.append(Mark(tuple(paths.split("|")), texts, word.startswith("!")))
    return tuple(marks)


@cache
def members_of(form: str) -> frozenset[str]:
    """Return top-level members of which a payload has one if it has the form: to pass over most at once.

    They are those of one mark, and of one that tells more than `kind`, `apiVersion` and `verb` do if there is one.
    """
    there = [mark.paths for mark in marks_of(form) if not mark.absent]
    telling = next((paths for paths in there if _WIDESPREAD.isdisjoint(paths)), there[0])
    return frozenset(telling).union(path.partition(".")[0] for path in telling)


def has_form(payload: Any, form: str) -> bool:
    """Return True where a payload has all marks of a form. Never raises."""
    if not isinstance(payload, dict) or payload.keys().isdisjoint(members_of(form)):
        return False
    return all(mark.holds(payload) for mark in marks_of(form))


def value_at(payload: Any, path: str) -> Any:
    """Return the value at a dotted path, or None; a key that has the dots itself counts, at each step."""
    if not isinstance(payload, dict):
        return None
    if path in payload:
        return payload[path]
    head, dot, rest = path.partition(".")
    return value_at(payload.get(head), rest) if dot else None


def told_apart(payload: Any, forms: Sequence[tuple[str, str]]) -> str:
    """Return which of the (dialect, form) come closest to a payload that has none: in our words, with none of its own.

    For example `closest is falco: it has rule, priority, but no output_fields`; empty where it has no mark of any.
    """
    best, closest = (0.0, 0), ""
    for name, form in forms:
        marks = marks_of(form)
        has = [mark.text for mark in marks if not mark.absent and mark.holds(payload)]
        lacks = [f"also {mark.text}" if mark.absent else f"no {mark.text}" for mark in marks if not mark.holds(payload)]
        rank = (len(has) / (len(has) + len(lacks) or 1), len(has))
        if has and rank > best:
            but = f", but {', '.join(lacks)}" if lacks else ""
            best, closest = rank, f"closest is {name}: it has {', '.join(has)}{but}"
    return closest
