"""What the link in a notification opens: an incident, alerts, or the list of all, to read and nothing else."""

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import unquote

from shared.local.standins import html
from shared.local.standins.frame import Request, Response
from shared.local.standins.servicenow.schema import labels
from shared.local.standins.servicenow.store import Row

_TARGET = re.compile(r"(?P<table>incident|change_request)\.do\?sys_id=(?P<sys_id>[0-9a-f]{32})")
_SHOWN = (
    "state", "priority", "impact", "urgency", "category", "assignment_group", "cmdb_ci", "opened_at", "resolved_at",
    "close_code", "close_notes", "correlation_id", "correlation_display", "type", "approval", "work_start", "work_end",
)  # fmt: skip
_OF_ALERT = (
    "state", "severity", "message_key", "event_count", "time_of_event", "resolution_state", "source", "node", "type",
    "resource", "metric_name",
)  # fmt: skip


def target(request: Request) -> tuple[str, str]:
    """Return the table and sys_id of the incident or change that a link names, or empty strings."""
    found = _TARGET.search(unquote(unquote(request.target)))
    return (found["table"], found["sys_id"]) if found else ("", "")


def record_page(row: Row, references: dict[str, str], journal: Sequence[Row]) -> Response:
    """Return the page of one incident or change."""
    lines = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(_shown(row, name, references))}</td></tr>"
        for name in _SHOWN
        if name in row
    )
    notes = "".join(
        f"<h3>{escape(entry['sys_created_on'])} {escape(entry['element'].replace('_', ' '))} by "
        f"{escape(entry['sys_created_by'])}</h3><pre>{escape(entry['value'])}</pre>"
        for entry in reversed(journal)
    )
    title = f"{row['number']} {row['short_description']}"
    body = f"<h1>{escape(title)}</h1><table>{lines}</table><pre>{escape(row['description'])}</pre>{notes}"
    return html.page(row["number"], body)


def alerts_page(rows: Sequence[Row]) -> Response:
    """Return the page of the alerts that a query found, newest first."""
    body = "".join(map(_alert, reversed(rows))) or "<h1>Alerts</h1><p>No records to display</p>"
    return html.page("Alerts", body)


def _alert(row: Row) -> str:
    lines = "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}</th><td>{escape(row.get(name, ''))}</td></tr>" for name in _OF_ALERT
    )
    texts = "".join(f"<pre>{escape(row.get(name, ''))}</pre>" for name in ("description", "additional_info"))
    return f"<h1>{escape(row['number'])}</h1><table>{lines}</table>{texts}"


def list_page(rows: Sequence[Row], others: Sequence[tuple[str, Sequence[Row]]], base: str) -> Response:
    """Return the page that lists incidents, newest first; `others` are records of other tables, by their title."""
    lines = "".join(
        f'<tr><td><a href="{escape(base)}/nav_to.do?uri=incident.do%3Fsys_id%3D{row["sys_id"]}">{escape(row["number"])}'
        f"</a></td><td>{escape(_shown(row, 'state', {}))}</td><td>{escape(_shown(row, 'priority', {}))}</td>"
        f"<td>{escape(row['short_description'])}</td></tr>"
        for row in reversed(rows)
    )
    head = "<tr><th>Number</th><th>State</th><th>Priority</th><th>Short description</th></tr>"
    body = f"<h1>Incidents</h1><table>{head}{lines}</table>"
    for title, found in others:
        body += f"<h1>{escape(title)}</h1><table>{''.join(map(_line, reversed(found)))}</table>" if found else ""
    return html.page("Incidents", body)


def _line(row: Row) -> str:
    cells = (
        row["number"],
        _shown(row, "state", {}),
        row.get("short_description") or row.get("description", "").partition("\n")[0],
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _shown(row: Row, name: str, references: dict[str, str]) -> str:
    value = row.get(name, "")
    return references.get(name) or labels(row["sys_class_name"], name).get(value, value)
