"""YAML as nodes that know their lines, for every file that people edit; bounded before anything walks it.

libyaml's composer recurses in C and would take the process with it where a text nests too deep, and with aliases some
lines can mean billions of nodes. Here both end as ValueError.
"""

from collections.abc import Iterator
from typing import Any

import yaml

MAX_DEPTH = 40
MAX_NODES = 200_000

_TEXT = "tag:yaml.org,2002:str"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times faster


def compose(text: str) -> yaml.Node | None:
    """Return the root of the one document, None where there is none. Raises yaml.YAMLError, ValueError."""
    refuse_depth(text)
    root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    _refuse_size([root] if root is not None else [])
    return root


def compose_all(text: str) -> list[yaml.Node]:
    """Return the roots of all documents. Raises yaml.YAMLError, ValueError."""
    refuse_depth(text)
    roots = list(yaml.compose_all(text, Loader=_LOADER))
    _refuse_size(roots)
    return roots


def scalar(node: yaml.ScalarNode) -> Any:
    """Return a scalar's value by its tag. Raises yaml.MarkedYAMLError for a foreign tag, ValueError as for no date."""
    if node.tag == _TEXT:  # most are, and a constructor for each is what reading took longest for
        return node.value
    return yaml.constructor.SafeConstructor().construct_object(node)


def refuse_depth(text: str | bytes, most: int = MAX_DEPTH) -> None:
    """Raise ValueError where the text nests deeper than `most`; yaml.YAMLError where it is no YAML."""
    loader = _LOADER(text)
    depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > most:
                raise ValueError("too deep")
    finally:
        loader.dispose()


def _refuse_size(roots: list[yaml.Node]) -> None:
    """Walk as a reader will, aliases as what they stand for; one that contains itself is too deep."""
    waiting = [(root, 1) for root in roots]
    left = MAX_NODES
    while waiting:
        node, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError("too large")
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        yield from (child for pair in node.value for child in pair)
