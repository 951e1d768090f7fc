"""Reading the `for` of an override: what can never hold is a mistake, said with its line."""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from shared.delivery.mapping_overrides import ASKED, Condition
from shared.events.nodes import Nodes
from shared.events.problem import did_you_mean
from shared.events.vocabulary import CATEGORIES, SEVERITIES

_CLOSED: Final[dict[str, tuple[str, ...]]] = {"category": CATEGORIES, "severity": SEVERITIES}
_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_EXAMPLE: Final = "write what it is for, as `namespace: shop-*`"


def conditions_of(node: yaml.Node, nodes: Nodes) -> tuple[Condition, ...]:
    """Return what one `for` demands."""
    before = len(nodes.problems)
    found = tuple(_conditions(node, nodes))
    if not found and len(nodes.problems) == before:
        nodes.problem(node, "`for` is empty", f"{_EXAMPLE}, or put the fields into `operations`")
    return found


def _conditions(node: yaml.Node, nodes: Nodes) -> Iterator[Condition]:
    for name, value in nodes.members(node, "`for`", ASKED):
        if name == "label":
            for label, texts in nodes.members(value, "`label`"):
                yield _condition(name, label, texts, nodes)
        else:
            yield _condition(name, "", value, nodes)


def _condition(of: str, label: str, node: yaml.Node, nodes: Nodes) -> Condition:
    """Return one demand; `*` at the end of a text stands for any ending."""
    texts: list[str] = []
    beginnings: list[str] = []
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not items:
        nodes.problem(node, f"`{of}` names nothing, so that this never holds", _EXAMPLE)
    for item in items:
        value = nodes.scalar(item)
        text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        _tell(of, text, item, nodes)
        if text.endswith("*"):
            beginnings.append(text[:-1])
        else:
            texts.append(text)
    return Condition(of, label, tuple(texts), tuple(beginnings))


def _tell(of: str, text: str, node: yaml.Node, nodes: Nodes) -> None:
    """Note what no event can be."""
    beginning = text.removesuffix("*")
    if "*" in beginning:
        nodes.problem(node, f"`{text}` never holds: a `*` stands for any ending, and only at the end", "leave it out")
        return
    known = _CLOSED.get(of)
    if known is not None:
        if not any(word == text or (beginning != text and word.startswith(beginning)) for word in known):
            nodes.problem(node, f"there is no {of} `{text}`: this never holds", did_you_mean(text, known))
    elif of == "namespace" and beginning and not _NAMESPACE.fullmatch(beginning):
        nodes.problem(node, f"no namespace is called `{text}`: this never holds", "small letters, digits and `-` only")
