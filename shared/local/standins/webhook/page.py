"""What a person sees of the receiver: the latest notices, to read and nothing else."""

from collections.abc import Sequence
from html import escape

import orjson

from shared.events.words import counted
from shared.local.standins import html
from shared.local.standins.frame import Response
from shared.local.standins.webhook.store import Kept

_LONGEST = 1_000


def notices_page(notices: Sequence[Kept], count: int) -> Response:
    """Return the page of the latest notices, the newest first; `count` is how many there are in all."""
    lines = "".join(_line(one) for one in reversed(notices))
    head = "".join(f"<th>{name}</th>" for name in ("#", "request", "key", "body"))
    return html.page("Notices", f"<h1>{counted(count, 'notice')}</h1><table><tr>{head}</tr>{lines}</table>")


def _line(one: Kept) -> str:
    body = (
        one["body"] if isinstance(one["body"], str) else orjson.dumps(one["body"], option=orjson.OPT_INDENT_2).decode()
    )
    key = f"{one['key']}{' (again)' if one['again'] else ''}"
    cells = (str(one["seq"]), f"{one['method']} {one['target']}", key)
    shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr>{shown}<td><pre>{escape(body[:_LONGEST])}</pre></td></tr>"
