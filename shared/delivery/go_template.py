"""Go templates over a Kubernetes Event, said in the templates of our mappings (docs/mapping.md).

Field mappings of other event routers are written in Go's text/template with the helpers of Sprig. What has a meaning
here is translated; what has none is named, so that nobody finds out from a ticket. `{{ .reason }}` is the Event's
reason, and a ticket speaks of an episode: `{{ episode.reason }}`.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.delivery.go_functions import Untranslatable
from shared.delivery.go_pipelines import pipeline

_ACTION = re.compile(
    r"\{\{(?P<left>-\s)?(?P<inside>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`{]|\{(?!\{))*?)(?P<right>\s-)?\}\}", re.DOTALL
)


class Unconverted(NamedTuple):
    """One construct that has no meaning here."""

    construct: str
    message: str
    suggestion: str = ""


def convert(source: str) -> tuple[str, list[Unconverted]]:
    """Return the template in our words, and what of it could not be said; then the text is of no use."""
    made = _Writer()
    end = 0
    trim = False
    for found in _ACTION.finditer(source):
        made.text(source[end : found.start()], left=trim, right=bool(found["left"]))
        made.action(found["inside"].strip(), found[0])
        end, trim = found.end(), bool(found["right"])
    made.text(source[end:], left=trim, right=False)
    if made.open:
        made.problems.append(Unconverted(made.open[-1], "it has no {{ end }}"))
    return "".join(made.parts), made.problems


@dataclass(slots=True)
class _Writer:
    """What is written so far, what could not be, and the blocks that are open."""

    parts: list[str] = field(default_factory=list)
    problems: list[Unconverted] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def text(self, text: str, *, left: bool, right: bool) -> None:
        """Write what stands between actions; what begins a tag of ours is kept from doing so."""
        begun = text.find("{{")
        if begun >= 0:
            self.problems.append(Unconverted(text[begun:], "it is not closed"))
        text = text.lstrip() if left else text
        text = text.rstrip() if right else text
        self.parts.append(re.sub(r"\{(?=[{%#])", '{{ "{" }}', text))

    def action(self, inside: str, whole: str) -> None:
        """Write one action, or note why it cannot be."""
        try:
            self.parts.append(self._action(inside, whole))
        except Untranslatable as refused:
            self.problems.append(Unconverted(whole, refused.message, refused.suggestion))

    def _action(self, inside: str, whole: str) -> str:
        word, _, rest = inside.partition(" ")
        if inside.startswith("/*"):
            return ""
        if word == "if":
            self.open.append(whole)
            return f"{{% if {pipeline(rest).code} %}}"
        if word == "else":
            return self._else(rest.strip())
        if word == "end":
            if not self.open:
                raise Untranslatable("it ends nothing")
            self.open.pop()
            return "{% endif %}"
        if word in {"range", "with", "define", "template", "block", "break", "continue"}:
            if word in {"range", "with", "define", "block"}:
                self.open.append(whole)  # so that its end is not taken for another's
            raise Untranslatable(f"`{word}` has no counterpart", "write this field in the mapping by hand")
        if ":=" in inside or (inside.startswith("$") and not inside.startswith("$.")):
            raise Untranslatable("variables have no counterpart", "write the expression where it is used")
        return f"{{{{ {pipeline(inside).code} }}}}"

    def _else(self, rest: str) -> str:
        if not self.open:
            raise Untranslatable("it belongs to no {{ if }}")
        word, _, condition = rest.partition(" ")
        if not rest:
            return "{% else %}"
        if word != "if":
            raise Untranslatable(f"`else {word}` has no counterpart")
        return f"{{% elif {pipeline(condition).code} %}}"
