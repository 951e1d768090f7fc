"""How what a template prints is escaped for where it lands: data stays data, the template's own text stays as written.

It is done to each `{{ … }}` and to nothing else, so that no template can forget it and none does it twice.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import orjson


class Json(str):
    """A text that is JSON already, as the filter `json` makes it: a template that makes JSON prints it as it is."""

    __slots__ = ()


def _json(text: str) -> str:
    return text if isinstance(text, Json) else orjson.dumps(text).decode()[1:-1]


def _mrkdwn(text: str) -> str:
    """Escape the three characters that Slack's own markup begins with (reference/formatting, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _html(text: str) -> str:
    """Escape what HTML begins with, in texts and in attributes, without the module `html` and its large table."""
    return _mrkdwn(text).replace('"', "&quot;").replace("'", "&#x27;")


def _url(text: str) -> str:
    """Make one part of a path or query of it: whatever it holds, it is no delimiter (RFC 3986 §2.4)."""
    encoded = quote(text, safe="")
    return encoded.replace(".", "%2E") if encoded.strip(".") == "" else encoded  # `..` would lead elsewhere


ESCAPES: Final[dict[str, Callable[[str], str]]] = {"html": _html, "json": _json, "mrkdwn": _mrkdwn, "url": _url}
_ENTITY_ENDS: Final = 8  # characters of the longest entity that `html` and `mrkdwn` make


def escaped(escape: str, value: Any) -> Any:
    """Return a text escaped by that name; without one, and what is no text, as it is."""
    return ESCAPES[escape](value) if escape and isinstance(value, str) else value


def cut(escape: str, text: str, most: int) -> str:
    """Return a text of at most `most` characters, `…` at its end where it was longer; no entity is left in half."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    begun = kept.rfind("&", max(0, len(kept) - _ENTITY_ENDS)) if escape in {"html", "mrkdwn"} else -1
    return f"{kept[:begun] if begun >= 0 and ';' not in kept[begun:] else kept}…"
