"""What a person sees of the collector: the latest events, to read and nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from shared.events.words import counted
from shared.local.standins import html
from shared.local.standins.frame import Response
from shared.local.standins.splunk.store import Kept

_COLUMNS = ("severity", "type", "kind", "namespace", "name", "reason", "description")


def events_page(events: Sequence[Kept], count: int) -> Response:
    """Return the page of the latest events, the newest first; `count` is how many there are in all."""
    lines = "".join(_line(kept) for kept in reversed(events))
    head = "".join(f"<th>{name}</th>" for name in ("time", "host", *_COLUMNS))
    body = f"<h1>{counted(count, 'event')}</h1><table><tr>{head}</tr>{lines}</table>"
    return html.page("Events", body)


def _line(kept: Kept) -> str:
    event: Any = kept["event"] if isinstance(kept["event"], dict) else {"description": kept["event"]}
    cells = [_time(kept["time"]), str(kept["host"] or ""), *(str(event.get(name) or "") for name in _COLUMNS)]
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _time(seconds: Any) -> str:
    try:
        return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
