"""The functions of ServiceNow against its stand-in."""

from typing import Any

from shared.events.episode import Episode
from shared.local.standins import servicenow
from tests.support.rigs.place import App, Standing, Ticket, Told

_STANDINGS: dict[str, Standing] = {"1": "active", "2": "active", "3": "active", "6": "resolved", "7": "closed"}
_STATES = {"active": "2", "resolved": "6", "closed": "7", "void": "8"}


class _Instance:
    """What all functions of an instance have in common."""

    url, secret, ca = "SERVICENOW_INSTANCE", "SERVICENOW_PASSWORD", "SERVICENOW_CA_FILE"
    hurried = {"SERVICENOW_TIMEOUT": "0.5"}  # noqa: RUF012 - read only

    def opened(self) -> App:
        return servicenow.new_app(database=":memory:")

    def settings(self, url: str) -> dict[str, str]:
        return {"SERVICENOW_INSTANCE": url, "SERVICENOW_USERNAME": "tidings", "SERVICENOW_PASSWORD": "tidings"}


class Incidents(_Instance):
    """Incidents of the incident table."""

    function = "servicenow_incident"
    writes, reads, nothing = "create", "find", '{"result": []}'

    def tickets(self, app: Any) -> list[Ticket]:
        return [
            Ticket(
                row["sys_id"],
                row["number"],
                _STANDINGS.get(row["state"], "void"),
                f"{row['short_description']}\n{row.get('description', '')}",
                tuple(entry["value"] for entry in app.journal(row["sys_id"])),
            )
            for row in app.records("incident")
        ]

    def by_hand(self, app: Any, ticket: Ticket, standing: Standing) -> None:
        app.change("incident", ticket.ref, {"state": _STATES[standing], "close_code": "Known error"})

    def second(self, app: Any, episode: Episode) -> None:
        app.insert("incident", {"correlation_id": episode.id, "short_description": "late", "state": "1"})


class Events(_Instance):
    """Alerts of Event Management."""

    function = "servicenow_event"
    writes = "events"
    failures = (
        "",
        "[]",
        "{}",
        '{"result": 7}',
        '{"status": "failure"}',
        '{"result": {}, "__error": {"message": "no"}}',
        '{"records": [{"_status": "failure"}]}',
    )

    def key(self, episode: Episode) -> str:
        return episode.id

    def told(self, app: Any) -> list[Told]:
        return [
            Told(row["message_key"], row["state"] == "Closed", row["description"]) for row in app.records("em_alert")
        ]
