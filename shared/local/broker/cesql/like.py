"""The patterns of LIKE: `%` is any text, `_` one character, and a backslash takes the meaning from either."""

from collections.abc import Callable

_ANY, _ONE = "%", "_"
_Part = tuple[str, bool]  # a character, and whether it is a wildcard


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return the test for a pattern: a whole text matches it. Time is at most the product of their lengths."""
    parts = _parts(pattern)
    return lambda text: _matches(parts, text)


def _parts(pattern: str) -> list[_Part]:
    parts: list[_Part] = []
    escaped = False
    for number, character in enumerate(pattern):
        if escaped:
            parts.append((character, False))
            escaped = False
        elif character == "\\" and pattern[number + 1 : number + 2] in {_ANY, _ONE}:
            escaped = True
        else:
            parts.append((character, character in {_ANY, _ONE}))
    return parts


def _matches(parts: list[_Part], text: str) -> bool:
    at = part = 0
    behind, retried = -1, 0  # the part after the last %, and the place in the text to try it again from
    while at < len(text):
        wanted, wild = parts[part] if part < len(parts) else ("", False)
        if wild and wanted == _ANY:
            part += 1
            behind, retried = part, at
        elif wanted == text[at] or (wild and wanted == _ONE):
            part, at = part + 1, at + 1
        elif behind >= 0:
            retried += 1
            part, at = behind, retried
        else:
            return False
    return all(part == (_ANY, True) for part in parts[part:])
