"""What a person sees of the receiver: the latest payloads, to read and nothing else."""

from collections.abc import Sequence
from html import escape
from typing import Any

from shared.events.words import counted
from shared.local.standins import html
from shared.local.standins.frame import Response

_COLUMNS = ("host", "form", "event_id", "cat", "severity", "payload")


def payloads_page(payloads: Sequence[dict[str, Any]], count: int, address: str) -> Response:
    """Return the page of the latest payloads, the newest first; `count` is how many there are in all."""
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(one[name]))}</td>" for name in _COLUMNS) + "</tr>"
        for one in reversed(payloads)
    )
    body = f"<h1>{counted(count, 'payload')}</h1><p>{escape(address)}</p><table><tr>{head}</tr>{lines}</table>"
    return html.page("Payloads", body)
