"""What a field of a mapping can hold whatever the event says, held against its type and what the system takes."""

from collections.abc import Iterator
from collections.abc import Mapping as Members
from typing import Any, Final

import yaml

from shared.delivery.conversions import TYPES, converts
from shared.delivery.limits import Limit, complaint
from shared.delivery.mapping_field import Field
from shared.delivery.mapping_names import closed_values
from shared.events.nodes import Nodes

Spec = Members[str, yaml.Node]
"""The nodes of a field, by what they say of it."""
Lookup = Members[str, yaml.Node]
"""The nodes of a lookup's values, by what is looked up."""
_UNKNOWN: Final = Limit()


def check_values(  # noqa: PLR0913 - each is one part
    one: Field, name: str, spec: Spec, *, places: Lookup, limit: Limit, nodes: Nodes
) -> None:
    """Note what the field can hold, whatever the event says, and its type or the system would not take.

    `name` is the field's with those of the groups that it is in, `places` are of the lookup that it names.
    """
    for node, value in _known_values(one, spec, places):
        cut = value[: one.max] if one.max and isinstance(value, str) else value
        message, suggestion = complaint(limit, cut)
        if not message and not converts(one.convert, value):
            message = f"`{str(value)[:40]}` does not have the type that is asked for"
            suggestion = "change one of them"
        if message:
            nodes.problem(node, f"field `{name}`: {message}", suggestion)
    if limit.longest and one.max > limit.longest:
        message = f"field `{name}`: the system takes at most {limit.longest} characters here"
        nodes.problem(spec["max"], message, f"write `max: {limit.longest}`")
    inside = spec.get("fields", spec.get("items"))
    if inside is not None and limit != _UNKNOWN and one.convert is not TYPES["json-text"]:
        nodes.problem(inside, f"field `{name}` is a single value over there", "use `value` or `from`")


def _known_values(one: Field, spec: Spec, places: Lookup) -> Iterator[tuple[yaml.Node, Any]]:
    """Yield each value that the field can have whatever the event says, and the node that says so."""
    path = one.path or (one.text.path if one.text is not None else ())
    if one.lookup is not None:
        yield from ((places[key], value) for key, value in one.lookup.items() if value is not None)
    elif one.text is not None and one.text.constant is not None:
        yield spec["value"], one.text.constant
    elif path:
        node = spec["from"] if one.path else spec["value"]
        yield from ((node, value) for value in closed_values(path))
    if "default" in spec and one.default is not None:
        yield spec["default"], one.default
