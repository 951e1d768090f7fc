"""Cut a stream of JSON into its items, piece by piece as it comes, without ever holding more of it than one item.

An item is what a producer sent as one: a value of its own, each element of an array, each element of `items` in a List
(of audit records, of Kubernetes objects), each of several values one after the other (JSON lines among them). Nothing
is parsed here but brackets and quotes; whether an item is valid JSON is for its parser to say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import re2

_BETWEEN = re.compile(rb"[\s,\x1e]*+(?:\xef\xbb\xbf[\s,\x1e]*+)*+")  # the last one separates the texts of RFC 7464
_MARK = b"\xef\xbb\xbf"  # of UTF-8, with which some programs begin a file
# What lies between brackets, texts and all. A text without an end yet is taken as far as it goes, and leaves the group
# empty. It must not fail inside of what is possessive: Python before 3.11.5 (Debian 12) does not go back to its start.
_INERT = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+((?:"[^"{}\[\]]*+)?+))*+', re.DOTALL)
_REST_OF_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_REST_OF_WORD = re.compile(rb'[^"\s,\x1e\[\]{}]*+')
_ITEMS = re.compile(rb'(?<!\\)"items"\s*+:\s*+\Z')
_OPEN, _CLOSE, _QUOTE = b"{[", b"}]", ord('"')
_LEVELS = 24  # of brackets in what is searched for at once: what is deeper is rare


@cache
def _whole() -> Any:
    """Return the pattern of an object or an array as the steps below see it: brackets of whatever kind, and texts."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = options.never_capture = True
    whole = text = rb'"(?:[^"\\]|\\.)*"'
    for _ in range(_LEVELS):
        whole = rb'[{\[][^"{}\[\]]*(?:(?:%b|%b)[^"{}\[\]]*)*[}\]]' % (text, whole)
    return re2.compile(whole, options)


def frame_of(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a List says of each item: one of a single kind, as the API server answers it, does not repeat it."""
    kind = head.get("kind")
    if not isinstance(kind, str) or kind == "List" or not kind.endswith("List"):
        return {}
    return {"apiVersion": head.get("apiVersion"), "kind": kind.removesuffix("List")}


class Item(NamedTuple):
    """The bytes of one item, empty where it was larger than allowed; `frame` is what its List says of it.

    Of one that was too large `head` is a digest of as many of its bytes as are allowed: two that differ are told apart.
    """

    body: bytes
    frame: dict[str, Any]
    head: bytes = b""

    @property
    def too_large(self) -> bool:
        """Return True where it was dropped for its size."""
        return not self.body


@dataclass(slots=True)
class _Level:
    """A list whose elements are items: an array, or the `items` of an object that is over with its own end."""

    frame: dict[str, Any]
    of_object: bool = False


class Cutter:
    """Cuts one body. Use: `feed` each piece, then `end`; holds at most one item and a piece, `most` bytes each.

    Each byte is looked at a few times at most, however small the pieces are.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._buffer = bytearray()
        self._start = 0  # of the item that is being read
        self._at = 0  # what lies before it is looked at
        self._depth = 0  # of brackets in the item that is being read, 0 between items
        self._levels: list[_Level] = []
        self._tail = 0  # brackets to close of a List whose items are read, 0 elsewhere
        self._dropped = b""  # the digest of the head of the item that is being read, where it is too large
        self._in_text = False  # what is looked at ends inside of a text of the item
        self._in_scalar = False  # the item is a text, a number or a word, and what is looked at ends inside of it
        self.broken = False
        self.head: Mapping[str, Any] = {}  # what a List says before its items

    def feed(self, piece: bytes) -> Iterator[Item]:
        """Yield the items that are complete now."""
        self._buffer += piece
        while not self.broken:
            step = self._within() if self._depth or self._tail else self._between()
            if step is None:
                break
            if isinstance(step, Item):
                yield step
        self._forget()

    def end(self) -> Iterator[Item]:
        """Yield what the end completes; `broken` says whether something was not complete."""
        if not self._depth and not self._tail and not self.broken:
            rest = self._buffer[self._start :].strip()
            self.broken = len(rest) > self._most
            if rest and not self.broken:
                yield self._item(bytes(rest))
        self.broken = self.broken or bool(self._depth or self._tail or self._levels)

    def _between(self) -> Item | bool | None:
        """Go on between items: None where more is needed, else whether something was found."""
        if self._in_scalar:
            return self._scalar()
        start = self._start = self._at = _end(_BETWEEN, self._buffer, self._at)
        begin = bytes(self._buffer[start : start + len(_MARK)])
        if _MARK.startswith(begin):
            return None  # nothing, or of a mark the rest is to come
        first = begin[:1]
        if first == b"[" and not self._levels:
            self._levels.append(_Level({}))
        elif first in (b"{", b"["):
            return self._at_once() or self._begin()
        elif first == b"]" and self._levels:
            self._tail = int(self._levels.pop().of_object)
        elif first in (b"]", b"}"):
            self.broken = True
            return None
        else:
            self._in_scalar, self._at = True, start + 1
            return True
        self._at = start + 1
        return True

    def _at_once(self) -> Item | None:
        """Return the item that begins here where all of it is there: one search for it is a tenth of all its steps.

        There is one for each item, which ends with it or with what is there: no more than its steps look at.
        """
        found = _whole().match(self._buffer, self._start)
        if found is None or (not self._in_list and self._buffer.find(b'"items"', self._start, found.end()) >= 0):
            return None
        self._at = found.end()
        return self._complete()

    def _begin(self) -> bool:
        self._depth, self._at = 1, self._start + 1
        return True

    def _scalar(self) -> Item | None:
        """Return a text, a number or a word that stands where an item should, once something follows it."""
        is_text = self._buffer[self._start] == _QUOTE
        at = self._at = _end(_REST_OF_TEXT if is_text else _REST_OF_WORD, self._buffer, self._at)
        if at == len(self._buffer) or (is_text and self._buffer[at] != _QUOTE):
            self.broken = len(self._buffer) - self._start > self._most
            return None
        self._in_scalar, self._at = False, at + is_text
        if self._at - self._start > self._most:
            self.broken = True  # as where it does not come in one piece
            return None
        return self._item(bytes(self._buffer[self._start : self._at]))

    def _within(self) -> Item | bool | None:
        """Go on inside of an item, or behind the items of a List, to the next bracket."""
        if not self._leave_text():
            return None
        at = self._at = self._skip()
        if self._in_text or at == len(self._buffer):
            return None
        sign = self._buffer[at]
        self._at = at + 1
        if self._tail:
            self._tail += 1 if sign in _OPEN else -1
        elif sign not in _OPEN:
            self._depth -= 1
            return True if self._depth else self._complete()
        elif self._depth == 1 and sign == _OPEN[1] and self._is_list(at):
            self._enter(at)
        else:
            self._depth += 1
        return True

    def _leave_text(self) -> bool:
        """Go to behind the end of a text that was begun, if one was; return False where its end is to come."""
        if self._in_text:
            at = self._at = _end(_REST_OF_TEXT, self._buffer, self._at)
            if at == len(self._buffer) or self._buffer[at] != _QUOTE:  # the latter is a backslash, whose letter comes
                return False
            self._in_text, self._at = False, at + 1
        return True

    def _skip(self) -> int:
        """Return where the next bracket is, or what can be looked at ends; notes whether that is inside of a text."""
        found = _INERT.match(self._buffer, self._at)
        if found is None:
            return self._at
        at = found.end()
        self._in_text = found.start(1) == at
        return at

    def _is_list(self, at: int) -> bool:
        """Return True where the array that begins here holds the items of an object that is none itself."""
        large = self._dropped or at - self._start > self._most  # by what came before, wherever a piece ended
        before = self._buffer[max(self._start, at - 64) : at]
        return not self._in_list and not large and _ITEMS.search(before) is not None

    @property
    def _in_list(self) -> bool:
        """Return True where the items are those of an object: a list in one of them is none of items."""
        return any(level.of_object for level in self._levels)

    def _enter(self, at: int) -> None:
        try:
            head = orjson.loads(self._buffer[self._start : at] + b"0}")
        except orjson.JSONDecodeError:
            self.broken = True
            return
        self.head = head
        self._levels.append(_Level(frame_of(head), of_object=True))
        self._depth = 0

    def _complete(self) -> Item:
        self._drop_large(self._at)
        if self._dropped:
            item, self._dropped = Item(b"", {}, self._dropped), b""
            return item
        return self._item(bytes(self._buffer[self._start : self._at]))

    def _drop_large(self, end: int) -> None:
        """Keep no more than a digest of an item that reaches to `end`, where it is too large."""
        if not self._dropped and end - self._start > self._most:
            self._dropped = _head(self._buffer[self._start : self._start + self._most])

    def _item(self, body: bytes) -> Item:
        return Item(body, self._levels[-1].frame if body and self._levels else {})

    def _forget(self) -> None:
        """Forget what nobody needs: items that are cut, what is behind those of a List, and what is too large."""
        if self._depth:
            self._drop_large(len(self._buffer))
        keep = self._at if self._dropped or self._tail else self._start
        del self._buffer[:keep]
        self._at, self._start = self._at - keep, 0


class Lines:
    """Cuts lines, each by itself: a line that is broken spoils no other. Used as a Cutter is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = bytearray()
        self._dropped = b""  # the digest of the head of the line, where it is too large
        self.broken = False

    def feed(self, piece: bytes) -> Iterator[Item]:
        """Yield the items of the lines that are complete now."""
        rest, *more = piece.split(b"\n")
        self._rest += rest
        for line in more:
            yield from self._line(bytes(self._rest))
            self._rest[:] = line
        self._drop_large(self._rest)
        if self._dropped:
            self._rest.clear()

    def end(self) -> Iterator[Item]:
        """Yield the items of the last line."""
        yield from self._line(bytes(self._rest))

    def _line(self, line: bytes) -> Iterator[Item]:
        self._drop_large(line)
        if self._dropped:
            yield Item(b"", {}, self._dropped)
            self._dropped = b""
            return
        cutter = Cutter(self._most)
        items = [*cutter.feed(line), *cutter.end()]
        # A line of words is one item that no parser takes, not one for each word.
        words = len(items) > 1 and not all(is_json(item.body) for item in items)
        yield from [Item(line, {})] if cutter.broken or words else items

    def _drop_large(self, line: bytes | bytearray) -> None:
        if not self._dropped and len(line) > self._most:
            self._dropped = _head(line[: self._most])


def is_json(text: bytes) -> bool:
    """Return True where the text is one JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _head(first: bytes | bytearray) -> bytes:
    return sha256(first).digest()


def _end(pattern: "re.Pattern[bytes]", text: bytearray, at: int) -> int:
    """Return where a match ends of a pattern that matches nothing, too."""
    found = pattern.match(text, at)
    return at if found is None else found.end()
