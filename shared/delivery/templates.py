"""The templates of a mapping as text, and Jinja below them only when the first of them is needed.

Jinja takes some 25 ms to import, a fifth of a function's start, and compiling a template one or two. Whoever reads a
mapping file has its templates checked at once; the shipped ones were checked when they were compiled into the wheel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.delivery.escaping import escaped
from shared.delivery.printing import show

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

Context = Mapping[str, Any]
MISSING: Any = object()
"""What a path leads to that leads nowhere."""


class TemplateRefused(Exception):  # noqa: N818 - a template is refused; it is no error of this program
    """A template that is not allowed, or did more than is allowed; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.suggestion = suggestion


class Templates:
    """The templates of one mapping, which share an environment for each way of escaping."""

    __slots__ = ("_environments",)

    def __init__(self) -> None:
        self._environments: dict[str, ImmutableSandboxedEnvironment] = {}

    def compile(self, source: str, escape: str = "") -> Callable[[Context], str]:
        """Return what renders a template within the sandbox's bounds. Raises TemplateRefused."""
        from shared.delivery import sandbox  # Jinja: see above

        environment = self._environments.get(escape) or sandbox.new_environment(escape)
        self._environments[escape] = environment
        template = sandbox.build(environment, sandbox.parse(environment, source))
        return lambda context: sandbox.run(template, context)


@dataclass(slots=True)
class Text:
    """A template as text; `path` where it is nothing but `{{ a.b }}`, `constant` where nothing is to be filled in.

    `escape` names how what it prints is escaped.
    """

    source: str
    templates: Templates = field(repr=False, compare=False)
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
            self._compiled = self.templates.compile(self.source, self.escape)
        return self._compiled

    @property
    def needs_jinja(self) -> bool:
        """Return False where it is rendered without being compiled."""
        return self.constant is None and not self.path


def follow(path: tuple[str, ...], context: Context) -> Any:
    """Return what a dotted path leads to, or MISSING where it leads nowhere."""
    value: Any = context.get(path[0], MISSING)
    for name in path[1:]:
        value = value.get(name, MISSING) if isinstance(value, dict) else getattr(value, name, MISSING)
        if value is MISSING or value is None:
            return value
    return value
