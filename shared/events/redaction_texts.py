"""Secrets inside a text, and the note of what was masked in a value and where."""

from shared.events.redaction_patterns import ANY_TEXT, MASK, NONE, text_patterns

_MAX_PATHS = 50

Path = tuple[str, ...]


class Redaction:
    """What was masked: kind by path of the first 50 values, and how many there were by kind.

    `suspects` are the texts of the value that may hold a secret, None where each has to be searched; `kept` collects
    the texts that a walk leaves as they are, the keys of an object as one text. `size` says how many bytes of JSON the
    redacted value takes at most, 0 where nobody counted.
    """

    __slots__ = ("kept", "kinds", "paths", "size", "suspects")

    def __init__(self, suspects: frozenset[str] | None = None, size: int = 0) -> None:
        self.suspects = suspects
        self.size = size
        self.kept: list[str] = []
        self.paths: dict[str, str] = {}
        self.kinds: dict[str, int] = {}

    def note(self, kind: str, path: Path) -> None:
        """Record one masked value; the path is shown with its last parts only."""
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if len(self.paths) < _MAX_PATHS:
            self.paths[".".join(path)[-200:]] = kind

    def text(self, text: str) -> str:
        """Return a text of the value, or a part of one, without its secrets."""
        return text if self.suspects == NONE else redact_text(text)


def redact_text(text: str, noted: Redaction | None = None, path: Path = ()) -> str:
    """Return the text with tokens, passwords and URL user parts masked."""
    if not _is_suspect(text):
        return text
    if not _is_unicode(text):
        if noted is not None:
            noted.note("no-text", path)
        return MASK
    for entry in text_patterns():
        changed = entry.pattern.sub(entry.replacement, text)
        if changed != text:
            text = changed
            if noted is not None:
                noted.note(entry.kind, path)
    return text


def _is_suspect(text: str) -> bool:
    try:
        return ANY_TEXT.search(text) is not None
    except UnicodeEncodeError:  # half of a surrogate pair: what cannot be searched may hold anything
        return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
