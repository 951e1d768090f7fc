"""Texts on their way into GLPI, whose descriptions and notes are HTML: what events say stays text (F44).

GLPI 10 gives texts back with `&`, `<` and `>` as numeric entities, so both forms are read.
"""

import re
from html import escape, unescape
from typing import Final

MAX_NAME: Final = 255
"""Characters that GLPI keeps of a title; it cuts longer ones in silence (reference/destinations.md §2.1)."""
_ANGLES = str.maketrans({"<": "\u2039", ">": "\u203a"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BREAK = re.compile(r"(?i)<br\s*/?>\n?|</p>\s*<p>")
_TAG = re.compile(r"<[^>]*>")


def html_of(text: str) -> str:
    """Return a text as HTML that shows just this text."""
    clean = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "<p>" + escape(clean).replace("\n", "<br>") + "</p>"


def text_of(html: str) -> str:
    """Return what people read of HTML: of `html_of` what went in, of other HTML its text without tags."""
    if "<" not in html and ("&lt;" in html or "&#60;" in html):
        html = unescape(html)
    return unescape(_TAG.sub("", _BREAK.sub("\n", html)))


def title_of(text: str, tag: str) -> str:
    """Return a title of one line with the tag at its end, within what GLPI keeps.

    Angle brackets become quotation marks of that shape: a title is plain text, but pages of GLPI have shown some
    as HTML.
    """
    line = _CONTROL.sub("", " ".join(text.split())).translate(_ANGLES)
    room = MAX_NAME - len(tag) - 1
    if len(line) > room:
        line = line[: room - 1] + "…"
    return f"{line} {tag}" if line else tag
