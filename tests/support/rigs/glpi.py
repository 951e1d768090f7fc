"""glpi_ticket against its stand-in."""

from html import unescape
from typing import Any

from shared.destinations.glpi.text import text_of
from shared.events.episode import Episode
from shared.local.standins import glpi
from tests.support.rigs.place import App, Standing, Ticket

_STATUSES = {"active": 2, "resolved": 5, "closed": 6}
_VOID = "Opened twice for one problem."


class Tickets:
    """Tickets over the legacy REST API."""

    function = "glpi_ticket"
    writes, reads = "create", "find"
    nothing = '{"totalcount":0,"count":0,"sort":["2"],"order":["DESC"],"content-range":"0--1/0"}'
    refusal = '["ERROR_GLPI_ADD","no"]'
    url, secret, ca = "GLPI_URL", "GLPI_USER_TOKEN", "GLPI_CA_FILE"
    hurried = {"GLPI_TIMEOUT": "0.5"}  # noqa: RUF012 - read only

    def opened(self) -> App:
        return glpi.new_app()

    def settings(self, url: str) -> dict[str, str]:
        return {"GLPI_URL": url, "GLPI_APP_TOKEN": glpi.APP_TOKEN, "GLPI_USER_TOKEN": "tidings-user-token"}

    def tickets(self, app: Any) -> list[Ticket]:
        found = []
        for row in app.records("Ticket"):
            notes = tuple(text_of(note["content"]) for _, note in app.notes(row["id"]))
            text = f"{unescape(row['name'])}\n{text_of(row['content'] or '')}"
            found.append(Ticket(str(row["id"]), str(row["id"]), _standing(row["status"], notes), text, notes))
        return found

    def by_hand(self, app: Any, ticket: Ticket, standing: Standing) -> None:
        app.change("Ticket", int(ticket.ref), {"status": _STATUSES[standing]})

    def second(self, app: Any, episode: Episode) -> None:
        app.insert("Ticket", {"name": f"late [k8s:{episode.id}]", "content": "late"})


class ModernTickets(Tickets):
    """Tickets over the API v2 of GLPI 11."""

    secret = "GLPI_PASSWORD"  # noqa: S105 -- the setting's name
    nothing = "[]"
    refusal = '{"status":"ERROR_INVALID_PARAMETER","title":"no","detail":null}'

    def opened(self) -> App:
        return glpi.new_app(version="11.0.6")

    def settings(self, url: str) -> dict[str, str]:
        ((client, secret),) = glpi.CLIENTS.items()
        user = {"GLPI_USERNAME": "tidings", "GLPI_PASSWORD": "tidings"}
        return {"GLPI_URL": url, "GLPI_CLIENT_ID": client, "GLPI_CLIENT_SECRET": secret, **user}


def _standing(status: int, notes: tuple[str, ...]) -> Standing:
    if status == 6:
        return "closed"
    if status != 5:
        return "active"
    return "void" if any(note.startswith(_VOID) for note in notes) else "resolved"
