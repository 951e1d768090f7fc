"""Checking the names that a template uses against the event model, so that a typing error is found before any event."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from jinja2 import nodes
from pydantic import BaseModel

from shared.delivery.links import Links
from shared.delivery.telling import News
from shared.events.change import Change
from shared.events.delivery import DeliveryReport
from shared.events.episode import Episode
from shared.events.model import Observation, Verdict
from shared.events.problem import did_you_mean

ROOTS: dict[str, type[BaseModel]] = {
    "episode": Episode,
    "news": News,
    "links": Links,
    "change": Change,
    "observation": Observation,
    "verdict": Verdict,
    "delivery": DeliveryReport,
}
"""What a template may begin with: `episode`, `news` and `links`, or `change`, for tickets, `observation` and `verdict`
for records, `delivery` for reports."""

_OF_TICKETS = {"episode": ("episode", "news", "links"), "change": ("change",)}


def roots_of(operation: str, subject: str = "") -> tuple[str, ...]:
    """Return what an operation's templates may begin with; `subject` is what tickets are of, where that is known."""
    told = _OF_TICKETS[subject] if subject else (*_OF_TICKETS["episode"], *_OF_TICKETS["change"])
    seen = ("observation", "verdict")
    return {"record": seen, "audit": seen, "report": ("delivery",)}.get(operation, told)


def check_names(tree: nodes.Template, roots: tuple[str, ...]) -> Iterator[tuple[int, str, str]]:
    """Yield line, message and suggestion for each name that cannot exist; `roots` are those of the operation."""
    local = {name.name for loop in tree.find_all(nodes.For) for name in _targets(loop.target)} | {"loop"}
    inner: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Name)):
        if id(node) in inner:
            continue
        path, parts = _chain(node)
        inner.update(parts)
        if path and path[0] not in local:
            for message, suggestion in check_path(path, roots):
                yield node.lineno, message, suggestion


def check_path(path: tuple[str, ...], roots: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield message and suggestion where a dotted path leads to nothing that the event model has."""
    if path[0] not in roots:
        yield f"there is no `{path[0]}`" + (" here" if path[0] in ROOTS else ""), did_you_mean(path[0], roots)
        return
    model: Any = ROOTS[path[0]]
    for index, name in enumerate(path[1:], 1):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            if not _open(model):
                yield f"`{'.'.join(path[:index])}` is a single value and has no `{name}`", "leave it out"
            return
        found = model.model_fields.get(name)
        if found is None:
            if not isinstance(getattr(model, name, None), property):
                yield f"`{'.'.join(path[:index])}` has no `{name}`", did_you_mean(name, model.model_fields)
            return
        model = _required(found.annotation)


def closed_values(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the only texts that a path can lead to, as those of `episode.severity`; none where it is not known."""
    model: Any = ROOTS.get(path[0])
    for name in path[1:]:
        found = model.model_fields.get(name) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if found is None:
            return ()
        model = _required(found.annotation)
    return get_args(model) if get_origin(model) is Literal else ()


def bare_path(tree: nodes.Template) -> tuple[str, ...]:
    """Return the path of a template that is nothing but `{{ a.b.c }}`: it needs no Jinja at run time."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output) or len(tree.body[0].nodes) != 1:
        return ()
    node: nodes.Expr = tree.body[0].nodes[0]
    path: list[str] = []
    while isinstance(node, nodes.Getattr):
        path.append(node.attr)
        node = node.node
    return (node.name, *reversed(path)) if isinstance(node, nodes.Name) else ()


def _open(annotation: Any) -> bool:
    return get_origin(annotation) in {dict, tuple, list} or annotation in {dict, tuple, list, Any}


def _required(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else Any
    return annotation


def _targets(target: nodes.Node) -> list[nodes.Name]:
    return [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))


def _chain(node: nodes.Node) -> tuple[tuple[str, ...], set[int]]:
    """Return the dotted path that ends in a node, and the ids of the nodes it is made of."""
    names: list[str] = []
    parts: set[int] = {id(node)}
    while isinstance(node, nodes.Getattr):
        names.append(node.attr)
        node = node.node
        parts.add(id(node))
    if isinstance(node, nodes.Name):
        return (node.name, *reversed(names)), parts
    return (), parts
