"""Templates that cannot run away: a small, closed part of Jinja with every cost counted, none timed.

Jinja's own sandbox stops attribute tricks but not `{{ 'a' * 10**9 }}` or five nested loops (guarantees.md, Templates).
Here a template may only use the node kinds of `_ALLOWED`: no calls, no assignments, no macros, no includes, no `*`,
`%`, `**` or `~`. What remains can grow only through loops and filters: their steps and the output are counted, and each
filter is ours and bounded. Templates come from administrators alone; what events carry is printed as it is, never as
a template (F43).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes, pass_context
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.delivery.escaping import escaped
from shared.delivery.filters import FILTERS, show
from shared.delivery.templates import TemplateRefused
from shared.events.problem import did_you_mean

MAX_SOURCE = 16_384
"""Longest template, in characters."""
MAX_OUTPUT = 131_072
"""Longest output of one template, in characters."""
MAX_STEPS = 10_000
"""Most steps of one rendering: one for each turn of a loop, one more for each 32 parts that the loop has, and one for
each 256 characters through a filter or into a sum."""
MAX_DEPTH = 50
"""Deepest nesting of a template's parts, each filter of a chain being one; Python could not compile much more."""
MAX_LOOPS = 4
"""Most loops inside each other."""

_CHARACTERS = 256
_PARTS = 32
_COUNTED = "_counted"
_STEPS = "_steps"
_TESTS = frozenset({"defined", "undefined", "none", "string", "number", "mapping", "in", "even", "odd", "equalto"})
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.List, nodes.Tuple, nodes.If, nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand,
    nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Neg, nodes.Filter, nodes.Test, nodes.Keyword,
)  # fmt: skip
_INSTEAD: dict[type[nodes.Node], str] = {
    nodes.Concat: "write the parts one after the other: {{ a }}{{ b }}",
    nodes.Call: "functions cannot be called; use a filter: " + ", ".join(sorted(FILTERS)),
    nodes.Assign: "nothing can be assigned; write the expression where it is used",
}


class _Steps:
    """Loop steps that one rendering may still make."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def take(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TemplateRefused(f"more than {MAX_STEPS} steps")


@pass_context
def _count(context: Context, items: Any, each: int) -> Iterator[Any]:
    """Yield the items while steps are left, `each` for a turn; stands around every loop's list."""
    steps: _Steps = context[_STEPS]
    if isinstance(items, Undefined):
        items = items.__iter__()  # StrictUndefined: raises what a template that names nothing real shall raise
    for item in items:
        steps.take(each)
        yield item


def _charged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that pays steps for the text that goes in and comes out of it."""

    @pass_context
    def charged(context: Context, value: Any, *arguments: Any) -> Any:
        steps: _Steps = context[_STEPS]
        steps.take(_size(value) // _CHARACTERS)
        result = function(value, *arguments)
        steps.take(_size(result) // _CHARACTERS)
        return result

    return charged


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja with our filters only; `+` and `-` pass through `call_binop`, so that sums of texts stay bounded."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator not in {"+", "-"}:
            raise SecurityError("this operator is not allowed")
        if isinstance(left, Undefined) or isinstance(right, Undefined):
            return super().call_binop(context, operator, left, right)
        if hasattr(left, "__len__") and hasattr(right, "__len__"):
            size = len(left) + len(right)
            if size > MAX_OUTPUT:
                raise TemplateRefused(f"a sum of more than {MAX_OUTPUT} characters")
            context[_STEPS].take(size // _CHARACTERS)
        return super().call_binop(context, operator, left, right)


def new_environment(escape: str = "") -> ImmutableSandboxedEnvironment:
    """Build an environment of a mapping: strict about what is undefined, nothing in it but our filters.

    What its templates print is escaped as `escape` says.
    """
    finalize = partial(_shown, escape) if escape else show
    environment = _Environment(undefined=StrictUndefined, finalize=finalize, autoescape=False, cache_size=0)
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update({name: _charged(function) for name, function in FILTERS.items()})
    environment.filters[_COUNTED] = _count
    environment.tests = {name: test for name, test in environment.tests.items() if name in _TESTS}
    return environment


def _shown(escape: str, value: Any) -> Any:
    shown = show(value)
    if isinstance(shown, Undefined):
        return shown
    return escaped(escape, shown if isinstance(shown, str) else str(shown))


def parse(environment: ImmutableSandboxedEnvironment, source: str) -> nodes.Template:
    """Parse a template and refuse what is not allowed. Raises TemplateRefused with the line and what to do."""
    if len(source) > MAX_SOURCE:
        raise TemplateRefused(f"the template is longer than {MAX_SOURCE} characters")
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateRefused(f"the template is not well formed: {error.message}", error.lineno) from None
    except RecursionError:
        raise TemplateRefused("the template is nested too deeply") from None
    except ValueError:  # a whole number of more digits than Python reads
        raise TemplateRefused("the template holds a number that is too long") from None
    _check(tree)
    # What a turn costs goes by what is in the loop, counted before anything is put around a list.
    for loop, parts in [(loop, sum(1 for _ in _walk(loop))) for loop in tree.find_all(nodes.For)]:
        place: dict[str, Any] = {"lineno": loop.lineno, "environment": environment}
        each = nodes.Const(1 + parts // _PARTS, **place)
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [each], [], None, None, **place)
    return tree


def used_by(tree: nodes.Template) -> tuple[tuple[str, ...], ...]:
    """Return the paths that a template reads, where it reads nothing else: the same values of these give the same text.

    Empty where that cannot be said: with a loop, a part of what a path leads to, or a whole event.
    """
    if next(tree.find_all((nodes.For, nodes.Getitem)), None) is not None:
        return ()
    paths: set[tuple[str, ...]] = set()
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        names: list[str] = []
        inner = node
        while isinstance(inner, nodes.Getattr):
            names.append(inner.attr)
            inner = inner.node
        if isinstance(inner, nodes.Name):
            paths.add((inner.name, *reversed(names)))
        else:
            waiting.extend(node.iter_child_nodes())
    return () if any(len(path) == 1 for path in paths) else tuple(sorted(paths))


def build(environment: ImmutableSandboxedEnvironment, tree: nodes.Template) -> Template:
    """Compile what `parse` allowed. Raises TemplateRefused where Jinja cannot compile it."""
    try:
        return environment.from_string(tree)
    except (TemplateError, RecursionError, SyntaxError, ValueError) as error:
        raise TemplateRefused(f"the template cannot be compiled ({type(error).__name__})") from None


def run(template: Template, context: Mapping[str, Any]) -> str:
    """Render within the caps.

    Raises TemplateRefused where it does more than is allowed, uses what the event does not have, or cannot work on the
    values that it got; the message is constant text, never event data.
    """
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate({**context, _STEPS: _Steps()}):
            size += len(part)
            if size > MAX_OUTPUT:
                raise TemplateRefused(f"more than {MAX_OUTPUT} characters of output")
            parts.append(part)
    except TemplateError as error:
        name = "something that the event does not have" if "Undefined" in type(error).__name__ else "what is forbidden"
        raise TemplateRefused(f"the template uses {name}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError, AttributeError) as error:
        raise TemplateRefused(f"the template cannot work on these values ({type(error).__name__})") from None
    return "".join(parts)


def _check(tree: nodes.Template) -> None:
    for node, depth, loops in _walk(tree):
        kind = type(node)
        if depth > MAX_DEPTH:
            raise TemplateRefused("the template is nested too deeply", node.lineno)
        if loops > MAX_LOOPS:
            raise TemplateRefused(f"more than {MAX_LOOPS} loops inside each other", node.lineno)
        if not isinstance(node, _ALLOWED):
            raise TemplateRefused(
                f"`{kind.__name__}` is not allowed in a template", node.lineno, _INSTEAD.get(kind, "leave it out")
            )
        if isinstance(node, nodes.Filter) and (
            node.name not in FILTERS or node.kwargs or node.dyn_args or node.dyn_kwargs
        ):
            raise TemplateRefused(
                f"there is no filter `{node.name}`", node.lineno, did_you_mean(node.name, sorted(FILTERS))
            )
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise TemplateRefused(f"there is no test `{node.name}`", node.lineno, did_you_mean(node.name, _TESTS))
        if isinstance(node, nodes.Const) and isinstance(node.value, float) and not isfinite(node.value):
            raise TemplateRefused("the template holds a number that is too long", node.lineno)
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateRefused("a loop cannot be recursive", node.lineno, "leave out `recursive`")
        if isinstance(node, nodes.Slice) and node.step is not None:
            raise TemplateRefused("a slice has no step", node.lineno, "write [from:to]")
        name = node.name if isinstance(node, nodes.Name) else node.attr if isinstance(node, nodes.Getattr) else ""
        if name.startswith("_"):
            raise TemplateRefused(f"`{name}` is not allowed: it begins with `_`", node.lineno)


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int, int]]:
    """Yield each node with its depth, and how many loops it is in; without recursion, for it may be deep."""
    waiting = [(tree, 0, 0)]
    while waiting:
        node, depth, loops = waiting.pop()
        loops += isinstance(node, nodes.For)
        yield node, depth, loops
        waiting.extend((child, depth + 1, loops) for child in node.iter_child_nodes())
