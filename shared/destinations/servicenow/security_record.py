"""Security incidents: the table, its states, and the fields that no mapping sets (reference/destinations.md §1.5)."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from shared.destinations.servicenow.record import NEEDED, OF_TASKS, States
from shared.destinations.servicenow.record import OURS as INCIDENT_OURS
from shared.destinations.servicenow.record import RESERVED as INCIDENTS

if TYPE_CHECKING:
    from shared.delivery.mapping import Mapping
    from shared.delivery.mapping_field import Field

__all__ = ["FIELDS", "NEEDED", "OBSERVABLES", "OURS", "RESERVED", "STATES", "TABLE", "mistakes", "types_of"]

TABLE: Final = "sn_si_incident"
STATES: Final = States("16", "100", "3", "7")
"""As they are shipped: Analysis, Review, Closed, Cancelled. What ended by itself is put to Review: whether it is over
is for the analysts to say."""
OURS: Final = INCIDENT_OURS - {"priority"}
"""Unlike an incident's, the priority does not follow from impact and urgency."""
RESERVED: Final = dict.fromkeys(INCIDENTS, OURS)
FIELDS: Final = OF_TASKS
OBSERVABLES: Final = "observables"
"""The field of a mapping that is no column but a group: types of observables by name, with values one a line."""
_ASKED: Final = re.compile(r"""\|\s*observables\(\s*(?:"([^"]*)"|'([^']*)')""")


def types_of(mapping: "Mapping") -> frozenset[str]:
    """Return the names of all types of observables that a mapping can set."""
    return frozenset(one.name for field in _fields(mapping) for one in field.group)


def mistakes(mapping: "Mapping") -> Sequence[str]:
    """Return what cannot work in a mapping though it is well formed, as sentences."""
    from shared.delivery.observables import KINDS  # no start needs it

    found = [f"field `{OBSERVABLES}` must have `fields`: types by name" for one in _fields(mapping) if not one.group]
    asked = {kind for field in _fields(mapping) for one in field.group for kind in _asked(one)}
    unknown = sorted(asked - set(KINDS))
    return [*dict.fromkeys(found), *(f"there is no kind of observables `{one}`: {', '.join(KINDS)}" for one in unknown)]


def _fields(mapping: "Mapping") -> Iterator["Field"]:
    yield from (
        one for _, fields in mapping.every() for one in fields if one.name == OBSERVABLES and not one.is_nothing
    )


def _asked(one: "Field") -> Iterator[str]:
    if one.text is not None:
        yield from (double or single for double, single in _ASKED.findall(one.text.source))
