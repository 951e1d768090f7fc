"""One field of a mapping: how it gets its value."""

from collections.abc import Callable
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from typing import Any

from shared.delivery.templates import Text, getter


@dataclass(frozen=True, slots=True)
class Field:
    """How one field gets its value; one of `text`, `path` (`from`), `group` and `items` is set, or none: of nothing."""

    name: str
    text: Text | None = None
    path: tuple[str, ...] = ()
    group: tuple["Field", ...] = ()
    items: tuple["Field", ...] = ()
    when: Text | None = None
    lookup: Members[str, Any] | None = None
    default: Any = None
    max: int = 0
    convert: Callable[[Any], Any] | None = None
    escape: str = ""
    take: Callable[[Any], Any] | None = field(init=False, compare=False, default=None)
    """For what is taken over from a path or is constant, but for a lookup: how, without asking what else there is.

    Called with the context's roots as attributes; AttributeError means that `templates.follow` has to be asked.
    """

    def __post_init__(self) -> None:
        """Choose the short way where nothing but a lookup is asked for: most fields of a record are so."""
        if self.when is None and not self.group and not self.items and not self.max and self.convert is None:
            if self.path and not self.escape:
                object.__setattr__(self, "take", getter(self.path))
            elif self.text is not None and self.text.constant is not None:
                constant = self.text.constant
                object.__setattr__(self, "take", lambda _roots: constant)

    @property
    def is_nothing(self) -> bool:
        """Return True where it has no value of its own; in an override it takes a field away."""
        return self.text is None and not self.path and not self.group and not self.items
