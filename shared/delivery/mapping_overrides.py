"""Overrides: fields that differ for some events, without a second file (docs/mapping.md).

Where a mapping has none, none of this is asked. Where it has some, the fields of one operation under one set of
overrides that hold are put together once and kept.
"""

from collections.abc import Iterable
from collections.abc import Mapping as Members
from dataclasses import dataclass, replace
from typing import Final

from shared.delivery.mapping_field import Field
from shared.delivery.templates import Context

ASKED: Final = ("namespace", "cluster", "category", "severity", "label")
"""What an override can be `for`."""
_NAMESPACE: Final = "Namespace"


@dataclass(frozen=True, slots=True)
class Condition:
    """One demand: what of the event (`label`: of which name) is one of some texts, or begins with one of others."""

    of: str
    label: str
    texts: tuple[str, ...]
    beginnings: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Return True where the event is so; what the event does not have is nothing."""
        value = self._value(context)
        return value is not None and (value in self.texts or value.startswith(self.beginnings))

    def _value(self, context: Context) -> str | None:
        found: str | None
        report = context.get("delivery")
        if report is not None:  # which says no more of the event
            found = report.cluster if self.of == "cluster" else None
            return found
        whole = context.get("episode") or context.get("change")
        seen, judged = (whole, whole) if whole is not None else (context["observation"], context["verdict"])
        match self.of:
            case "namespace":  # a Namespace itself lies in none, and is meant as well
                found = seen.object.namespace or (seen.object.name if seen.object.kind == _NAMESPACE else "")
            case "cluster":
                found = seen.cluster
            case "label":
                found = seen.labels.get(self.label)
            case _:
                found = getattr(judged, self.of)
        return found


@dataclass(frozen=True, slots=True)
class Override:
    """Fields by operation that take effect where all conditions hold. A field of nothing takes one away."""

    conditions: tuple[Condition, ...]
    operations: Members[str, tuple[Field, ...]]

    def holds(self, context: Context) -> bool:
        """Return True where the event meets every condition."""
        return all(condition.holds(context) for condition in self.conditions)


def merged(fields: Iterable[Field], others: Iterable[Field]) -> tuple[Field, ...]:
    """Return fields with others over them: groups member by member, all else as a whole, in the order they came."""
    found = {one.name: one for one in fields}
    for other in others:
        if other.is_nothing:
            found.pop(other.name, None)
        elif other.group:
            before = found.get(other.name)
            into = before if before is not None and before.group else replace(other, group=())
            found[other.name] = replace(into, group=merged(into.group, other.group), when=other.when or into.when)
        else:
            found[other.name] = other
    return tuple(found.values())
