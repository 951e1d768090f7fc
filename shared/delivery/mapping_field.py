"""One field of a mapping: how it gets its value."""

from collections.abc import Callable
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from shared.delivery.templates import Context, Text, follow


@dataclass(frozen=True, slots=True)
class Field:
    """How one field gets its value; one of `text`, `path` (`from`) and `group` is set, or none: a field of nothing."""

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

    @property
    def is_nothing(self) -> bool:
        """Return True where it has no value of its own; in an override it takes a field away."""
        return self.text is None and not self.path and not self.group


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
