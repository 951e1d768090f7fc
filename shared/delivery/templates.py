"""The templates of a mapping as text, and Jinja below them only when the first of them is needed.

Jinja takes some 25 ms to import, a fifth of a function's start, and compiling a template one or two. Whoever reads a
mapping file has its templates checked at once; the shipped ones were checked when they were compiled into the wheel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from shared.delivery.escaping import escaped
from shared.delivery.printing import show

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Context = Mapping[str, Any]
MISSING: Any = object()
"""What a path leads to that leads nowhere."""
_WORD = 64  # characters
_REMEMBERED = 512  # texts of one template; with their words some 100 kB


class TemplateRefused(Exception):  # noqa: N818 - a template is refused; it is no error of this program
    """A template that is not allowed, or did more than is allowed; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.suggestion = suggestion


@lru_cache(maxsize=1024)  # all that is shipped has some 300, many of them in several mappings
def _compiled(source: str, escape: str) -> Callable[[Context], str]:
    """Return what renders a template within the sandbox's bounds. Raises TemplateRefused.

    The same text does the same for every function of the process, so it is compiled once.
    """
    from shared.delivery import sandbox  # Jinja: see above

    environment = _environment(escape)
    tree = sandbox.parse(environment, source)
    used = sandbox.used_by(tree)
    template = sandbox.build(environment, tree)
    if not used:
        return lambda context: sandbox.run(template, context)
    return _Remembering(lambda context: sandbox.run(template, context), used)


@cache  # for each way of escaping, of which there is a handful
def _environment(escape: str) -> "ImmutableSandboxedEnvironment":
    from shared.delivery import sandbox  # Jinja: see above

    return sandbox.new_environment(escape)


class _Remembering:
    """Renders a template that reads nothing but these paths once for each combination of the words that they lead to.

    Most templates choose by category, severity or kind, of which there are few: looking the text up costs a quarter of
    rendering it. What is longer than a word is rendered each time.
    """

    __slots__ = ("_known", "_render", "_take")

    def __init__(self, render: Callable[[Context], str], used: Sequence[tuple[str, ...]]) -> None:
        self._render = render
        self._take = tuple((root, attrgetter(".".join(names))) for root, *names in used)
        self._known: dict[tuple[Any, ...], str] = {}

    def __call__(self, context: Context) -> str:
        """Return the text. Raises TemplateRefused."""
        try:
            words = tuple([take(context[root]) for root, take in self._take])
        except (AttributeError, KeyError):  # into what others sent, where a template and a path may part
            return self._render(context)
        for word in words:
            if type(word) is not str or len(word) > _WORD:
                return self._render(context)
        text = self._known.get(words)
        if text is None:
            text = self._render(context)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[words] = text
        return text


@dataclass(slots=True)
class Text:
    """A template as text; `path` where it is nothing but `{{ a.b }}`, `constant` where nothing is to be filled in.

    `escape` names how what it prints is escaped.
    """

    source: str
    constant: str | None = None
    path: tuple[str, ...] = ()
    escape: str = ""
    _compiled: Callable[[Context], str] | None = field(init=False, repr=False, compare=False, default=None)

    def render(self, context: Context) -> str:
        """Return the text. Raises TemplateRefused."""
        if self.constant is not None:
            return self.constant
        if self.path:
            value = follow(self.path, context)
            if value is MISSING:
                raise TemplateRefused("the template uses something that the event does not have")
            return str(escaped(self.escape, str(show(value))))
        return self.compiled()(context)

    def compiled(self) -> Callable[[Context], str]:
        """Return what renders it, compiled at first use. Raises TemplateRefused."""
        if self._compiled is None:
            self._compiled = _compiled(self.source, self.escape)
        return self._compiled

    @property
    def needs_jinja(self) -> bool:
        """Return False where it is rendered without being compiled."""
        return self.constant is None and not self.path


def follow(path: tuple[str, ...], context: Context) -> Any:
    """Return what a dotted path leads to, or MISSING where it leads nowhere.

    In a dictionary the rest of a path may be one key with dots, as `labels.app.kubernetes.io/name`; in a list a step is
    a number from 0.
    """
    value: Any = context.get(path[0], MISSING)
    for index, name in enumerate(path[1:], 1):
        if isinstance(value, dict):
            whole = value.get(".".join(path[index:]), MISSING)  # labels have both `app` and `app.kubernetes.io/name`
            if whole is not MISSING:
                return whole
            value = value.get(name, MISSING)
        elif isinstance(value, list):
            value = value[int(name)] if name.isdecimal() and int(name) < len(value) else MISSING
        else:
            value = getattr(value, name, MISSING)
        if value is MISSING or value is None:
            return value
    return value


def getter(path: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return what follows this path from a context whose roots are attributes, as `follow` does from one of members.

    In one step where it leads through attributes alone, and an AttributeError then says that `follow` has to be asked.
    """
    names = path[1:]
    if not names or any(name.startswith("__") or not name.isidentifier() or hasattr(dict, name) for name in names):
        return lambda roots: follow(path, vars(roots))
    return attrgetter(".".join(path))
