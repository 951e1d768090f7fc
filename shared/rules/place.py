"""The form of the rows that say whose matter something is."""

from typing import NamedTuple

from shared.events.vocabulary import Category, Subcategory

Place = tuple[Category, Subcategory]


class Row(NamedTuple):
    """A place and what leads there.

    `kind` is looked for in the kind and its API version, `who` in the reporting component, `reason` in the reason taken
    apart, `both` in kind, component and, on a line of its own, reason; `message` in the message.
    """

    place: Place
    kind: str = ""
    who: str = ""
    reason: str = ""
    both: str = ""
    message: str = ""
