"""What the link in a ticket's notification opens: one ticket, or the list of them, to read and nothing else."""

import re
from collections.abc import Sequence
from html import escape, unescape

from shared.local.standins import html
from shared.local.standins.frame import Request, Response
from shared.local.standins.glpi.store import Row

STATUSES = {1: "New", 2: "Processing (assigned)", 3: "Processing (planned)", 4: "Pending", 5: "Solved", 6: "Closed"}
_SHOWN = ("urgency", "impact", "priority", "entities_id", "itilcategories_id", "date", "solvedate", "closedate")
_BREAK = re.compile(r"(?i)<br\s*/?>|</p>")
_TAG = re.compile(r"<[^>]*>")


def target(request: Request) -> int:
    """Return the id of the ticket that a link names, or 0."""
    number = request.query.get("id", "")
    return int(number) if request.path.endswith("/ticket.form.php") and number.isdecimal() else 0


def ticket_page(row: Row, notes: Sequence[tuple[str, Row]], links: Sequence[str]) -> Response:
    """Return the page of one ticket; `notes` are follow-ups and solutions with what they are called."""
    lines = f"<tr><th>status</th><td>{escape(STATUSES.get(row['status'], ''))}</td></tr>" + "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(str(row[name] or ''))}</td></tr>" for name in _SHOWN
    )
    texts = "".join(
        f"<h3>{escape(str(note['date_creation']))} {escape(kind)}</h3><pre>{escape(_plain(note['content']))}</pre>"
        for kind, note in notes
    )
    linked = "".join(f"<li>{escape(link)}</li>" for link in links)
    title = f"{unescape(row['name'])} ({row['id']})"
    body = f"<h1>{escape(title)}</h1><table>{lines}</table><pre>{escape(_plain(row['content']))}</pre>"
    return html.page(title, f"{body}{texts}<ul>{linked}</ul>")


def list_page(rows: Sequence[Row], base: str) -> Response:
    """Return the page that lists tickets, newest first."""
    lines = "".join(
        f'<tr><td><a href="{escape(base)}/front/ticket.form.php?id={row["id"]}">{row["id"]}</a></td>'
        f"<td>{escape(STATUSES.get(row['status'], ''))}</td><td>{row['priority']}</td>"
        f"<td>{escape(unescape(row['name']))}</td></tr>"
        for row in reversed(rows)
    )
    head = "<tr><th>ID</th><th>Status</th><th>Priority</th><th>Title</th></tr>"
    return html.page("Tickets", f"<h1>Tickets</h1><table>{head}{lines}</table>")


def _plain(content: str | None) -> str:
    text = content or ""
    text = text if "<" in text else unescape(text)
    return unescape(_TAG.sub("", _BREAK.sub("\n", text)))
